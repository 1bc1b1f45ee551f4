"""The systemd units in docs/systemd: one home and user, hardened, with limits, and as the docs say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.server.limits import Limits

DOCS = Path(__file__).parents[2] / "docs"
UNITS = DOCS / "systemd"
HOME = "/var/lib/lookalike"
SERVICES = (
    "lookalike.service", "lookalike-rebuild.service", "lookalike-backup.service", "lookalike-ray-head.service",
    "lookalike-ray-worker.service", "lookalike-searcher.service",
)  # fmt: skip
TIMERS = ("lookalike-rebuild.timer", "lookalike-backup.timer")
DRAIN_S = int(Limits().drain_s)
HARDENED = (
    "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
    "PrivateDevices=yes", "PrivateUsers=yes", "ProtectKernelModules=yes", "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes", "LockPersonality=yes", "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged",
)  # fmt: skip


def lines(unit: str) -> list[str]:
    return (UNITS / unit).read_text(encoding="utf-8").splitlines()


def value(unit: str, name: str) -> str:
    return next(line.partition("=")[2] for line in lines(unit) if line.startswith(f"{name}="))


def test_these_are_all_units() -> None:
    assert sorted(path.name for path in UNITS.iterdir()) == sorted((*SERVICES, *TIMERS))


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_has_the_common_user_home_and_limits(unit: str) -> None:
    text = "\n".join(lines(unit))
    assert (value(unit, "User"), value(unit, "Group")) == ("lookalike", "lookalike")
    assert set(re.findall(r"LOOKALIKE_HOME=(\S+)", text)) <= {HOME}
    assert (value(unit, "StateDirectory"), HOME in value(unit, "RequiresMountsFor")) == ("lookalike", True)
    assert int(value(unit, "LimitNOFILE")) >= 65536
    assert re.fullmatch(r"\d+G", value(unit, "MemoryMax"))
    assert value(unit, "TasksMax")
    assert [line for line in HARDENED if line not in lines(unit)] == []


def test_the_server_has_time_to_end_running_requests() -> None:
    assert DRAIN_S + 10 <= int(value("lookalike.service", "TimeoutStopSec")) <= 90
    assert f"{DRAIN_S} s at most" in (DOCS / "deploy.md").read_text(encoding="utf-8")
    assert "--host 127.0.0.1" in value("lookalike.service", "ExecStart")


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_starts_its_service_every_night(timer: str) -> None:
    assert timer.replace(".timer", ".service") in SERVICES
    assert value(timer, "OnCalendar").startswith("*-*-* 0")
    assert value(timer, "Persistent") == "true"


def test_the_docs_name_the_same_units_home_and_user() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in (*DOCS.glob("*.md"), DOCS.parent / "README.md")}
    for name, page in pages.items():
        homes = set(re.findall(r"(?:LOOKALIKE_HOME=|--home )(/\S+)", page))
        assert (name, homes <= {HOME}) == (name, True)
    for link in re.findall(r"\(systemd/([^)]+)\)", pages["nightly.md"]):
        assert (UNITS / link).is_file()
    for unit in ("lookalike.service", *TIMERS):
        assert unit in pages["deploy.md"]
    for directive in re.findall(r"^\| `([A-Z]\w+=[^`]+)`", pages["deploy.md"], re.MULTILINE):
        text = "\n".join(lines("lookalike.service"))
        assert directive in text, directive


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    for unit in (*SERVICES, *TIMERS):  # a program that is not installed here is no fault of theirs
        text = (UNITS / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_rates_the_service_as_safe(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(UNITS / unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
