"""Commands that must not begin a shop refuse a home that is not there, and leave nothing behind."""

import errno
from pathlib import Path

import pytest

import lookalike
from data.keys import Keys

REFUSED = [
    ["serve", "--port", "0"],
    ["search", "--text", "mug"],
    ["recognize", "setup.cfg"],
    ["keys", "list"],
    ["keys", "revoke", "3f9c2a7be104"],
    ["status"],
    ["rollback"],
    ["restore", "--import", "1"],
    ["import-events", "setup.cfg"],
    ["train", "voters"],
    ["train", "query-embedder"],
    ["train", "backbone", "--name", "a"],
    ["evaluate", "recognition"],
    ["evaluate", "retrieval"],
    ["evaluate", "cold-start"],
]


def run(home: Path, arguments: list[str]) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        lookalike.main(["--home", str(home), *arguments])
    return stopped.value.code


@pytest.mark.parametrize("is_mount_point", [False, True])
@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_a_command_makes_no_home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], is_mount_point: bool
) -> None:
    home = tmp_path / "volume" / "home"
    if is_mount_point:
        home.mkdir(parents=True)
    assert run(home, arguments) == 2
    told = capsys.readouterr().err
    assert f"got {home}" in told
    assert ("holds none" if is_mount_point else "does not exist") in told
    assert "mount it" in told
    assert not list(home.glob("*"))
    assert home.exists() is is_mount_point


def test_a_file_is_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "home").touch()
    assert run(tmp_path / "home", ["status"]) == 2
    assert f"home must be a folder; got {tmp_path / 'home'}, which is a file." in capsys.readouterr().err


def test_a_rebuild_makes_no_home_and_says_so_in_its_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "home", ["rebuild", "--json"]) == 1
    assert "does not exist" in capsys.readouterr().out
    assert not (tmp_path / "home").exists()


def test_doctor_makes_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lookalike.main(["--home", str(tmp_path / "home"), "--backbone", "efficientnet_lite2", "doctor", "--repair"])
    assert "lookalike import PATH" in capsys.readouterr().out
    assert not (tmp_path / "home").exists()


def test_an_error_of_the_disk_is_a_plain_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Keys, "create", fail)
    assert run(tmp_path / "home", ["keys", "add", "--scope", "admin"]) == 1
    assert "the disk not full; got: [Errno 28] No space left" in capsys.readouterr().err
