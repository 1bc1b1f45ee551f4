"""Runs the `lookalike` command in a process of its own with the tiny backbone, and stops it at an exact point.

    python rebuild_driver.py STOP ARGUMENT...

STOP is `run` (to the end), `kill:POINT` (the process kills itself with signal 9 there), `hold:POINT` (it prints a line
and waits there for its standard input to close), or `full:POINT` (from there on no file may be longer than 10 bytes,
as on a full disk).
"""

import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_backbone import TinyBackbone

import lookalike
from data.features import FeatureStore
from data.features.rows import RowFiles
from data.generations import store
from engine import backbones
from engine.space import Projection
from indexer.rebuild import nightly, parts
from training.parts import SPACE

Stop = Callable[[], None]


def before(owner: Any, name: str, stop: Stop, when: Callable[..., bool] = lambda *_: True) -> None:
    """Stops before `owner.name` is called with arguments that `when` accepts."""
    whole = getattr(owner, name)

    def stopping(*arguments: Any, **named: Any) -> Any:
        if when(*arguments):
            stop()
        return whole(*arguments, **named)

    setattr(owner, name, stopping)


def after(owner: Any, name: str, stop: Stop, when: Callable[..., bool] = lambda *_: True) -> None:
    """Stops when `owner.name` has returned from a call with arguments that `when` accepts."""
    whole = getattr(owner, name)

    def stopping(*arguments: Any, **named: Any) -> Any:
        result = whole(*arguments, **named)
        if when(*arguments):
            stop()
        return result

    setattr(owner, name, stopping)


def replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def within_prune(stop: Stop) -> None:
    """Stops when an old generation has been renamed and is about to be deleted."""
    before(shutil, "rmtree", stop, lambda path, *_: Path(path).name.startswith(".removed-"))


def writes(name: str) -> Callable[..., bool]:
    return lambda path, *_: Path(path).name == name


POINTS: dict[str, Callable[[Stop], None]] = {
    "with_the_lock": lambda stop: before(nightly, "open_job", stop),
    "mid_append": lambda stop: after(RowFiles, "append", stop),
    "mid_embed": lambda stop: after(FeatureStore, "append", stop),
    "after_embed": lambda stop: after(nightly, "embed", stop),
    "mid_train": lambda stop: after(Projection, "save", stop),
    "after_train": lambda stop: after(nightly, "train_parts", stop),
    "after_index": lambda stop: after(nightly, "build_index", stop),
    "after_gates": lambda stop: after(nightly, "run_gates", stop),
    "before_manifest": lambda stop: before(store, "write_text", stop, writes("manifest.json")),
    "after_manifest": lambda stop: after(store, "write_text", stop, writes("manifest.json")),
    "before_current": lambda stop: before(store, "write_text", stop, writes("CURRENT")),
    "after_current": lambda stop: after(store, "write_text", stop, writes("CURRENT")),
    "mid_prune": within_prune,
    "before_summary": lambda stop: before(nightly, "remember", stop),
}


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hold() -> None:
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    sys.stdin.read()


def fill_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


STOPS: dict[str, Stop] = {"kill": kill, "hold": hold, "full": fill_disk}


def main(stop: str, arguments: list[str]) -> None:
    if stop != "run":
        kind, point = stop.split(":")
        POINTS[point](STOPS[kind])
    replace(parts, "PARTS", (SPACE,))
    replace(backbones, "resolve_spec", lambda settings: TinyBackbone.spec)
    replace(backbones, "load_backbone", lambda *_, **__: TinyBackbone())
    lookalike.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
