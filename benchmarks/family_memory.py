"""The memory of a process, alone and with those that it started, for the scripts that measure it."""

from pathlib import Path


def family_memory_mb(pid: int, naming: str = "") -> float:
    """Returns the memory of a process and its descendants in MB, what they share counted in parts (PSS).

    Args:
        naming: other processes whose command line holds this text belong to the family too, with their descendants.
    """
    processes = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    family = {pid, *(other for other in processes if naming and naming in _read(other, "cmdline"))}
    parents = {process: _parent(process) for process in processes}
    for _ in range(4):
        family |= {child for child, parent in parents.items() if parent in family}
    return sum(_pss_mb(member) for member in family)


def memory_mb(pid: int, name: str = "VmRSS") -> float:
    """Returns a figure of /proc/PID/status in MB: VmRSS is what is in memory, RssAnon its own part, VmHWM the most."""
    lines = _read(pid, "status").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1000


def _pss_mb(pid: int) -> float:
    lines = _read(pid, "smaps_rollup").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1000


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return ""
