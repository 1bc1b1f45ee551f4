"""Fills the disk under every command that writes, and under the server, at 20 sizes of what is left.

The home lies on a small file system in memory, which needs root to mount. Each command either does its work or ends
with a plain error; nothing half-written is visible; and once there is room again the same command works.
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability.serving import Server, Written
from reliability.shop import Shop, draw_photo, small_shop
from reliability.table import Result
from reliability.whole import faults_of

_ROOM_KB = 64_000
_SIZES_KB = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
_PUTS = 12


def run(folder: Path, rounds: int = len(_SIZES_KB), seed: int = 0) -> Result:
    """Tries that many sizes, evenly spread over the 20."""
    result = Result("Full disk", ("what writes", "sizes", "done all the same", "plain error", "with faults"))
    if os.geteuid():
        result.faults.append("a small file system must be mounted for this; run as root")
        return result
    sizes_kb = [_SIZES_KB[number * len(_SIZES_KB) // rounds] for number in range(rounds)]
    (folder / "whole").mkdir()
    with small_shop(folder / "whole", 12) as shop:
        shop.write_feed(range(6, 18), seed=seed + 1)
        for name, attempt in ATTEMPTS.items():
            done = failed = bad = 0
            for size_kb in sizes_kb:
                with _small_disk(folder / "disk", shop) as limited:
                    found, is_done = attempt(limited, size_kb, random.Random(f"{seed} {size_kb}"))
                done, failed, bad = done + is_done, failed + (not is_done and not found), bad + bool(found)
                result.faults += [f"{name} with {size_kb} kB: {fault}" for fault in found[:3]]
            result.rows.append((name, len(sizes_kb), done, failed, bad))
    return result


@contextmanager
def _small_disk(mount: Path, shop: Shop) -> Iterator[Shop]:
    """Yields a copy of a shop on a file system of its own."""
    mount.mkdir(exist_ok=True)
    _call("mount", "-t", "tmpfs", "-o", f"size={_ROOM_KB}k", "tmpfs", str(mount))
    copy = Shop(mount)
    try:
        shutil.copytree(shop.folder, mount, dirs_exist_ok=True)
        yield copy
    finally:
        copy.stop_all()
        _call("umount", "-l", str(mount))


def _leave(shop: Shop, size_kb: int) -> None:
    for _ in range(50):
        used = shutil.disk_usage(shop.folder).used // 1024
        command = ("mount", "-o", f"remount,size={used + size_kb}k", str(shop.folder))
        if not subprocess.run(command, capture_output=True, check=False).returncode:
            return  # else a server that has just begun wrote something meanwhile
    raise RuntimeError(f"{shop.folder} must hold still to be made small; it went on growing")


def _make_room(shop: Shop) -> None:
    _call("mount", "-o", f"remount,size={_ROOM_KB}k", str(shop.folder))


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _command(*arguments: str) -> Callable[[Shop, int, random.Random], tuple[list[str], bool]]:
    """Returns an attempt to run a command: its faults, and whether it did its work."""

    def attempt(shop: Shop, size_kb: int, rng: random.Random) -> tuple[list[str], bool]:
        given = [argument.format(folder=shop.folder) for argument in arguments]
        _leave(shop, size_kb)
        done = shop.run(*given)
        _make_room(shop)
        found = [f"exit status {done.status}: {done.err[-300:]}"] * (done.status not in (0, 1) or done.traceback)
        if done.status == 1 and not (done.err + done.out).strip():
            found.append("it fails and says nothing")
        found += faults_of(shop)
        again = shop.run(*given)
        return found + [f"run again, it ended with {again.err[-300:]}"] * bool(again.status), done.status == 0

    return attempt


def _serve(shop: Shop, size_kb: int, rng: random.Random) -> tuple[list[str], bool]:
    """Puts products and posts events until the disk is full, and again when there is room; searches always work."""
    server, written = Server.of(shop), Written()
    _leave(shop, size_kb)
    statuses = []
    for number in range(_PUTS):
        name, photo, price = f"put-{number}", draw_photo(rng, 400), float(number)
        status = server.put(name, {"price": price}, photo)
        if status in (200, 201):
            written.prices[name], written.photos[name] = price, photo
        event = json.dumps({"kind": "click", "product_id": "feed-8", "query_text": "x" * 900}).encode()
        posted = server.try_ask("POST", "/v1/events", event, "application/json")[0]
        statuses += [status, posted, server.try_ask("GET", "/v1/products/feed-8/similar")[0]]
    found = [f"answered {status}" for status in set(statuses) - {200, 201, 202, 503, 507}]
    found += ["searches fail while the disk is full"] * (set(statuses[2::3]) != {200})
    _make_room(shop)
    found += [f"with room again, PUT answers {status}" for status in {server.put("later", {"price": 1})} - {201}]
    found += written.lost(server) + faults_of(shop)
    server.stop()
    return found, set(statuses) <= {200, 201, 202}


ATTEMPTS = {
    "import": _command("import", "{folder}/feed/catalogue.jsonl"),
    "rebuild": _command("rebuild", "--json"),
    "keys add": _command("keys", "add", "--scope", "admin"),
    "doctor --repair": _command("doctor", "--repair"),
    "server: PUT, events, search": _serve,
}
