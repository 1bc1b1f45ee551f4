"""What was measured, and the report of it."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from data.errors import InvalidImage
from data.settings import Settings
from engine.errors import InvalidModel
from training.evaluation import Evaluation
from training.measures import MODELS, Measured, join
from training.measures.recognition import RECOGNITION_FILE
from training.reports.recognition import render

HOSTILE = "<script>alert(1)</script>"


def _measured(seed: int = 0, photos: int = 40, labels: int = 4) -> Measured:
    random = np.random.default_rng(seed)
    y = random.integers(0, labels, photos)
    tables = random.dirichlet(np.ones(labels), size=(4, photos)) + 0.3 * np.eye(labels)[y]
    tables /= tables.sum(axis=2, keepdims=True)
    best = np.argsort(-tables, axis=2)
    return Measured(
        labels=(HOSTILE, *(f"label {number}" for number in range(1, labels))),
        keys=tuple(f"{number:064x}" for number in range(photos)),
        y=y,
        best=best,
        scores=np.take_along_axis(tables, best, axis=2).astype(np.float32),
        threshold=0.5,
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), photos=st.integers(1, 60))
def test_figures_are_those_of_scikit_learn(seed: int, photos: int) -> None:
    measured = _measured(seed, photos)
    said = measured.best[-1, :, 0]
    np.testing.assert_array_equal(measured.confusion(), confusion_matrix(measured.y, said, labels=range(4)))
    precision, recall, f1, support = precision_recall_fscore_support(
        measured.y, said, labels=range(4), zero_division=np.nan
    )
    for at, line in enumerate(measured.by_label()):
        assert line.support == support[at]
        for ours, theirs in ((line.precision, precision[at]), (line.recall, recall[at]), (line.f1, f1[at])):
            assert (ours is None) == np.isnan(theirs)
            assert ours is None or ours == pytest.approx(theirs)
    assert measured.top("vote", 4) == 1
    assert measured.top("knn", 1) <= measured.top("knn", 3)


def test_mistakes_come_surest_first_and_suspects_are_agreed_on() -> None:
    measured = _measured(5, photos=200)
    wrong = measured.mistakes()
    assert (np.diff(measured.confidence[wrong]) <= 0).all()
    assert not measured.right[wrong].any()
    best, scores = measured.best.copy(), measured.scores.copy()
    at = int(wrong[-1])
    best[:, at, 0], scores[-1, at, 0] = best[-1, at, 0], 0.97
    changed = Measured(
        labels=measured.labels, keys=measured.keys, y=measured.y, best=best, scores=scores, threshold=0.5
    )
    assert at in changed.suspects()
    best[0, at, 0] = measured.y[at]  # one voter agrees with the label
    assert at not in changed.suspects()


def test_folds_are_joined_and_kept_on_disk(tmp_path: Path) -> None:
    both = join([_measured(1, 10), _measured(2, 15)])
    assert len(both.y) == 25
    both.save(tmp_path)
    again = Measured.load(tmp_path / RECOGNITION_FILE)
    assert again.figures() == both.figures()
    assert again.keys == both.keys
    (tmp_path / RECOGNITION_FILE).write_bytes(b"nothing")
    with pytest.raises(InvalidModel):
        Measured.load(tmp_path / RECOGNITION_FILE)


def _evaluation(tmp_path: Path) -> Evaluation:
    def read(sha256: str) -> bytes:
        if sha256.endswith(tuple("02468ace")):
            raise InvalidImage("gone", code="source_gone")
        out = io.BytesIO()
        Image.new("RGB", (300, 200), "teal").save(out, "JPEG")
        return out.getvalue()

    measured = _measured()
    models = [{"model": name, "top1": 0.5, "top3": 0.7, "top5": None} for name in MODELS]
    return Evaluation(
        title="Measured <here>", measured=measured, models=models, read=read,
        settings=Settings(home=tmp_path), facts={"note": HOSTILE, "nested": {"list": [1, 2], "empty": []}},
    )  # fmt: skip


def test_the_report_stands_alone_and_escapes_names(tmp_path: Path) -> None:
    page = render(_evaluation(tmp_path))
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "Measured &lt;here&gt;" in page
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r"""(src|href)=["'](?!data:)""", page), "nothing is loaded from elsewhere"
    assert "photo is gone" in page
    assert page.count("<li>") > 10


def test_the_report_says_when_the_vote_is_beaten(tmp_path: Path) -> None:
    evaluation = _evaluation(tmp_path)
    measured = evaluation.measured
    best = measured.best.copy()
    best[0, :, 0] = measured.y  # softmax knows it all
    worse = Measured(
        labels=measured.labels, keys=measured.keys, y=measured.y, best=best, scores=measured.scores, threshold=0.5
    )
    page = render(Evaluation(**{**vars(evaluation), "measured": worse}))
    assert "does <strong>not</strong> beat" in page
    assert worse.figures()["vote_minus_best_voter"] < 0


def test_the_report_says_when_one_voter_decides_alone(tmp_path: Path) -> None:
    evaluation = _evaluation(tmp_path)
    assert "decides alone" not in render(evaluation)
    assert "knn decides alone" in render(replace(evaluation, facts={"choices": {"alone": "knn"}}))


def test_figures_are_plain_json(tmp_path: Path) -> None:
    import json

    document = json.loads(json.dumps(_evaluation(tmp_path).to_json()))
    assert document["figures"]["photos"] == 40
    assert len(document["by_label"]) == 4
