"""Lock files, held by real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import LockHeld
from data.storage import exclusive, holder, waiting

HOLD = """
import sys
from pathlib import Path
from data.storage.locks import exclusive
with exclusive(Path(sys.argv[1]), "rebuild"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "rebuild.lock"
    with hold(path) as process:
        with pytest.raises(LockHeld, match=f"process {process.pid} on .*, rebuild since 20"), exclusive(path, "import"):
            pass
        found = holder(path)
        assert found is not None
        assert (found.pid, found.what) == (process.pid, "rebuild")
        assert json.loads(path.read_text())["pid"] == process.pid
        process.communicate()
    with exclusive(path, "import"):
        pass


def test_kill_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "rebuild.lock"
    with hold(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert holder(path) is None
    with exclusive(path, "rebuild"):
        pass


def test_the_same_process_cannot_take_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with exclusive(path, "rebuild"):
        with pytest.raises(LockHeld, match=f"process {os.getpid()}"), exclusive(path, "rebuild"):
            pass
        assert holder(path) is not None
    with exclusive(path, "rebuild"):
        pass


def test_an_error_inside_releases_it(tmp_path: Path) -> None:
    with pytest.raises(KeyError), exclusive(tmp_path / "lock", "rebuild"):
        raise KeyError
    assert holder(tmp_path / "lock") is None


def test_a_holder_that_has_not_written_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with waiting(path):
        with pytest.raises(LockHeld, match="has not named itself"), exclusive(path, "rebuild"):
            pass
        assert holder(path) is None


def test_no_file_means_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()
