"""Canary queries are read strictly and each must find its product, or the rebuild publishes nothing."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imported_shapes import import_shapes
from tiny_backbone import TinyBackbone
from tiny_shop import DIM, TinyShop, axis

from data.errors import UnknownProduct
from data.generations import GenerationFolder, GenerationStore
from data.rebuilds import last_rebuild
from data.settings import Settings
from engine.generation import Generation, load_generation
from engine.protocols import Floats
from engine.search import SearchEngine, SearchRequest
from indexer.errors import GateFailed
from indexer.rebuild import rebuild
from indexer.rebuild.canaries import BadCanaries, Canary, check_canaries, read_canaries
from indexer.rebuild.verify import verify


@pytest.fixture
def feed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    return import_shapes(settings, monkeypatch)


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_the_three_kinds_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "canaries.jsonl",
        {"text": "빨간 컵", "expect": "a"},
        "",
        {"image": "photos/x.jpg", "expect": "b", "k": 3},
        {"product_id": "c", "expect": "d", "k": 1000},
    )
    assert read_canaries(path) == [
        Canary(line=1, kind="text", query="빨간 컵", expect="a", k=10),
        Canary(line=3, kind="image", query=str(tmp_path / "photos/x.jpg"), expect="b", k=3),
        Canary(line=4, kind="product_id", query="c", expect="d", k=1000),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[1]",
        {"expect": "a"},
        {"text": "x", "image": "y", "expect": "a"},
        {"text": "", "expect": "a"},
        {"text": 3, "expect": "a"},
        {"text": "x"},
        {"text": "x", "expect": "a", "k": 0},
        {"text": "x", "expect": "a", "k": 1001},
        {"text": "x", "expect": "a", "k": "10"},
        {"text": "x", "expect": "a", "k": True},
    ],
)
def test_a_bad_line_is_named_and_fails_the_gate(tmp_path: Path, line: dict[str, Any] | str) -> None:
    path = write(tmp_path / "canaries.jsonl", {"text": "good", "expect": "a"}, line)
    with pytest.raises(BadCanaries, match="line 2 must hold"):
        read_canaries(path)
    result = check_canaries(path, lambda canary: ["a"])
    assert not result.passed
    assert "line 2" in result.detail


def test_a_file_in_another_encoding_fails_the_gate(tmp_path: Path) -> None:
    path = tmp_path / "canaries.jsonl"
    path.write_bytes(b'{"text": "\xff\xfe", "expect": "a"}')
    assert "UTF-8" in check_canaries(path, lambda canary: []).detail


def test_no_file_passes_and_says_so(tmp_path: Path) -> None:
    result = check_canaries(tmp_path / "canaries.jsonl", lambda canary: [])
    assert result.passed
    assert "no canary" in result.detail


def test_a_lost_product_fails_the_gate_and_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "canaries.jsonl", {"text": "cup", "expect": "a"}, {"text": "hat", "expect": "b", "k": 2})
    result = check_canaries(path, lambda canary: ["a", "c", "b"])
    assert not result.passed
    assert result.measured == 0.5
    assert "line 2: text 'hat' did not find 'b' among 2" in result.detail
    assert check_canaries(path, lambda canary: ["a", "b"]).measured == 1


def test_a_canary_about_an_unknown_product_fails_the_gate(tmp_path: Path) -> None:
    path = write(tmp_path / "canaries.jsonl", {"product_id": "gone", "expect": "b"})

    def find(canary: Canary) -> list[str]:
        raise UnknownProduct(canary.query)

    assert "gone" in check_canaries(path, find).detail


def test_a_failing_canary_publishes_nothing_and_leaves_no_trace(feed: Path, settings: Settings) -> None:
    before = rebuild(settings, backbone=TinyBackbone()).generation
    canaries = settings.home / "canaries.jsonl"
    canaries.write_text(json.dumps({"image": str(feed.parent / "red-disc-0.png"), "expect": "blue-bar", "k": 1}))
    with pytest.raises(GateFailed, match=r"canaries must be == 1, measured 0.0 .*'blue-bar'"):
        rebuild(settings, backbone=TinyBackbone())
    assert GenerationStore(settings.home).current_id() == before
    assert [path.name for path in (settings.home / "generations").iterdir()] == [before]
    kept = last_rebuild(settings.home)
    assert kept is not None
    assert (kept["published"], kept["generation"]) == (False, None)
    assert [gate["name"] for gate in kept["gates"] if not gate["passed"]] == ["canaries"]


def test_canaries_of_every_kind_are_asked(generation: GenerationFolder, built_home: Path, settings: Settings) -> None:
    photo = built_home.parent / "feed" / "cyan-disc-1.png"
    shutil.copy(photo, settings.home / "shelf.png")
    canaries: list[dict[str, Any]] = [
        {"text": "orange bar", "expect": "orange-bar", "k": 3},
        {"image": "shelf.png", "expect": "cyan-disc", "k": 1},
        {"product_id": "gold-square", "expect": "gold-disc", "k": 10},
    ]
    (settings.home / "canaries.jsonl").write_text("\n".join(map(json.dumps, canaries)))
    summary = rebuild(settings, backbone=TinyBackbone())
    assert "3 of 3 canaries" in next(gate.detail for gate in summary.gates if gate.name == "canaries")


def test_a_product_is_not_its_own_neighbour_in_a_canary(feed: Path, settings: Settings) -> None:
    (settings.home / "canaries.jsonl").write_text(json.dumps({"product_id": "red-disc", "expect": "red-disc"}))
    with pytest.raises(GateFailed, match="canaries"):
        rebuild(settings, backbone=TinyBackbone())


def test_the_gate_sees_what_a_shopper_would_see(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old product that ten new ones, a little less alike, push off the first page."""
    monkeypatch.setattr(Generation, "text_tower", lambda self: _AlwaysAxisZero())
    shop = TinyShop(settings)
    now = datetime.now(UTC)
    shop.put("old", [_at_cosine(0.90, 1)], created_at=(now - timedelta(days=800)).isoformat())
    for number in range(10):
        cosine = 0.886 + 0.0004 * number
        shop.put(f"new-{number}", [_at_cosine(cosine, 2 + number % 6)], created_at=now.isoformat())
    folder = shop.publish()
    write(settings.home / "canaries.jsonl", {"text": "mug", "expect": "old", "k": 10})
    vectors = load_generation(settings, folder, shop.backbone).index.vectors(np.arange(11))

    gates = {gate.name: gate for gate in verify(settings, shop.catalogue, folder, vectors, shop.backbone)}
    shown = SearchEngine(settings, backbone=shop.backbone).search(SearchRequest(text="mug", k=10)).hits

    assert "old" not in [hit.product_id for hit in shown]
    assert not gates["canaries"].passed
    assert "did not find 'old' among 10" in gates["canaries"].detail


class _AlwaysAxisZero:
    def embed(self, texts: Sequence[str]) -> Floats:
        return np.array([axis(0) for _ in texts], np.float32)


def _at_cosine(cosine: float, other: int) -> list[float]:
    """Returns a unit vector at this cosine from axis 0, turned towards another axis."""
    point = np.zeros(DIM)
    point[0], point[other] = cosine, np.sqrt(1 - cosine**2)
    return list(point)
