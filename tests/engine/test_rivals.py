"""Rivals: the file, the lead over them, and a search of words that they reorder."""

from pathlib import Path

import numpy as np
import pytest
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.settings import Settings
from engine.answers import SearchRequest
from engine.errors import InvalidModel
from engine.generation import load_generation
from engine.known_queries import RIVALS_FILE, Rivals
from engine.search import SearchEngine
from engine.space import PROJECTION_FILE, Projection, normalise, space_digest
from training.parts import KNOWN_QUERIES
from training.sessions.candidate import publish_candidate


def test_a_photo_that_fits_every_name_comes_behind_one_that_fits_only_the_words() -> None:
    rivals = Rivals(["shoe", "mug"], np.eye(3, dtype=np.float32)[:2])
    photos = normalise([[0.7, 0.5, 0.5], [0.1, 0.1, 0.45]])
    scores = photos @ normalise([[0.95, 0.0, 0.4]])[0]
    lead = rivals.lead("sandal", scores, photos)
    assert scores[0] > scores[1] + 0.2
    assert lead[0] < lead[1]
    # the soft maximum with width 0.04, written out
    cosines = (photos @ np.eye(3)[:, :2]).astype(np.float64)
    expected = scores - 0.04 * np.log(np.exp(cosines / 0.04).sum(axis=1))
    np.testing.assert_allclose(lead, expected, atol=1e-5)
    np.testing.assert_allclose(rivals.lead("sandal", np.stack([scores, scores]), photos), [lead, lead])
    assert rivals.lead("sandal", np.zeros(0, np.float32), np.zeros((0, 3), np.float32)).shape == (0,)


def test_words_of_another_script_than_the_categories_compete_more_gently() -> None:
    points, photos = np.eye(3, dtype=np.float32)[:2], normalise([[0.7, 0.5, 0.5]])
    scores = np.zeros(1, np.float32)
    english, mixed = Rivals(["shoe", "mug"], points), Rivals(["shoe", "머그"], points)
    gentle = -0.8 * 0.1 * np.log(np.exp(photos @ points.T / 0.1).sum())
    np.testing.assert_allclose(english.lead("빨간 sandal", scores, photos), [gentle], atol=1e-5)
    hard = english.lead("sandal 38", scores, photos)
    assert hard[0] < gentle - 0.05
    np.testing.assert_allclose(mixed.lead("빨간 sandal", scores, photos), hard)
    np.testing.assert_allclose(english.lead("38-2", scores, photos), hard)


def test_rivals_come_back_as_they_were_saved_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    points = normalise(np.random.default_rng(0).standard_normal((3, 4)))
    Rivals(["모자", "mug", "shoe"], points, "space").save(tmp_path)
    read = Rivals.load(tmp_path / RIVALS_FILE)
    assert (read.texts, read.space) == (("모자", "mug", "shoe"), "space")
    np.testing.assert_array_equal(read.points, points)
    for texts, rows in ((["mug"], points[:1]), (["mug", "shoe"], points), (["a"] * 513, np.ones((513, 4), np.float32))):
        with pytest.raises(InvalidModel, match="2 to 512"):
            Rivals(texts, rows)
    (tmp_path / RIVALS_FILE).write_bytes(b"junk")
    with pytest.raises(InvalidModel):
        Rivals.load(tmp_path / RIVALS_FILE)


def test_a_rebuild_writes_the_categories_and_words_are_ranked_by_their_lead_over_them(
    settings: Settings, generation: GenerationFolder
) -> None:
    rivals = Rivals.load(generation.path(RIVALS_FILE))
    catalogue = Catalogue(settings.home)
    assert set(rivals.texts) == {facts.product.category for facts in catalogue.iter_facts()} - {""}
    engine = SearchEngine(settings, backbone=TinyBackbone())
    request = SearchRequest(text="red", legs="dense", k=100)
    hits = engine.search(request).hits
    space = Projection.load(generation.path(PROJECTION_FILE))

    def move_a_rival(folder: Path) -> None:
        # a rival that is the photo of the first hit: this product now fits something better than the words
        loaded = load_generation(settings, generation, TinyBackbone())
        rows = loaded.rows.rows_of_any(np.array([catalogue.get(hits[0].product_id).product_key]))
        point = loaded.index.vectors(rows)[:1]
        Rivals(["x", "y"], np.concatenate([point, -point]), space_digest(space)).save(folder)

    publish_candidate(settings, generation, KNOWN_QUERIES, {}, move_a_rival)
    moved = SearchEngine(settings, backbone=TinyBackbone()).search(request).hits
    assert moved[0].product_id != hits[0].product_id
    assert {hit.product_id: hit.score for hit in moved} == pytest.approx({hit.product_id: hit.score for hit in hits})
