"""Attribute voters as files and in a generation: what is saved comes back, damaged files are refused, old ones do."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_shop import DIM, TinyShop, axis, photo_of

from data.generations import GenerationStore
from data.photos import COLOUR_NAMES
from data.settings import Settings
from engine.errors import FingerprintMismatch, InvalidModel
from engine.recognition import (
    ATTRIBUTES_FILE,
    AttributeVoter,
    AttributeVoters,
    chances_of,
    leads_of,
    load_attribute_voters,
    save_attribute_voters,
    softmax,
    voter_input,
)
from engine.recognition.recogniser import FeatureMap
from engine.search import SearchEngine

WIDTH = DIM + len(COLOUR_NAMES)
PLAIN = FeatureMap(transform="l2", mean=np.zeros(DIM, np.float32), matrix=np.eye(DIM, dtype=np.float32))


def voter(name: str, *values: Any, first: int = 1) -> AttributeVoter:
    """A voter that names value i for the axis `first` + i, and is sure of it."""
    weights = np.zeros((WIDTH, len(values)), np.float32)
    for place in range(len(values)):
        weights[first + place, place] = 4.0 + place
    return AttributeVoter(
        name=name, values=values, weights=weights, bias=np.zeros(len(values), np.float32),
        offset=-1.0, slope=1.5, threshold=0.6,
    )  # fmt: skip


def voters(*each: AttributeVoter, fingerprint: str = "f" * 64) -> AttributeVoters:
    return AttributeVoters(fingerprint=fingerprint, features=PLAIN, voters=each)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    saved = voters(
        voter("attr.material", "<b>clay</b>", "wool", "tin"), voter("attr.kids", True, False), voter("x", 1, 2.5)
    )
    save_attribute_voters(saved, tmp_path)
    loaded = load_attribute_voters(tmp_path / ATTRIBUTES_FILE)
    assert [(each.name, each.values) for each in loaded.voters] == [(each.name, each.values) for each in saved.voters]
    row = np.array(axis(2), np.float32)
    assert loaded.guess(row, ("red",)) == saved.guess(row, ("red",))
    guess = loaded.guess(row, ())["attr.material"]
    assert (guess.value, guess.others, guess.abstained) == ("wool", ("<b>clay</b>", "tin"), False)
    assert guess.known == {"<b>clay</b>", "wool", "tin"}
    assert [type(value) for value in loaded.voters[1].values] == [bool, bool]


def test_a_lead_is_how_much_likelier_the_best_is_than_the_rest() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 7)).astype(np.float32)
    best, leads = leads_of(logits)
    shares = softmax(logits).max(axis=1)
    assert (best == logits.argmax(axis=1)).all()
    assert leads == pytest.approx(np.log(shares / (1 - shares)), rel=1e-3)
    assert leads_of(np.array([[900.0, -900.0]], np.float32))[1] == pytest.approx(1800)
    assert chances_of(np.array([-1e9, 0, 1e9]), 0.0, 1.0) == pytest.approx([0, 0.5, 1])


def test_colours_count_by_their_order() -> None:
    points = voter_input(PLAIN, np.array([axis(1)] * 2, np.float32), [("blue", "red"), ()])
    shown = points[0, DIM:]
    assert points.shape == (2, WIDTH)
    assert shown[list(COLOUR_NAMES).index("blue")] == 2 * shown[list(COLOUR_NAMES).index("red")] > 0
    assert np.count_nonzero(shown) == 2
    assert not points[1, DIM:].any()


def changed(folder: Path, arrays: dict[str, Any] | None = None, **facts: Any) -> Path:
    """Writes a file of two voters, with other facts or arrays than it should have."""
    save_attribute_voters(voters(voter("brand", "a", "b"), voter("colour", "red", "blue")), folder)
    path = folder / ATTRIBUTES_FILE
    whole = {
        "format": 1, "fingerprint": "f" * 64, "transform": "l2", "colours": list(COLOUR_NAMES),
        "attributes": [
            {"name": name, "values": values, "offset": 0.0, "slope": 1.0, "threshold": 0.5}
            for name, values in (("brand", ["a", "b"]), ("colour", ["red", "blue"]))
        ],
    }  # fmt: skip
    save_file({**load_file(path), **(arrays or {})}, path, {"attributes": json.dumps({**whole, **facts})})
    return path


ENTRY = {"name": "brand", "values": ["a", "b", "c", "d"], "offset": 0.0, "slope": 1.0, "threshold": 0.5}


@pytest.mark.parametrize(
    ("arrays", "facts"),
    [
        ({}, {"format": 2}),
        ({}, {"colours": ["red"]}),
        ({}, {"attributes": []}),
        ({}, {"attributes": [{**ENTRY, "values": ["a", "b", "c"]}]}),
        ({}, {"attributes": [{**ENTRY, "values": ["a", "b", "c", {"d": 1}]}]}),
        ({}, {"attributes": [{**ENTRY, "slope": -1.0}]}),
        ({}, {"attributes": [{**ENTRY, "threshold": 2.0}]}),
        ({}, {"attributes": [{**ENTRY, "values": ["a", "b"]}] * 2}),
        ({}, {"attributes": "no"}),
        ({"weights": np.full((WIDTH, 4), np.nan, np.float32)}, {}),
        ({"weights": np.zeros((3, 4), np.float32)}, {}),
        ({"bias": np.zeros(3, np.float32)}, {}),
        ({"matrix": np.zeros((DIM, 3), np.float32)}, {}),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused(tmp_path: Path, arrays: dict[str, Any], facts: Any) -> None:
    load_attribute_voters(changed(tmp_path))
    with pytest.raises(InvalidModel):
        load_attribute_voters(changed(tmp_path, arrays, **facts))


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for at in range(6):
        shop.put(f"a{at}", [axis(1)], category="Mugs", attributes={"material": "clay", "lid": True})
        shop.put(f"b{at}", [axis(2)], category="Hats", attributes={"material": "wool", "lid": False})
    return shop


def publish(shop: TinyShop, told: AttributeVoters) -> None:
    """Publishes a generation, and again with attribute voters in it."""
    before = shop.publish()
    staged = shop.store.stage()
    for path in before.folder.iterdir():
        if path.name != "manifest.json":
            (staged.folder / path.name).write_bytes(path.read_bytes())
    save_attribute_voters(told, staged.folder)
    kept = ("fingerprint", "dim", "metric", "counts", "seq", "backbone", "versions", "metrics", "gates")
    shop.store.publish(staged, **{name: getattr(before.manifest, name) for name in kept})


def test_a_generation_asks_its_attribute_voters(settings: Settings, shop: TinyShop) -> None:
    told = voters(voter("attr.material", "clay", "wool", "tin"), fingerprint=shop.backbone.spec.fingerprint)
    publish(shop, told)
    engine = SearchEngine(settings, backbone=shop.backbone)
    guesses = {guess.name: guess for guess in engine.suggest(photo_of(2)).attributes}
    assert (guesses["attr.material"].value, guesses["attr.material"].others) == ("wool", ("clay", "tin"))
    assert (
        guesses["attr.material"].probability
        == told.guess(np.array(axis(2), np.float32), ())["attr.material"].probability
    )
    assert (guesses["attr.lid"].value, guesses["attr.lid"].others) == (False, ())  # no voter: the nearest products


def test_a_generation_without_them_asks_the_nearest_products(settings: Settings, shop: TinyShop) -> None:
    shop.publish()
    guesses = SearchEngine(settings, backbone=shop.backbone).suggest(photo_of(2)).attributes
    assert [(guess.name, guess.value) for guess in guesses] == [("attr.lid", False), ("attr.material", "wool")]


def test_voters_of_another_backbone_are_refused(settings: Settings, shop: TinyShop) -> None:
    publish(shop, voters(voter("attr.material", "clay", "wool")))
    engine = SearchEngine(settings, backbone=shop.backbone)
    with pytest.raises(FingerprintMismatch, match="attribute voters"):
        engine.suggest(photo_of(2))
    assert GenerationStore(settings.home).open().has(ATTRIBUTES_FILE)


def test_two_voters_of_one_attribute_are_refused() -> None:
    with pytest.raises(InvalidModel, match="one has two"):
        voters(voter("brand", "a", "b"), voter("brand", "c", "d"))
    with pytest.raises(InvalidModel, match="read"):
        voters(replace(voter("brand", "a", "b"), weights=np.zeros((3, 2), np.float32)))
