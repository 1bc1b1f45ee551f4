"""Generations on disk that are not what was published: refused when a single bit is wrong, and by name."""

from pathlib import Path

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
