"""Flips single bits of every file of a home, and tells who notices.

`lookalike doctor` reads everything; a search loads the live generation as a server does when it swaps to it. A flip
that neither notices is harmless where no value has changed, as in the unused part of a page of catalog.db.
"""

import json
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reliability.serving import Server
from reliability.shop import Shop, copy_of, draw_photo, small_shop
from reliability.table import Result

_DATABASE = "catalog.db"
_DATABASE_TIMES = 15  # how many times the flips of any other file
# Files that only say what happened or who works; SQLite and the next holder write them anew.
_HARMLESS = ("rebuild.lock", "catalog.db.lock", "photos.lock", "catalog.db-shm", "catalog.db-wal", "last_rebuild.json")
_SEARCHED = ("CURRENT", "generations/")
# Where a changed letter can leave a file that follows every rule; doctor lists the settings in force.
_SAID = ("lookalike.toml", "canaries.jsonl")
# Tables whose rows have no checksum: events, reports, keys, and what SQLite and the project count with.
_WITHOUT_CHECKSUM = {
    "events", "import_runs", "import_rows", "import_deletions", "released_images", "api_keys", "applied_migrations",
    "catalogue_id", "sqlite_sequence", "feature_sets", "counter",
}  # fmt: skip


@dataclass(frozen=True)
class _Flip:
    path: str
    byte: int
    bit: int

    def apply(self, home: Path) -> None:
        content = bytearray((home / self.path).read_bytes())
        content[self.byte] ^= 1 << self.bit
        (home / self.path).write_bytes(content)

    def __str__(self) -> str:
        return f"{self.path}, byte {self.byte}, bit {self.bit}"


def run(folder: Path, rounds: int = 2, seed: int = 0) -> Result:
    """Flips that many bits of each file, and 15 times as many of catalog.db."""
    columns = ("kind of file", "files", "flips", "doctor notices", "search refuses too", "harmless", "not noticed")
    result = Result("Flipped bits", columns)
    (folder / "whole").mkdir()
    with small_shop(folder / "whole", 4) as shop:
        _furnish(shop, random.Random(seed))
        if _is_named(shop.run("doctor", "--json").out):
            raise SystemExit("doctor must find nothing wrong with the home before any bit is flipped")
        flips = _flips(shop.home, rounds, random.Random(seed))
        files = Counter(_kind(path) for path in {flip.path for flip in flips})
        counts: dict[str, Counter[str]] = {kind: Counter() for kind in files}
        for flip in flips:
            outcome = _outcome(shop, flip, folder / "copy")
            counts[_kind(flip.path)].update(["flips", *outcome])
            if "not noticed" in outcome and not _is_said(flip.path, outcome):
                result.faults.append(f"{flip}: nobody notices")
            result.faults += [f"{flip}: {what}" for what in outcome if what.startswith("fault")]
    for kind, count in files.items():
        of = counts[kind]
        result.rows.append((kind, count, of["flips"], of["doctor"], of["search"], of["harmless"], _with_places(of)))
    return result


def _furnish(shop: Shop, rng: random.Random) -> None:
    """Adds what a home can hold beside a feed's products: an upload, events, a key, settings, canaries."""
    server = Server.of(shop)
    for number in range(2):
        server.put(f"upload-{number}", {"price": 5, "attributes": {"size": "L"}}, draw_photo(rng))
    event = json.dumps({"kind": "click", "product_id": "feed-1", "query_text": "red mug"}).encode()
    server.ask("POST", "/v1/events", event, "application/json")
    server.stop()
    (shop.home / "lookalike.toml").write_text("fresh_days = 60\nkeep_generations = 2\n")
    (shop.home / "canaries.jsonl").write_text('{"product_id": "feed-1", "expect": "feed-2", "k": 5}\n')
    for arguments in (("rebuild", "--json"), ("keys", "add", "--scope", "admin")):
        done = shop.run(*arguments)
        if done.status:
            raise SystemExit(f"{arguments[0]} must work; got {done.err[-1000:]}")


def _flips(home: Path, each: int, rng: random.Random) -> list[_Flip]:
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file() and path.stat().st_size):
        name = path.relative_to(home).as_posix()
        count = each * _DATABASE_TIMES if name == _DATABASE else each
        used = np.flatnonzero(np.frombuffer(path.read_bytes(), np.uint8))  # most of a small catalog.db is empty
        found += [_Flip(name, int(rng.choice(used)), rng.randrange(8)) for _ in range(count)]
    return found


def _outcome(shop: Shop, flip: _Flip, folder: Path) -> list[str]:
    """Returns what became of one flip: who noticed it, or that it is harmless or not noticed, and where."""
    copy = copy_of(shop, folder)
    try:
        flip.apply(copy.home)
        done = copy.run("doctor", "--json")
        if done.traceback:
            return [f"fault: doctor ends with {done.err[-200:]}"]
        seen = ["doctor"] * _is_named(done.out)
        if flip.path.startswith(_SEARCHED):
            searched = copy.run("search", "--product", "feed-1", "--json")
            if searched.traceback:
                return [f"fault: search ends with {searched.err[-200:]}"]
            seen += ["search"] * bool(searched.status)
        return seen or _unseen(shop, copy, flip)
    finally:
        shutil.rmtree(folder)


def _is_named(out: str) -> bool:
    """Returns whether doctor's findings tell of damage: any FAIL or WARN beside those about the machine."""
    try:
        findings = json.loads(out)["findings"]
    except ValueError:
        return True  # it could not even open the home, and said so
    about_files = [finding for finding in findings if finding["subject"] not in ("disk", "sources")]
    unknown = [finding for finding in findings if finding["subject"] == "files"]
    return bool(unknown) or any(finding["level"] != "OK" for finding in about_files)


def _unseen(shop: Shop, copy: Shop, flip: _Flip) -> list[str]:
    if flip.path in _HARMLESS:
        return ["harmless"]
    if flip.path == _DATABASE:
        places = _differing_tables(shop.home, copy.home)
        return ["not noticed", *(f"in {place}" for place in places)] if places else ["harmless"]
    return ["not noticed"]


def _differing_tables(first: Path, second: Path) -> list[str]:
    """Returns the tables whose rows differ; a flip in unused bytes of a page changes none."""
    one, other = _rows(first), _rows(second)
    return [table for table in one if one[table] != other.get(table)]


def _rows(home: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(home / _DATABASE)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        names = [name.decode() for (name,) in tables]
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM [{name}]"))) for name in names}  # noqa: S608


def _is_said(path: str, outcome: list[str]) -> bool:
    places = {place.removeprefix("in ") for place in outcome if place.startswith("in ")}
    return path in _SAID or (bool(places) and places <= _WITHOUT_CHECKSUM)


def _with_places(counts: Counter[str]) -> str:
    places = sorted(place for place in counts if place.startswith("in "))
    return f"{counts['not noticed']}" + (f" ({', '.join(places)})" if places else "")


def _kind(path: str) -> str:
    """Returns the kind of a file: its folder in the home, or its own name; of a generation and features, its name."""
    parts = path.split("/")
    if parts[0] in ("generations", "features"):
        return f"{parts[0]}/*/{'/'.join(parts[2:])}"
    return path if len(parts) == 1 else f"{parts[0]}/"
