"""The text tower with the encoder that is installed with the project, offline."""

import socket
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import Ridge

from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.space import normalise
from engine.text import EncoderTextTower, TextEncoder, TextHead, encoder_title, fit_ridge
from engine.text.head import HEAD_FILE


@pytest.fixture(scope="module", params=["multilingual", "minilm"])
def encoder(request: pytest.FixtureRequest) -> Iterator[TextEncoder]:
    """Each encoder that is installed with the project, loaded while no socket can be opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _no_network)
        yield TextEncoder(request.param)


def _no_network(*_: Any) -> None:
    raise AssertionError("the bundled encoder must not need a network")


@pytest.fixture
def head() -> TextHead:
    generator = np.random.default_rng(0)
    anchors = normalise(generator.standard_normal((5, 6)))
    return TextHead(
        mean=np.zeros(6, np.float32),
        matrix=generator.standard_normal((6, 3)).astype(np.float32),
        bias=np.zeros(3, np.float32),
        anchors=anchors,
        anchor_points=normalise(generator.standard_normal((5, 3))),
        anchor_weights=np.ones(5, np.float32),
        encoder_name="",
        encoder_digest="d" * 64,
        characters=0,
        sounds=0,
    )


def test_the_bundled_encoder_tells_meanings_apart(encoder: TextEncoder) -> None:
    rows = encoder.embed(["red running shoes", "crimson sneakers", "a carton of milk"])
    assert rows.dtype == np.float32
    assert rows.shape == (3, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_a_repeated_text_is_not_encoded_again(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encoder.embed(["velvet armchair", "velvet armchair"])
    monkeypatch.setattr(encoder._model, "encode", lambda texts: pytest.fail(f"encoded again: {texts}"))
    np.testing.assert_array_equal(encoder.embed(["velvet armchair"])[0], first[1])
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_several_threads_get_the_same_answers(encoder: TextEncoder) -> None:
    texts = [f"product number {number}" for number in range(6)]
    expected = encoder.embed(texts)
    encoder.embed([f"another text {number}" for number in range(1024)])  # so that none of them is remembered
    got: dict[int, Floats] = {}
    threads = [
        threading.Thread(target=lambda place=place: got.update({place: encoder.embed([texts[place]])[0]}))
        for place in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    np.testing.assert_allclose(np.stack([got[place] for place in range(6)]), expected, atol=1e-5)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="no-such-model"):
        TextEncoder(str(tmp_path / "no-such-model"))


def test_the_head_is_refused_with_another_encoder(head: TextHead) -> None:
    encoder: Any = SimpleNamespace(digest="e" * 64, embed=lambda texts: np.zeros((len(texts), 6), np.float32))
    with pytest.raises(FingerprintMismatch, match="eeee"):
        EncoderTextTower(encoder, head)
    same: Any = SimpleNamespace(digest="d" * 64, embed=lambda texts: np.ones((len(texts), 6), np.float32))
    assert EncoderTextTower(same, head).embed(["x"]).shape == (1, 3)


def test_a_known_text_lands_near_its_own_photos(head: TextHead) -> None:
    far_apart = replace(head, anchors=np.eye(5, 6, dtype=np.float32), matrix=head.matrix * 0)
    points = far_apart.apply(far_apart.anchors)
    np.testing.assert_allclose((points * far_apart.anchor_points).sum(axis=1), 1, atol=1e-3)


def test_a_text_alone_is_placed_as_among_others(head: TextHead) -> None:
    hashed = replace(head, characters=2, sounds=1, learned=np.ones((7, 3), np.float32), learned_anchors=5)
    hashed = replace(hashed, mean=np.linspace(0, 0.5, 6, dtype=np.float32), bias=np.ones(3, np.float32))
    rows = normalise(np.random.default_rng(2).standard_normal((9, 6)) * [1, 1, 1, 0, 1, 0])
    alone = np.concatenate([hashed.apply(row[None]) for row in rows])
    np.testing.assert_allclose(alone, hashed.apply(rows), atol=1e-6)


def test_saved_head_answers_alike(head: TextHead, tmp_path: Path) -> None:
    head.save(tmp_path)
    loaded = TextHead.load(tmp_path / HEAD_FILE)
    rows = normalise(np.random.default_rng(1).standard_normal((4, 6)))
    np.testing.assert_array_equal(loaded.apply(rows), head.apply(rows))
    assert (loaded.encoder_name, loaded.encoder_digest, loaded.space_dim) == ("", "d" * 64, 3)


def test_a_text_of_the_shop_lands_at_its_learned_point(head: TextHead, tmp_path: Path) -> None:
    map_of_texts = np.random.default_rng(2).standard_normal((7, 3)).astype(np.float32)
    taught = replace(head, learned=map_of_texts, learned_anchors=2)
    expected = normalise(head.anchors @ map_of_texts[:6] + map_of_texts[6])
    np.testing.assert_allclose(taught.apply(head.anchors)[:2], expected[:2], atol=1e-5)
    strangers = np.linalg.svd(head.anchors[:2])[2][2:4].astype(np.float32)  # orthogonal to both learned texts
    np.testing.assert_allclose(taught.apply(strangers), head.apply(strangers), atol=1e-6)
    taught.save(tmp_path)
    loaded = TextHead.load(tmp_path / HEAD_FILE)
    np.testing.assert_array_equal(loaded.apply(head.anchors), taught.apply(head.anchors))


@pytest.mark.parametrize("change", [{"learned_anchors": 0}, {"learned_anchors": 6}, {"learned": np.ones((6, 3))}])
def test_a_learned_map_that_does_not_fit_is_refused(head: TextHead, change: dict[str, Any]) -> None:
    fitting = {"learned": np.ones((7, 3), np.float32), "learned_anchors": 5}
    with pytest.raises(InvalidModel, match="learned map"):
        replace(head, **{**fitting, **change})


def test_a_head_of_an_earlier_version_answers_as_it_did(head: TextHead, tmp_path: Path) -> None:
    head.save(tmp_path)
    save_file(load_file(tmp_path / HEAD_FILE), tmp_path / HEAD_FILE, {"encoder": '{"name": "", "digest": "d"}'})
    loaded = TextHead.load(tmp_path / HEAD_FILE)
    assert (loaded.characters, loaded.sounds, loaded.kernel_width) == (0, 0, 0.1)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("", "all-MiniLM-L6-v2"),
        ("minilm", "all-MiniLM-L6-v2"),
        ("multilingual", "universal-sentence-encoder-multilingual-v3"),
        ("/models/own", "/models/own"),
    ],
)
def test_status_names_the_encoder_of_a_generation(name: str, title: str) -> None:
    assert encoder_title(name) == title


def test_generations_of_minilm_alone_find_it_by_its_old_name() -> None:
    assert TextEncoder("").digest == TextEncoder("minilm").digest


@pytest.mark.parametrize(
    "change",
    [
        {"bias": np.zeros(2, np.float32)},
        {"matrix": np.zeros((6, 3), np.float64)},
        {"matrix": np.full((6, 3), np.inf, np.float32)},
        {"anchors": np.zeros((4, 6), np.float32)},
        {"anchor_weights": np.zeros(5, np.float32)},
    ],
)
def test_a_file_that_is_no_head_is_refused(change: dict[str, Floats], head: TextHead, tmp_path: Path) -> None:
    head.save(tmp_path)
    tensors = load_file(tmp_path / HEAD_FILE) | change
    save_file(tensors, tmp_path / HEAD_FILE, metadata={"encoder": '{"name": "", "digest": "d"}'})
    with pytest.raises(InvalidModel):
        TextHead.load(tmp_path / HEAD_FILE)


def test_a_head_without_its_encoder_is_refused(head: TextHead, tmp_path: Path) -> None:
    head.save(tmp_path)
    save_file(load_file(tmp_path / HEAD_FILE), tmp_path / HEAD_FILE)
    with pytest.raises(InvalidModel, match="encoder"):
        TextHead.load(tmp_path / HEAD_FILE)


def test_ridge_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    count = 20_000  # more than one block
    rows = generator.standard_normal((count, 5)).astype(np.float32)
    targets = generator.standard_normal((count, 3)).astype(np.float32)
    weights = generator.uniform(0.5, 2, count).astype(np.float32)
    mean, matrix, bias = fit_ridge(rows, targets, weights, 0.7)
    share = weights / weights.sum()
    centred = rows - share @ rows
    penalty = 0.7 * np.trace((centred * share[:, None]).T @ centred) / 5
    reference = Ridge(alpha=penalty).fit(rows, targets, sample_weight=share)
    np.testing.assert_allclose((rows - mean) @ matrix + bias, reference.predict(rows), atol=1e-4)


def test_the_memory_of_ridge_does_not_grow_with_the_texts() -> None:
    def peak_bytes(count: int) -> int:
        rows, targets = np.ones((count, 64), np.float16), np.ones((count, 4), np.float32)
        tracemalloc.start()
        fit_ridge(rows, targets, np.ones(count, np.float32), 1.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(80_000) < 1.5 * peak_bytes(20_000)
