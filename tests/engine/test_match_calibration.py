"""Match probabilities and `no_match`, fitted and read back."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space import MatchCalibration, judge
from engine.space.match_calibration import CALIBRATION_FILE
from training.embedder.match_calibration import fit_calibration, fit_curve, fit_region

DIM = 32


def known_photos(count: int, seed: int) -> Floats:
    """Photos of a shop whose products differ in the first eight features only."""
    generator = np.random.default_rng(seed)
    spread = np.where(np.arange(DIM) < 8, 1.0, 0.05)
    return np.abs(generator.normal(1, spread, (count, DIM))).astype(np.float32)


def tables(seed: int = 0) -> tuple[Floats, np.ndarray]:
    """200 queries over 30 products: the right one has a cosine around 0.8, the others around 0.4."""
    generator = np.random.default_rng(seed)
    right = np.arange(30)[None, :] == generator.integers(30, size=200)[:, None]
    return generator.normal(np.where(right, 0.8, 0.4), 0.08).astype(np.float32), right


@pytest.fixture
def calibration() -> MatchCalibration:
    blocks = [known_photos(300, 1), known_photos(300, 2)]
    return fit_calibration({"photo": tables(), "text": tables(1)}, blocks, known_photos(100, 3))


def test_probabilities_are_what_they_say() -> None:
    found = fit_curve(*tables())
    assert found is not None
    curve, measured = found
    scores, right = tables(7)  # others than it was fitted on
    chances = curve.probability(scores)
    assert chances[right].mean() > 0.9
    assert chances[~right].mean() < 0.05
    sure = chances.max(axis=1) > 0.9
    assert right[np.arange(200), chances.argmax(axis=1)][sure].mean() > 0.9
    assert measured["false_refusal"] <= 0.03
    assert measured["expected_calibration_error"] < 0.1


def test_a_higher_cosine_is_never_less_likely(calibration: MatchCalibration) -> None:
    chances = calibration.probability(np.linspace(-1, 1, 50).astype(np.float32), "text")
    assert chances is not None
    assert (np.diff(chances) >= 0).all()
    assert ((chances >= 0) & (chances <= 1)).all()


def test_photos_of_other_things_get_no_match(calibration: MatchCalibration) -> None:
    strange = np.roll(known_photos(100, 5), 8, axis=1)
    assert not any(calibration.no_match(0.8, "photo", row) for row in known_photos(100, 6)[:20])
    assert all(calibration.no_match(0.8, "photo", row) for row in strange)


def test_a_photo_that_is_in_the_catalogue_is_found_wherever_it_lies(calibration: MatchCalibration) -> None:
    strange = np.roll(known_photos(1, 5), 8, axis=1)[0]
    assert not calibration.no_match(0.99, "photo", strange)


def test_a_weak_best_hit_is_no_match(calibration: MatchCalibration) -> None:
    assert calibration.no_match(0.2, "text")
    assert not calibration.no_match(0.8, "text")
    verdict = judge(calibration, "text", np.array([0.3, 0.2], np.float32), 0.3, None)
    assert verdict["no_match"]
    assert verdict["probabilities"] is not None
    assert max(verdict["probabilities"]) <= 0.5


def test_what_was_never_measured_is_not_claimed(calibration: MatchCalibration) -> None:
    scores = np.array([0.5], np.float32)
    nothing = {"probabilities": None, "no_match": False}
    assert judge(None, "text", scores, 0.5, None) == nothing
    assert judge(calibration, "mixed", scores, 0.5, None) == nothing
    assert judge(calibration, "text", scores[:0], -1.0, None) == nothing
    assert fit_curve(np.ones((3, 4), np.float32), np.eye(3, 4, dtype=bool)) is None


def test_it_reads_back_what_it_wrote(calibration: MatchCalibration, tmp_path: Path) -> None:
    calibration.save(tmp_path)
    first = (tmp_path / CALIBRATION_FILE).read_bytes()
    again = MatchCalibration.load(tmp_path / CALIBRATION_FILE)
    assert again.curves == calibration.curves
    assert again.measured == calibration.measured
    np.testing.assert_array_equal(
        again.region.distances(known_photos(5, 8)), calibration.region.distances(known_photos(5, 8))
    )
    again.save(tmp_path)
    assert (tmp_path / CALIBRATION_FILE).read_bytes() == first


@pytest.mark.parametrize("content", [b"", b"not safetensors", None])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / CALIBRATION_FILE
    if content is None:
        arrays = {
            "mean": np.zeros(3, np.float32),
            "axes": np.zeros((4, 2), np.float32),
            "spreads": np.ones(3, np.float32),
        }
        save_file(arrays, path, metadata={"calibration": '{"curves": {}, "farthest": 1, "measured": {}}'})
    else:
        path.write_bytes(content)
    with pytest.raises(InvalidModel):
        MatchCalibration.load(path)


def test_a_region_of_one_photo_is_finite() -> None:
    region, _ = fit_region([known_photos(1, 0)], np.zeros((0, DIM), np.float32))
    assert np.isfinite(region.distances(known_photos(2, 1))).all()
