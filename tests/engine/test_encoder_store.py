"""Tuned encoders on disk: whole and verified, or not there."""

import os
import shutil
import time
from pathlib import Path

import pytest

from engine.errors import InvalidModel
from engine.text import (
    drop_unused_encoders,
    find_encoder,
    is_tuned,
    load_model,
    publish_encoder,
    staged_encoder,
    tuned_folder,
)

DIGEST = "0123456789abcdef" + "0" * 48


def publish(home: Path, digest: str = DIGEST, key: str = "k", content: str = "weights") -> str:
    with staged_encoder(home) as staged:
        (staged / "1_Pooling").mkdir()
        (staged / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
        (staged / "model.safetensors").write_text(content, encoding="utf-8")
        (staged / "model.safetensors").chmod(0o600)  # as the library writes it
        return publish_encoder(home, staged, digest, {"key": key})


def visible(home: Path) -> list[str]:
    return [path.name for path in (home / "encoders").iterdir()]


def test_a_published_encoder_is_found_by_name_and_by_key_wherever_the_home_is(tmp_path: Path) -> None:
    name = publish(tmp_path / "home")
    assert name == "encoders/0123456789abcdef"
    assert is_tuned(name)
    (tmp_path / "home").rename(tmp_path / "moved")
    folder = tuned_folder(tmp_path / "moved", name)
    assert (folder / "model.safetensors").read_text(encoding="utf-8") == "weights"
    modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert modes == {folder.stat().st_mode & 0o666}  # a server run by another user can read it
    assert find_encoder(tmp_path / "moved", "k") == name
    assert find_encoder(tmp_path / "moved", "another") is None
    assert visible(tmp_path / "moved") == [folder.name]


def test_what_was_not_published_is_not_there(tmp_path: Path) -> None:
    def cut_off() -> None:
        with staged_encoder(tmp_path) as staged:
            (staged / "model.safetensors").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert visible(tmp_path) == []


def test_the_staging_of_a_killed_process_is_never_taken_and_is_swept(tmp_path: Path) -> None:
    killed = tmp_path / "encoders" / ".staged-killed"
    (killed / "model").mkdir(parents=True)
    (killed / "model" / "encoder.json").write_text('{"key": "k", "files": {}}', encoding="utf-8")
    assert find_encoder(tmp_path, "k") is None
    assert drop_unused_encoders(tmp_path, (), unused_s=0) == []
    long_ago = time.time() - 86_400
    os.utime(killed, (long_ago, long_ago))
    assert visible(tmp_path) == [".staged-killed"]
    publish(tmp_path)
    assert visible(tmp_path) == ["0123456789abcdef"]


@pytest.mark.parametrize(
    "name",
    [
        "encoders", "encoders/", "encoders/..", "encoders/../0123456789abcdef", "encoders/../../etc/passwd",
        "encoders//etc", "encoders/0123456789abcdef/..", "encoders/0123456789ABCDEF", "encoders/0123456789abcdef\n",
        "encoders/.staged-x", "encoders/0123456789abcde",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    publish(tmp_path)
    with pytest.raises(InvalidModel, match="must be named"):
        load_model(name, tmp_path)


def test_a_link_out_of_the_home_is_refused(tmp_path: Path) -> None:
    name = publish(tmp_path / "other")
    (tmp_path / "home" / "encoders").mkdir(parents=True)
    (tmp_path / "home" / name).symlink_to(tmp_path / "other" / name)
    with pytest.raises(InvalidModel, match="missing or was changed"):
        tuned_folder(tmp_path / "home", name)


@pytest.mark.parametrize("damage", ["changed", "added", "removed", "no record", "gone"])
def test_a_damaged_encoder_is_refused_and_published_again(tmp_path: Path, damage: str) -> None:
    name = publish(tmp_path)
    folder = tmp_path / name
    if damage == "changed":
        (folder / "model.safetensors").write_text("weightz", encoding="utf-8")
    elif damage == "added":
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    elif damage == "removed":
        (folder / "1_Pooling" / "config.json").unlink()
    elif damage == "no record":
        (folder / "encoder.json").write_text("[]", encoding="utf-8")
    else:
        shutil.rmtree(folder)
    with pytest.raises(InvalidModel, match="missing or was changed"):
        load_model(name, tmp_path)
    assert find_encoder(tmp_path, "k") is None
    assert publish(tmp_path) == name
    tuned_folder(tmp_path, name)


def test_a_tuned_encoder_needs_its_home() -> None:
    with pytest.raises(InvalidModel, match="of a home"):
        load_model("encoders/0123456789abcdef")


def test_only_what_nobody_used_for_long_is_dropped(tmp_path: Path) -> None:
    used, old, new = (publish(tmp_path, f"{number}" * 64, f"key {number}") for number in "123")
    long_ago = time.time() - 1000
    for name in (used, old):
        os.utime(tmp_path / name, (long_ago, long_ago))
    assert drop_unused_encoders(tmp_path, [used, ""], unused_s=500) == [old]
    assert sorted(visible(tmp_path)) == sorted(Path(name).name for name in (used, new))
    assert find_encoder(tmp_path, "key 1") == used  # from now on it counts as used
    assert drop_unused_encoders(tmp_path, (), unused_s=500) == []


def test_a_home_without_encoders_has_none(tmp_path: Path) -> None:
    assert find_encoder(tmp_path, "k") is None
    assert drop_unused_encoders(tmp_path, (), unused_s=0) == []
