"""The recogniser: its answer, its file, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from voter_rows import LABELS, draw_rows, keys_of

from engine.errors import FingerprintMismatch, InvalidModel, InvalidQuery
from engine.recognition import VOTERS_FILE, Recogniser, load_recogniser, save_recogniser
from training.voters.fit import FitOptions, choose, fit


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    rows = draw_rows(12, seed=0, views=2, copies=1)
    choices = choose(rows, LABELS, FitOptions())
    return fit(rows, LABELS, keys_of(len(rows.y)), choices, FitOptions(), fingerprint="f" * 64, label_kind="category")[
        0
    ]


@pytest.fixture(scope="module")
def queries() -> tuple[np.ndarray, np.ndarray]:
    rows = draw_rows(10, seed=1, views=2)
    return rows.views, rows.y


def test_it_knows_what_it_learned(recogniser: Recogniser, queries: tuple[np.ndarray, np.ndarray]) -> None:
    rows, y = queries
    found = [recogniser.recognise(rows[:, at], k=2) for at in range(len(y))]
    right = [answer.labels[0].label == LABELS[label] for answer, label in zip(found, y, strict=True)]
    assert np.mean(right) > 0.6
    answer = found[0]
    assert len(answer.labels) == 2
    assert set(answer.voters) == {"softmax", "knn", "svm"}
    assert all(len(guesses) == len(LABELS) for guesses in answer.voters.values())
    assert len(answer.neighbours) == 5
    assert len({near.image_id for near in answer.neighbours}) == 5
    distances = [near.distance for near in answer.neighbours]
    assert distances == sorted(distances)


def test_several_photos_have_the_labels_that_each_has_alone(
    recogniser: Recogniser, queries: tuple[np.ndarray, np.ndarray]
) -> None:
    rows = queries[0][0, :20]
    alone = [recogniser.recognise(row[None], k=1) for row in rows]
    assert recogniser.labels_of(rows) == [None if seen.abstained else seen.labels[0].label for seen in alone]


def test_a_training_photo_is_its_own_nearest(recogniser: Recogniser) -> None:
    rows = draw_rows(12, seed=0, views=2, copies=1)
    nearest = recogniser.recognise(rows.views[:, 3]).neighbours[0]
    assert nearest.image_id == keys_of(48)[3]
    assert nearest.label == LABELS[rows.y[3]]


def test_within_narrows_labels_voters_and_neighbours(
    recogniser: Recogniser, queries: tuple[np.ndarray, np.ndarray]
) -> None:
    answer = recogniser.recognise(queries[0][:, 0], k=5, within=["cup", "shoe"])
    assert {label.label for label in answer.labels} == {"cup", "shoe"}
    assert sum(label.probability for label in answer.labels) == pytest.approx(1, abs=1e-4)
    assert {guess.label for guesses in answer.voters.values() for guess in guesses} == {"cup", "shoe"}
    assert {near.label for near in answer.neighbours} <= {"cup", "shoe"}


def test_what_it_refuses(recogniser: Recogniser, queries: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InvalidQuery, match="teapot"):
        recogniser.recognise(queries[0][:, 0], within=["teapot"])
    with pytest.raises(FingerprintMismatch):
        recogniser.recognise(np.zeros((2, 5), np.float32))
    with pytest.raises(FingerprintMismatch, match="Train the voters again"):
        recogniser.check_fingerprint("e" * 64)
    recogniser.check_fingerprint("f" * 64)


def test_it_comes_back_from_disk_the_same(
    recogniser: Recogniser, queries: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    save_recogniser(recogniser, tmp_path)
    again = load_recogniser(tmp_path / VOTERS_FILE)
    np.testing.assert_allclose(again.tables(queries[0]), recogniser.tables(queries[0]), atol=2e-3)
    assert again.labels == recogniser.labels
    assert again.recognise(queries[0][:, 0]).labels[0].label == recogniser.recognise(queries[0][:, 0]).labels[0].label


def test_a_damaged_file_is_an_invalid_model(recogniser: Recogniser, tmp_path: Path) -> None:
    save_recogniser(recogniser, tmp_path)
    content = (tmp_path / VOTERS_FILE).read_bytes()
    for damaged in (
        b"",
        content[:1000],
        content[:-40],
        b"\x00" * 64,
        content.replace(b"temperatures", b"temperaturez"),
    ):
        (tmp_path / VOTERS_FILE).write_bytes(damaged)
        with pytest.raises(InvalidModel):
            load_recogniser(tmp_path / VOTERS_FILE)


@pytest.fixture(scope="module")
def doubting(recogniser: Recogniser) -> Recogniser:
    """A vote that is never sure of an exact label; the two first labels are of one kind."""
    labels = ("Drinks > bowl", "Drinks > cup", "Plates", "Shoes > shoe")
    return replace(recogniser, labels=labels, vote=replace(recogniser.vote, threshold=1.0, broader=(0.4,)))


def test_a_doubtful_label_still_gives_a_sure_broader_one(
    doubting: Recogniser, queries: tuple[np.ndarray, np.ndarray]
) -> None:
    rows, seen = queries[0], set()
    for photo in range(20):
        answer = doubting.recognise(rows[:, photo])
        [shares] = doubting.vote.probabilities(doubting.tables(rows[:, [photo]]))
        sums = {"Drinks": shares[0] + shares[1], "Plates": shares[2], "Shoes": shares[3]}
        best = max(sums, key=lambda name: sums[name])
        assert answer.abstained
        assert (answer.broader is None) == (sums[best] < 0.4)
        if answer.broader is not None:
            assert answer.broader.label == best
            assert answer.broader.probability == pytest.approx(sums[best], abs=1e-5)
            seen.add(best)
    assert "Drinks" in seen
    never = replace(doubting, vote=replace(doubting.vote, broader=(1.0,)))
    assert never.recognise(rows[:, 0]).broader is None
    sure = replace(doubting, vote=replace(doubting.vote, threshold=0.0))
    assert sure.recognise(rows[:, 0]).broader is None


def test_broader_thresholds_come_back_from_disk_and_must_fit_the_labels(doubting: Recogniser, tmp_path: Path) -> None:
    save_recogniser(doubting, tmp_path)
    assert load_recogniser(tmp_path / VOTERS_FILE).vote.broader == (0.4,)
    content = (tmp_path / VOTERS_FILE).read_bytes()
    (tmp_path / VOTERS_FILE).write_bytes(content.replace(b'\\"broader\\"', b'\\"unknown\\"'))
    assert load_recogniser(tmp_path / VOTERS_FILE).vote.broader == (), "files of older versions have none"
    with pytest.raises(InvalidModel, match="one threshold for each level"):
        replace(doubting, vote=replace(doubting.vote, broader=(0.4, 0.5)))
