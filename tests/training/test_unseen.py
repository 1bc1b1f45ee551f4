"""On a fine-tuned backbone, only photos that it has not learned from say how good voters and vote are."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from shape_catalogue import PHOTOS_EACH
from tiny_backbone import TinyBackbone
from voter_rows import LABELS, draw_rows, keys_of

from data.catalogue import Catalogue, Snapshot
from data.generations import GenerationFolder
from data.settings import Settings
from lookalike import cli
from training.errors import InvalidTraining
from training.measures import may_be_held_out, measure_recogniser
from training.photos import (
    PHOTOS,
    Fold,
    LabelledPhotos,
    TrainingRows,
    from_catalogue,
    learned_photos,
    photos_text,
    spare,
)
from training.voters.fit import FitOptions, choose, fit

NONE = np.array([], np.int64)


def _memorised(rows: TrainingRows, seen: np.ndarray) -> TrainingRows:
    """Four more features, which name the label of every photo that was learned and are noise for the others."""
    random = np.random.default_rng(1)
    told = np.where(seen[:, None], 4.0 * np.eye(4)[rows.y], 2.0 * random.random((len(rows.y), 4)))
    views = np.concatenate([rows.views, told[None].astype(np.float32)], axis=2)
    return replace(rows, views=views, copies=np.zeros((0, *views.shape[1:]), np.float32), unseen=~seen)


def test_choices_are_judged_by_photos_that_the_backbone_has_not_learned_from() -> None:
    seen = np.random.default_rng(2).random(400) < 0.7
    rows = _memorised(draw_rows(100, seed=0, noise=0.5), seen)
    test = _memorised(draw_rows(100, seed=9, noise=0.5), np.zeros(400, np.bool_))
    options = FitOptions()
    honest, flattered = choose(rows, LABELS, options), choose(replace(rows, unseen=None), LABELS, options)
    assert (len(honest.judged), len(flattered.judged)) == (int((~seen).sum()), 400)
    recogniser, _ = fit(rows, LABELS, keys_of(400), honest, options, fingerprint="f", label_kind="category")
    true = measure_recogniser(recogniser, test.views, test.y, keys_of(400)).top("vote", 1)
    # folds of look-alikes are somewhat harder than new photos; memorised photos are far easier
    assert true - 0.15 < honest.vote.accuracy["vote"] <= true
    assert flattered.vote.accuracy["vote"] > true + 0.1


def test_too_few_unseen_photos_judge_nothing() -> None:
    rows = draw_rows(50, seed=0)
    assert replace(rows, unseen=np.arange(200) < 49).judges.all()
    assert replace(rows, unseen=np.arange(200) < 50).judges.sum() == 50


def test_a_fold_among_some_rows_learns_from_the_others() -> None:
    fold = Fold(train=np.array([0, 3]), held=np.array([1, 2, 4]), split_by={}, straddling=0, seed=0)
    found = fold.among(np.array([True, True, False, True, True]))
    assert (found.train.tolist(), found.held.tolist()) == ([0, 2, 3], [1, 4])


def test_photos_that_measure_generations_are_not_learned() -> None:
    keys = tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(200))
    snapshot = Snapshot(seq=1, product_keys=np.arange(200) // 10, image_keys=np.arange(200), image_sha256=list(keys))
    picked = np.flatnonzero(may_be_held_out(snapshot.product_keys, keys))
    last = picked[0]  # the only photo of a label
    y = np.where(np.arange(200) == last, 1, 0)
    photos = LabelledPhotos(
        label_kind="category", labels=("many", "one"), keys=keys, y=y, products=snapshot.product_keys
    )
    held = np.array([picked[1], 0])
    fold = Fold(train=np.setdiff1d(np.arange(200), held), held=held, split_by={}, straddling=0, seed=0)
    found, spared = spare(photos, fold, snapshot)
    assert len(picked) > 10
    assert spared.tolist() == picked[2:].tolist()
    assert found.train.tolist() == np.setdiff1d(fold.train, picked[2:]).tolist()
    assert last in found.train
    assert found.held is held


def test_learned_photos_come_back_and_damage_is_named(tmp_path: Path) -> None:
    photos = LabelledPhotos(
        label_kind="category", labels=("a, b", "c"), keys=keys_of(5), y=np.array([0, 1, 0, 1, 1]), products=np.arange(5)
    )
    fold = Fold(train=np.array([3, 0]), held=np.array([2]), split_by={}, straddling=1, seed=0)
    folder = tmp_path / "backbones" / "shop"
    folder.mkdir(parents=True)
    assert learned_photos(tmp_path, "shop") == frozenset()
    (folder / PHOTOS).write_text(photos_text(photos, fold, np.array([4])), encoding="utf-8")
    assert learned_photos(tmp_path, "shop") == {photos.keys[0], photos.keys[3], photos.keys[4]}
    (folder / PHOTOS).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InvalidTraining, match="sha256, label, side"):
        learned_photos(tmp_path, "shop")


@pytest.mark.usefixtures("short_training")
def test_voters_of_a_fine_tuned_backbone_are_measured_on_unseen_photos(
    generation: GenerationFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.backbones.load_backbone", lambda *_, **__: TinyBackbone())
    catalogue = Catalogue(settings.home)
    photos = from_catalogue(catalogue, catalogue.snapshot(), "category")
    unseen = [row for row in range(len(photos)) if photos.products[row] % 2]
    learned = np.setdiff1d(np.arange(len(photos)), unseen)
    fold = Fold(train=learned, held=np.array(unseen), split_by={}, straddling=0, seed=0)
    folder = settings.home / "backbones" / generation.manifest.backbone["name"]
    folder.mkdir(parents=True)
    (folder / PHOTOS).write_text(photos_text(photos, fold, NONE), encoding="utf-8")

    def train(*options: str) -> dict[str, Any]:
        result = CliRunner().invoke(cli, ["--home", str(settings.home), "train", "voters", "--json", *options])
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    half = train()
    measured = half["held_out"]["photos"]
    wanted = f"{measured} of the {len(unseen)} photos that the backbone has not learned from held out"
    assert half["split"]["how"] == wanted
    assert half["held_out"]["photos"] % PHOTOS_EACH == 0
    assert 0 < half["held_out"]["photos"] < len(unseen)
    assert train("--folds", "3")["held_out"]["photos"] == len(unseen)
    everything = Fold(train=np.arange(len(photos)), held=np.array([], int), split_by={}, straddling=0, seed=0)
    (folder / PHOTOS).write_text(photos_text(photos, everything, NONE), encoding="utf-8")
    assert train()["split"]["how"] == "80 % to learn, 20 % held out"
    one = replace(everything, train=learned[photos.products[learned] != photos.products[learned[0]]])
    (folder / PHOTOS).write_text(photos_text(photos, one, NONE), encoding="utf-8")
    assert train("--folds", "4")["held_out"]["photos"] > 0
