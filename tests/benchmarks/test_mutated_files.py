"""Two thousand damaged photos, the same in every run: each is a photo or one refusal, also over HTTP."""

import io
import random
from collections import Counter

from flask import Flask
from mutated_files import mutated, run, seeds

from data.photos import decoder_outcomes
from data.settings import Settings

SEED = 20261126


def test_damaged_photos_are_photos_or_refusals() -> None:
    before = Counter(decoder_outcomes())
    outcomes = run(2_000, SEED, threads=2, settings=Settings())
    assert not outcomes.raised, outcomes
    assert set(Counter(decoder_outcomes()) - before) == {"photo", "refused"}  # no crash, no defect, no lost process
    assert sum(outcomes.codes.values()) == 2_000
    assert outcomes.codes["photo"] > 200
    assert outcomes.codes["undecodable_image"] > 200


def test_over_http_none_is_an_error_of_the_server(app: Flask) -> None:
    """Through the routes that decode with a fake engine: recommendations take a photo's colour, PUT takes photos in."""
    rng, photos, client = random.Random(SEED), seeds(), app.test_client()
    statuses = set()
    for number in range(100):
        content = mutated(rng, photos)
        asked = client.post("/v1/recommend", data={"label": "mug", "file": (io.BytesIO(content), "a.jpg")})
        fields = {"product": "{}", "image": (io.BytesIO(content), "a.jpg")}
        put = client.put(f"/v1/products/p{number}", data=fields)
        assert (asked.status_code < 300) == (put.status_code < 300)
        statuses |= {asked.status_code, put.status_code}
    assert {200, 201, 415, 422} <= statuses <= {200, 201, 413, 415, 422}


def test_the_same_seed_makes_the_same_files() -> None:
    first, second = ([mutated(rng, seeds()) for _ in range(20)] for rng in (random.Random(1), random.Random(1)))
    assert first == second
