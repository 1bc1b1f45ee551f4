"""Files that appear whole or not at all."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from data.storage import durable


def test_content_appears_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    durable.write_bytes(path, b"one")
    durable.write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_text_is_utf8(tmp_path: Path) -> None:
    durable.write_text(tmp_path / "t", "한글\n")
    assert (tmp_path / "t").read_bytes() == "한글\n".encode()


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    durable.write_bytes(path, b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        durable.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_file_is_flushed_before_it_is_named_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    steps: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("folder" if target.is_dir() else "file")
        steps.append("named" if path.exists() else "unnamed")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    durable.write_bytes(path, b"x")
    assert steps == ["file", "unnamed", "folder", "named"]


def test_new_folders_are_flushed_into_their_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(durable, "fsync_path", flushed.append)
    durable.make_folder(tmp_path / "a" / "b")
    assert flushed == [tmp_path, tmp_path / "a"]
    durable.make_folder(tmp_path / "a" / "b")
    assert len(flushed) == 2


def test_what_can_be_made_again_is_not_flushed_but_appears_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fsync")
    durable.write_bytes(tmp_path / "new" / "file", b"one", durable=False)
    durable.write_bytes(tmp_path / "new" / "file", b"two", durable=False)
    assert [path.read_bytes() for path in (tmp_path / "new").iterdir()] == [b"two"]


def test_others_may_read_what_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        durable.write_bytes(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_longest_file_names_work(tmp_path: Path) -> None:
    durable.write_bytes(tmp_path / ("x" * 255), b"x")
    assert (tmp_path / ("x" * 255)).read_bytes() == b"x"


def test_sha256_of_a_file_longer_than_a_block(tmp_path: Path) -> None:
    content = os.urandom(700_001)
    (tmp_path / "f").write_bytes(content)
    assert durable.sha256_file(tmp_path / "f") == hashlib.sha256(content).hexdigest()


def test_only_abandoned_folders_are_swept(tmp_path: Path) -> None:
    for name in (".stage-old", ".stage-new", "other-old"):
        (tmp_path / name).mkdir()
    two_hours_ago = time.time() - 7200
    for name in (".stage-old", "other-old"):
        os.utime(tmp_path / name, (two_hours_ago, two_hours_ago))
    durable.sweep_abandoned(tmp_path, ".stage-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".stage-new", "other-old"]
