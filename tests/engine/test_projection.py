"""The projection against scikit-learn's PCA, and what a damaged file gives."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.decomposition import PCA

from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.space import Projection, explained_variance, fit_pca, normalise, plain
from engine.space.projection import PROJECTION_FILE


@pytest.fixture
def features() -> Floats:
    generator = np.random.default_rng(0)
    low = generator.gamma(1.0, size=(300, 6)) @ generator.gamma(1.0, size=(6, 24))
    return (low + 0.05 * generator.random((300, 24))).astype(np.float32)


def hellinger(features: Floats) -> Floats:
    return normalise(np.sqrt(features))


@pytest.mark.parametrize("whiten", [0.0, 0.5, 1.0])
def test_fit_pca_agrees_with_scikit_learn(features: Floats, whiten: float) -> None:
    projection = fit_pca(features, 5, whiten)
    reference = PCA(5, svd_solver="full").fit(hellinger(features).astype(np.float64))
    scaled = reference.transform(hellinger(features)) / reference.explained_variance_ ** (whiten / 2)
    got, expected = projection.apply(features), normalise(scaled)
    # directions are found up to their sign, which inner products do not see
    np.testing.assert_allclose(got @ got.T, expected @ expected.T, atol=2e-3)


def test_blocks_give_the_same_projection_as_the_whole(features: Floats) -> None:
    whole = fit_pca(features, 8)
    blocks = fit_pca(iter([features[:100], features[100:130], features[130:]]), 8)
    np.testing.assert_allclose(whole.apply(features), blocks.apply(features), atol=1e-4)


def test_points_have_norm_1_and_features_are_not_changed(features: Floats) -> None:
    before = features.copy()
    points = fit_pca(features, 8).apply(features)
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(features, before)


def test_few_rows_give_a_narrower_space(features: Floats) -> None:
    projection = fit_pca(features[:4], 16)
    assert projection.space_dim <= 3
    assert np.isfinite(projection.apply(features)).all()


@pytest.mark.parametrize("count", [1, 5])
def test_equal_rows_fall_back_to_the_plain_space(count: int) -> None:
    rows = np.ones((count, 4), np.float32)
    projection = fit_pca(rows, 2)
    np.testing.assert_allclose(projection.apply(rows), 0.5, atol=1e-6)


def test_no_row_cannot_be_fitted() -> None:
    with pytest.raises(InvalidModel, match="at least one"):
        fit_pca(np.zeros((0, 4), np.float32), 2)


def test_the_plain_space_is_the_normalised_features(features: Floats) -> None:
    np.testing.assert_allclose(plain(24).apply(features), normalise(features), atol=1e-6)
    assert explained_variance(plain(24), features) == pytest.approx(1, abs=1e-4)


def test_explained_variance_grows_with_the_width(features: Floats) -> None:
    shares = [explained_variance(fit_pca(features, dim), features) for dim in (1, 4, 24)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1, abs=1e-3)
    reference = PCA(4).fit(hellinger(features)).explained_variance_ratio_.sum()
    assert shares[1] == pytest.approx(reference, abs=1e-3)


def test_another_width_of_features_is_a_mismatch(features: Floats) -> None:
    with pytest.raises(FingerprintMismatch, match=r"\(n, 24\)"):
        fit_pca(features, 4).apply(features[:, :20])


def test_saved_projection_answers_alike(features: Floats, tmp_path: Path) -> None:
    projection = fit_pca(features, 4)
    projection.save(tmp_path)
    np.testing.assert_array_equal(
        Projection.load(tmp_path / PROJECTION_FILE).apply(features), projection.apply(features)
    )


def test_the_same_data_gives_the_same_file(features: Floats, tmp_path: Path) -> None:
    for name in ("first", "second"):
        fit_pca(features, 4).save(tmp_path / name)
    assert (tmp_path / "first" / PROJECTION_FILE).read_bytes() == (tmp_path / "second" / PROJECTION_FILE).read_bytes()


@pytest.mark.parametrize(
    "tensors",
    [
        {"mean": np.zeros(4, np.float32)},
        {"mean": np.zeros(4, np.float32), "matrix": np.zeros((5, 2), np.float32)},
        {"mean": np.zeros(4, np.float64), "matrix": np.zeros((4, 2), np.float64)},
        {"mean": np.zeros(4, np.float32), "matrix": np.full((4, 2), np.nan, np.float32)},
    ],
)
def test_a_file_that_is_no_projection_is_refused(tensors: dict[str, Floats], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / PROJECTION_FILE, metadata={"transform": "l2"})
    with pytest.raises(InvalidModel):
        Projection.load(tmp_path / PROJECTION_FILE)


def test_an_unknown_transform_and_garbage_bytes_are_refused(tmp_path: Path) -> None:
    save_file(
        {"mean": np.zeros(4, np.float32), "matrix": np.ones((4, 2), np.float32)},
        tmp_path / PROJECTION_FILE,
        metadata={"transform": "exec"},
    )
    with pytest.raises(InvalidModel, match="exec"):
        Projection.load(tmp_path / PROJECTION_FILE)
    (tmp_path / PROJECTION_FILE).write_bytes(b"\x00" * 40)
    with pytest.raises(InvalidModel, match=PROJECTION_FILE):
        Projection.load(tmp_path / PROJECTION_FILE)
