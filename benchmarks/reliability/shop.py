"""A small shop on disk, and the `lookalike` command as a process of its own that works on it.

The command runs with a tiny backbone that needs no weights and trains the product space only, so that a campaign of a
hundred rounds takes minutes. Storage, server and rebuild are the real ones.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DRIVER = Path(__file__).parents[2] / "tests" / "helpers" / "rebuild_driver.py"
COMMAND_S = 300


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit status (negative: the signal that killed it) and what it printed."""

    status: int
    out: str
    err: str

    @property
    def traceback(self) -> bool:
        """Whether it ended with an error that nobody had foreseen."""
        return "Traceback" in self.err


@dataclass
class Shop:
    """A home, the folder of its feed, and the environment of its commands.

    Attributes:
        limits: a shell command that goes before each `lookalike`, for example `ulimit -n 64`.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def feed(self) -> Path:
        return self.folder / "feed" / "catalogue.jsonl"

    def start(self, *arguments: str, out: Any = subprocess.DEVNULL, err: Any = None) -> subprocess.Popen[bytes]:
        """Starts a command in a process group of its own, so that `kill` ends its children too."""
        command = [sys.executable, str(DRIVER), "run", "--home", str(self.home), *arguments]
        if self.limits:
            command = ["/bin/sh", "-c", f'{self.limits} && exec "$@"', "sh", *command]
        process = subprocess.Popen(
            command, stdout=out, stderr=err or self._log(), start_new_session=True,
            env={**os.environ, "LOOKALIKE_KEEP_GENERATIONS": "2", **self.environment},
        )  # fmt: skip
        self.running.append(process)
        return process

    def run(self, *arguments: str) -> Done:
        """Runs a command to its end."""
        return self.end(self.begin(*arguments))

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a command whose output `end` returns."""
        return self.start(*arguments, out=subprocess.PIPE, err=subprocess.PIPE)

    def end(self, process: subprocess.Popen[bytes]) -> Done:
        """Waits for a command that `begin` started."""
        try:
            out, err = process.communicate(timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            kill(process)
            out, err = process.communicate()
        return Done(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def write_feed(self, products: range, seed: int = 0, photos: int = 2) -> Path:
        """Writes a feed of these products, `feed-<number>`, whose facts and photos depend on the seed only."""
        self.feed.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for number in products:
            rng = random.Random(f"{seed} {number}")
            names = [f"{seed}-{number}-{place}.png" for place in range(photos)]
            for name in names:
                (self.feed.parent / name).write_bytes(draw_photo(rng))
            fields = {"product_id": f"feed-{number}", "price": round(rng.uniform(1, 99), 2), "images": names}
            lines.append(json.dumps(fields))
        self.feed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.feed

    def stop_all(self) -> None:
        for process in self.running:
            if process.poll() is None:
                kill(process)

    def _log(self) -> Any:
        return (self.folder / "log.txt").open("ab")


@contextmanager
def small_shop(folder: Path, products: int = 30, **options: Any) -> Iterator[Shop]:
    """Yields a shop with that many products imported and one generation published; its processes end with it."""
    shop = Shop(folder, **options)
    shop.write_feed(range(products))
    try:
        for arguments in (("import", str(shop.feed)), ("rebuild", "--json")):
            done = shop.run(*arguments)
            if done.status:
                raise SystemExit(f"{arguments[0]} must work in a new shop; got {done.err[-2000:]}")
        yield shop
    finally:
        shop.stop_all()


def copy_of(shop: Shop, folder: Path) -> Shop:
    """Returns a copy of a shop that is not in use; its photos stay where the original's are."""
    shutil.copytree(shop.home, folder / "home")
    return Shop(folder, dict(shop.environment), shop.limits)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and its children with signal 9."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def draw_photo(rng: random.Random, side: int = 96) -> bytes:
    """Draws a photo that no other product has: large random blocks of colour; PNG."""
    blocks = np.array([[[rng.randrange(256) for _ in range(3)] for _ in range(6)] for _ in range(6)], np.uint8)
    out = io.BytesIO()
    Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
