"""Wrong labels are found out of fold, decided on, and corrected for the next training."""

import codecs
import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tiny_backbone import TinyBackbone
from voter_rows import keys_of

from data.catalogue import Catalogue, PhotoLabels
from data.generations import GenerationFolder
from data.settings import Settings
from indexer.rebuild import rebuild
from lookalike import cli
from training.evaluation import labels
from training.measures import confident_labels, doubtful
from training.photos import LabelledPhotos, TrainingRows, from_catalogue
from training.voters import VoterOptions

# Photos 0 to 3 were given label 0, 4 and 5 label 1, none label 2. Thresholds by hand: (0.9 + 0.7 + 0.3 + 0.1) / 4 = 0.5
# and (0.6 + 0.4) / 2 = 0.5.
TABLE = np.array(
    [[0.9, 0.1, 0], [0.7, 0.3, 0], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.4, 0.6, 0], [0.55, 0.4, 0.05]], np.float32
)
Y = np.array([0, 0, 0, 0, 1, 1])


def test_a_label_is_sure_from_the_mean_of_its_own_photos_on() -> None:
    assert confident_labels(TABLE, Y).tolist() == [0, 0, -1, 1, 1, 0]


def test_only_what_all_voters_say_is_a_doubt_and_the_least_likely_label_comes_first() -> None:
    assert doubtful(np.stack([TABLE, TABLE, TABLE]), Y).tolist() == [3, 5]
    other = TABLE.copy()
    other[5] = [0.4, 0.6, 0]
    assert doubtful(np.stack([TABLE, TABLE, other]), Y).tolist() == [3]


def test_planted_errors_come_first() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), 50)
    views = np.abs(random.normal(size=(6, 24))[truth] + 0.4 * random.normal(size=(300, 24))).astype(np.float32)
    planted = random.choice(300, 15, replace=False)
    y = truth.copy()
    y[planted] = (y[planted] + random.integers(1, 6, 15)) % 6
    photos = LabelledPhotos(
        label_kind="category", labels=tuple("abcdef"), keys=keys_of(300), y=y, products=np.arange(300)
    )
    # photos that a fine-tuned backbone has learned from are judged too
    rows = TrainingRows(views=views[None], copies=np.zeros((0, 300, 24), np.float32), y=y, unseen=np.arange(300) < 100)
    doubts, right = labels.find_doubts(photos, rows, VoterOptions())
    found = [int(doubt.photo, 16) for doubt in doubts]
    assert np.isin(found[:10], planted).mean() >= 0.9
    assert np.isin(planted, found).mean() >= 0.8
    assert photos.labels[truth[found[0]]] == doubts[0].guesses[0][0]
    assert 0.8 < right < 1, "of the labels as given"


@pytest.fixture
def wrong(built_home: Path, settings: Settings, tiny: None) -> Settings:
    """A home in which a feed calls the gold disc a bar."""
    shutil.copytree(built_home, settings.home)
    Catalogue(settings.home).patch("gold-disc", {"category": "bar"})
    return settings


def run(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(settings.home), "evaluate", "labels", *words])


def answer(settings: Settings, *words: str) -> dict[str, Any]:
    result = run(settings, *words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def photo_of(settings: Settings, product_id: str) -> str:
    return Catalogue(settings.home).get(product_id).image_sha256[0]


def test_a_product_under_the_wrong_label_is_listed_with_what_it_looks_like(wrong: Settings, tmp_path: Path) -> None:
    report = tmp_path / "labels.html"
    found = answer(wrong, "--report", str(report))
    assert found["photos"] == 120
    listed = {doubt["photo"]: doubt for doubt in found["doubts"]}
    photo = photo_of(wrong, "gold-disc")
    assert listed[photo]["label"] == "bar"
    assert listed[photo]["guesses"][0]["label"] == "disc"
    assert listed[photo]["products"] == ["gold-disc"]
    text = report.read_text(encoding="utf-8")
    assert photo in text
    assert "data:image/jpeg" in text
    assert "gold-disc" in run(wrong).output


def test_decisions_are_remembered_and_the_next_training_respects_them(wrong: Settings) -> None:
    kept, corrected = photo_of(wrong, "gold-disc"), photo_of(wrong, "red-bar")
    assert answer(wrong, "--keep", kept, "--correct", f"{corrected}=disc") == {"decided": 2}
    found = answer(wrong)
    assert not {kept, corrected} & {doubt["photo"] for doubt in found["doubts"]}
    assert len(found["decisions"]) == 2
    catalogue = Catalogue(wrong.home)
    photos = from_catalogue(catalogue, catalogue.snapshot())
    assert photos.corrected == 1
    assert photos.labels[photos.y[photos.keys.index(corrected)]] == "disc"
    assert catalogue.get("red-bar").product.category == "bar", "the shop's own fact stays"
    catalogue.patch("red-bar", {"category": "square"})  # a later feed
    photos = from_catalogue(catalogue, catalogue.snapshot())
    assert photos.labels[photos.y[photos.keys.index(corrected)]] == "square"


def test_a_rebuild_trains_anew_after_a_decision(generation: GenerationFolder, settings: Settings, tiny: None) -> None:
    assert rebuild(settings, backbone=TinyBackbone()).unchanged
    assert answer(settings, "--correct", f"{photo_of(settings, 'red-bar')}=disc") == {"decided": 1}
    assert not rebuild(settings, backbone=TinyBackbone()).unchanged


def test_decisions_and_lists_of_doubts_are_commands_of_their_own(wrong: Settings, tmp_path: Path) -> None:
    report = tmp_path / "labels.html"
    result = run(wrong, "--keep", photo_of(wrong, "gold-disc"), "--report", str(report))
    assert (result.exit_code, report.exists()) == (2, False)
    assert PhotoLabels(wrong.home, "category").decisions() == []


def test_a_csv_goes_out_is_filled_in_and_comes_back(wrong: Settings, tmp_path: Path) -> None:
    path, photo = tmp_path / "doubts.csv", photo_of(wrong, "gold-disc")
    answer(wrong, "--csv", str(path))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    [row] = [row for row in rows if row["photo"] == photo]
    assert path.read_bytes().startswith(codecs.BOM_UTF8), "Excel reads Korean only with the mark"
    assert (row["label"], row["looks_like"], row["products"]) == ("bar", "disc", "gold-disc")
    for other in rows:
        other["decision"] = "correct" if other["photo"] == photo else ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert answer(wrong, "--decisions", str(path)) == {"decided": 1}
    assert PhotoLabels(wrong.home, "category").corrections() == {(photo, "bar"): "disc"}


@pytest.mark.parametrize(
    ("content", "told"),
    [("a,b\n1,2\n", "columns photo, label and decision"), ("photo,label,decision\nx,y,maybe\n", "line 2 must have")],
)
def test_a_csv_that_says_something_else_is_refused(wrong: Settings, tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text(content, encoding="utf-8")
    result = run(wrong, "--decisions", str(path))
    assert told in str(result.exception or result.output)


@pytest.mark.parametrize(
    "words",
    [("--keep", "0" * 64), ("--correct", "x"), ("--correct", "{photo}=Nothing"), ("--label", "size")],
)
def test_a_decision_that_makes_no_sense_is_refused(wrong: Settings, words: tuple[str, str]) -> None:
    photo = photo_of(wrong, "gold-disc")
    result = run(wrong, "--keep", photo, *(word.format(photo=photo) for word in words))
    assert result.exit_code != 0
    assert PhotoLabels(wrong.home, "category").decisions() == []
