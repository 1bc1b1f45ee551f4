"""Manifests: refused when a single bit or any field is wrong, read back as they were."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_generations import FIELDS, flip, publish

from data.errors import CorruptGeneration
from data.generations import GenerationStore
from data.generations.store import Manifest


@pytest.fixture
def store(tmp_path: Path) -> GenerationStore:
    return GenerationStore(tmp_path)


def test_a_flipped_bit_anywhere_in_the_manifest_is_refused(store: GenerationStore) -> None:
    path = publish(store).folder / "manifest.json"
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        with pytest.raises(ValueError, match=r"."):
            Manifest.from_json(changed.decode())
    for position in (0, 100, len(content) - 1):
        flip(path, position)
        with pytest.raises(CorruptGeneration, match=r"manifest\.json"):
            store.open()
        flip(path, position)
    store.open()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fingerprint", ""),
        ("dim", 0),
        ("dim", True),
        ("dim", 2.0),
        ("metric", None),
        ("counts", {"products": -1}),
        ("counts", []),
        ("seq", "17"),
        ("backbone", None),
        ("versions", {"numpy": 2}),
        ("metrics", {"recall": float("nan")}),
        ("metrics", {"recall": object()}),
        ("gates", [1]),
        ("files", {"../up": "a" * 64}),
        ("created_at", "2026-01-01"),
        ("generation", "../x"),
        ("format_version", 2),
    ],
)
def test_a_bad_field_publishes_nothing(tmp_path: Path, store: GenerationStore, name: str, value: Any) -> None:
    staged = store.stage()
    with pytest.raises(ValueError, match=r"."):
        store.publish(staged, **{**FIELDS, name: value})
    assert store.current_id() is None
    assert not (staged.folder / "manifest.json").exists()


def test_unknown_and_missing_fields_are_refused(store: GenerationStore) -> None:
    manifest = publish(store).manifest
    fields = json.loads(manifest.to_json())
    for changed in ({**fields, "extra": 1}, {key: value for key, value in fields.items() if key != "seq"}):
        with pytest.raises(ValueError, match="digest"):
            Manifest.from_json(json.dumps(changed))
    with pytest.raises(ValueError, match="object"):
        Manifest.from_json("[]")


@pytest.mark.parametrize("name", ["", "/x", "a//b", "./a", "a/../b", "..", "a\\b", "manifest.json", "a/"])
def test_file_names_stay_inside_the_folder(store: GenerationStore, name: str) -> None:
    manifest = publish(store).manifest
    with pytest.raises(ValueError, match="files"):
        replace(manifest, files={name: "a" * 64}, sizes={name: 1}).to_json()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(metrics=st.dictionaries(st.text(min_size=1), JSON, max_size=3), seq=st.integers(0, 2**63 - 1))
def test_a_manifest_reads_back_as_it_was(metrics: dict[str, Any], seq: int) -> None:
    manifest = Manifest(
        **{
            **FIELDS,
            "metrics": metrics,
            "seq": seq,
            "format_version": 1,
            "generation": "20260101T000000000Z",
            "created_at": "2026-01-01T00:00:00+00:00",
            "files": {"a/b.bin": "0" * 64},
            "sizes": {"a/b.bin": 3},
        }
    )
    assert Manifest.from_json(manifest.to_json()) == manifest
