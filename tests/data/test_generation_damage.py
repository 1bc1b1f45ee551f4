"""Generations on disk that are not what was published: refused when a single bit is wrong, and by name."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_generations import flip, publish

from data.errors import CorruptGeneration
from data.generations import GenerationStore


@pytest.fixture
def store(tmp_path: Path) -> GenerationStore:
    return GenerationStore(tmp_path)


@pytest.mark.parametrize("name", ["index.bin", "deep/head.bin"])
def test_a_flipped_bit_in_any_file_is_refused_by_name(store: GenerationStore, name: str) -> None:
    folder = publish(store).folder
    for position in range((folder / name).stat().st_size):
        flip(folder / name, position)
        with pytest.raises(CorruptGeneration, match=name):
            store.open().path(name)
        with pytest.raises(CorruptGeneration, match=name):
            store.open().verify()
        flip(folder / name, position)
    store.open().verify()


def test_a_flipped_bit_in_current_is_refused(tmp_path: Path, store: GenerationStore) -> None:
    publish(store)
    for position in range(20):
        for bit in range(8):
            flip(tmp_path / "CURRENT", position, bit)
            with pytest.raises(CorruptGeneration, match="CURRENT"):
                store.open()
            flip(tmp_path / "CURRENT", position, bit)
    store.open()


@pytest.mark.parametrize("content", [b"", b"\n", b"../../etc\n", b"x" * 5000, b"20260101T000000000Z\nmore\n", b"\xff"])
def test_other_contents_of_current_are_refused(tmp_path: Path, store: GenerationStore, content: bytes) -> None:
    kept = publish(store)
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(CorruptGeneration, match="CURRENT"):
        store.current_id()
    with pytest.raises(CorruptGeneration, match="CURRENT"):
        store.prune(1)
    assert store.rollback(kept.id) == kept.id == store.current_id()


def test_current_written_by_hand_without_line_end(tmp_path: Path, store: GenerationStore) -> None:
    published = publish(store)
    (tmp_path / "CURRENT").write_text(published.id)
    assert store.open().id == published.id


def test_a_file_that_changes_after_it_was_verified_is_seen(store: GenerationStore) -> None:
    folder = publish(store)
    folder.path("index.bin")
    (folder.folder / "index.bin").write_bytes(b"other")
    with pytest.raises(CorruptGeneration, match=r"index\.bin"):
        folder.path("index.bin")


def test_missing_and_extra_files_are_refused(store: GenerationStore) -> None:
    folder = publish(store).folder
    (folder / "deep" / "extra.bin").write_bytes(b"")
    with pytest.raises(CorruptGeneration, match=r"deep/extra\.bin must not exist"):
        store.open()
    (folder / "deep" / "extra.bin").unlink()
    (folder / "index.bin").unlink()
    with pytest.raises(CorruptGeneration, match=r"index\.bin must exist"):
        store.open()
    (folder / "manifest.json").unlink()
    with pytest.raises(CorruptGeneration, match=r"manifest\.json"):
        store.open()


def test_a_name_that_the_manifest_lacks_is_refused(store: GenerationStore) -> None:
    folder = publish(store)
    for name in ("other.bin", "../../CURRENT", "manifest.json", "deep"):
        with pytest.raises(CorruptGeneration, match="names none"):
            folder.path(name)


def test_a_folder_under_another_name_is_refused(tmp_path: Path, store: GenerationStore) -> None:
    published = publish(store)
    other = tmp_path / "generations" / "20200101T000000000Z"
    published.folder.rename(other)
    with pytest.raises(CorruptGeneration, match=published.id):
        store.open(other.name)


def _link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _other_size(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10**12)  # a hole, which takes no room but hours to read


@pytest.mark.parametrize("harm", [lambda path: _link(path, Path("/dev/zero")), _pipe, _other_size])
@pytest.mark.parametrize("name", ["index.bin", "deep/head.bin", "manifest.json"])
def test_links_pipes_and_huge_files_are_refused_by_name(
    store: GenerationStore, name: str, harm: Callable[[Path], None]
) -> None:
    published = publish(store)
    harm(published.folder / name)
    with pytest.raises(CorruptGeneration, match=name):
        store.open().verify()
    if name != "manifest.json":
        with pytest.raises(CorruptGeneration, match=name):
            published.path(name)


def test_a_link_to_the_right_file_or_folder_is_refused_too(tmp_path: Path, store: GenerationStore) -> None:
    folder = publish(store).folder
    for name in ("index.bin", "deep", "manifest.json"):
        (folder / name).rename(tmp_path / "aside")
        (folder / name).symlink_to(tmp_path / "aside")
        with pytest.raises(CorruptGeneration, match=name):
            store.open()
        (folder / name).unlink()
        (tmp_path / "aside").rename(folder / name)
    store.open().verify()
    folder.rename(tmp_path / "aside")
    folder.symlink_to(tmp_path / "aside")
    with pytest.raises(CorruptGeneration, match=folder.name):
        store.open()


def _signed(fields: dict[str, Any]) -> str:
    """Returns a manifest with these fields, whose digest is right."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return json.dumps({**fields, "digest": hashlib.sha256(text.encode()).hexdigest()}, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("changes", [
    {"metrics": {"parts": 7}}, {"metrics": {"parts": {"voters": [1]}}},
    {"dim": 10**9}, {"dim": 10**30}, {"seq": 10**30}, {"counts": {"images": 10**20}},
    *({"files": {name: "0" * 64}, "sizes": {name: 1}}
      for name in ("/etc/passwd", "../../CURRENT", "deep/../../x", "a\\b", "a\nb", "\ud800", "", "./x", "a//b", "x\0")),
])  # fmt: skip
def test_a_signed_manifest_with_hostile_fields_is_refused(store: GenerationStore, changes: dict[str, Any]) -> None:
    folder = publish(store).folder
    fields = json.loads((folder / "manifest.json").read_text())
    del fields["digest"]
    (folder / "manifest.json").write_text(_signed({**fields, **changes}))
    with pytest.raises(CorruptGeneration, match=r"manifest\.json.*must be valid"):
        store.open()


def test_a_manifest_that_can_be_read_but_not_written_is_refused(
    store: GenerationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About a thousand brackets are so deep; how many exactly depends on the caller's own depth."""
    folder = publish(store).folder
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    fields = json.loads((folder / "manifest.json").read_text())
    del fields["digest"]
    (folder / "manifest.json").write_text(_signed({**fields, "metrics": {"deep": deep}}))
    store.open()

    def too_deep(*_: Any) -> str:
        raise RecursionError

    monkeypatch.setattr("data.generations.manifest._text", too_deep)
    with pytest.raises(CorruptGeneration, match="deeply"):
        store.open()


@pytest.mark.parametrize("content", [b"[" * 1_000_000, b'{"dim": 1, "dim": 2}', b'{"dim": ' + b"9" * 100_000 + b"}"])
def test_a_manifest_that_is_hard_to_read_is_refused(store: GenerationStore, content: bytes) -> None:
    folder = publish(store).folder
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(CorruptGeneration, match=r"manifest\.json"):
        store.open()


def test_current_that_is_a_pipe_or_huge_is_refused(tmp_path: Path, store: GenerationStore) -> None:
    publish(store)
    for harm in (_other_size, _pipe):
        harm(tmp_path / "CURRENT")
        with pytest.raises(CorruptGeneration, match="CURRENT"):
            store.current_id()
