"""Kills commands and the server with signal 9 at random moments, and checks what comes back.

Each round: a server runs and a client writes over HTTP; beside them one command runs and is killed, or the server is.
After it every acknowledged write is there and found, doctor finds nothing wrong, no half-written file is visible, and
the same command works when it is run again.
"""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from data.catalogue import Catalogue, ImportRuns
from data.generations import GenerationStore
from data.photos import thumbnail_path
from reliability.serving import Server, Writer, Written
from reliability.shop import COMMAND_S, Shop, kill, small_shop
from reliability.table import Result
from reliability.whole import faults_of

_PRODUCTS = 30
_BACKUP = "from data.catalogue import Catalogue; Catalogue(Path(sys.argv[1])).backup(Path(sys.argv[2]))"
_ERASE = (
    "import data.photos.deletion as deletion; from data.catalogue import Catalogue; deletion._YOUNG_S = 0; "
    "from datetime import UTC, datetime; catalogue = Catalogue(Path(sys.argv[1])); "
    "catalogue.erase_deleted(datetime.now(UTC)); deletion.sweep(catalogue)"
)


@dataclass
class _Round:
    """What one round does: the command that is killed, and what must hold once it has been run again."""

    start: Callable[[], subprocess.Popen[bytes]]
    after: Callable[[], list[str]] = list
    writes_beside: bool = True


@dataclass
class _Campaign:
    shop: Shop
    rng: random.Random
    server: Server
    written: Written = field(default_factory=Written)
    longest: dict[str, float] = field(default_factory=dict)  # seconds that a command takes
    number: int = 0

    def play(self, victim: str) -> list[str]:
        """Plays one round and returns its faults."""
        self.number += 1
        round_ = VICTIMS[victim](self)
        writer = Writer(self.server, self.written, self.rng, f"w{self.number}")
        if round_.writes_beside:
            writer.start()
        self._kill_some_time(victim, round_.start())
        if victim.startswith("server"):
            kill(self.server.process)
        if round_.writes_beside:
            writer.stop()
        if self.server.process.poll() is not None:
            self.server = Server.of(self.shop)
        again = self._again(victim, round_.start())
        served = self.server.follows(GenerationStore(self.shop.home).current_id())
        return [*again, *round_.after(), *faults_of(self.shop), *served, *self.written.lost(self.server)]

    def _kill_some_time(self, victim: str, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(self.rng.uniform(0, 1.1 * self.longest.get(victim, 4.0)))
        except subprocess.TimeoutExpired:
            kill(process)

    def _again(self, victim: str, process: subprocess.Popen[bytes]) -> list[str]:
        started = time.monotonic()
        try:
            status = process.wait(COMMAND_S)
        except subprocess.TimeoutExpired:
            kill(process)
            return [f"{victim}: the command did not end"]
        self.longest[victim] = time.monotonic() - started
        return [f"{victim}: run again, it ended with {status}"] if status else []

    def prices(self) -> dict[str, float | None]:
        return {facts.product.product_id: facts.product.price for facts in Catalogue(self.shop.home).iter_facts()}


def run(folder: Path, rounds: int = 108, seed: int = 0) -> Result:
    """Plays that many rounds, each victim in turn."""
    result = Result("kill -9", ("killed", "rounds", "with faults"))
    counts, bad = Counter[str](), Counter[str]()
    with small_shop(folder, _PRODUCTS) as shop:
        campaign = _Campaign(shop, random.Random(seed), Server.of(shop))
        for number in range(rounds):
            victim = list(VICTIMS)[number % len(VICTIMS)]
            found = campaign.play(victim)
            counts[victim] += 1
            bad[victim] += bool(found)
            result.faults += [f"round {number + 1}, {victim}: {fault}" for fault in found[:5]]
        result.rows += [(victim, counts[victim], bad[victim]) for victim in counts]
        result.rows.append(("all", rounds, sum(bad.values())))
        result.rows.append((f"acknowledged writes: {campaign.written.count:,}", "", ""))
        campaign.server.stop()
    return result


def _import(campaign: _Campaign) -> _Round:
    """Changes every product of the feed and all photos, and adds some products."""
    first = campaign.rng.randrange(5)
    feed = campaign.shop.write_feed(range(first, first + _PRODUCTS), seed=campaign.number)
    wanted = {line["product_id"]: line["price"] for line in map(json.loads, feed.read_text().splitlines())}

    def imported() -> list[str]:
        stored = campaign.prices()
        return [f"{name} was imported with {price}" for name, price in wanted.items() if stored.get(name) != price]

    return _Round(lambda: campaign.shop.start("import", str(feed)), imported)


def _full_feed(campaign: _Campaign) -> _Round:
    """Deletes half of the feed's products; the feed names what the client wrote, which stays."""
    kept = {name: price for name, price in campaign.prices().items() if not name.endswith(("1", "3", "5", "7", "9"))}
    kept |= {name: price for name, price in campaign.prices().items() if name.startswith("w")}
    path = campaign.shop.feed.with_name("full.jsonl")
    path.write_text("".join(json.dumps({"product_id": name, "price": price}) + "\n" for name, price in kept.items()))

    def deleted() -> list[str]:
        return [f"{name} must be gone, or stay" for name in set(campaign.prices()) ^ set(kept)]

    start = campaign.shop.start
    return _Round(lambda: start("import", str(path), "--full-feed", "--force"), deleted, writes_beside=False)


def _restore(campaign: _Campaign) -> _Round:
    """Brings back what a full feed deleted: all of it or nothing."""
    full, wanted = _full_feed(campaign), set(campaign.prices())
    full.start().wait()
    latest = ImportRuns(campaign.shop.home).latest() or {"run": 0}

    def restored() -> list[str]:
        return [f"{name} must be back" for name in wanted - set(campaign.prices())]

    return _Round(lambda: campaign.shop.start("restore", "--import", str(latest["run"])), restored, writes_beside=False)


def _rebuild(campaign: _Campaign) -> _Round:
    return _Round(lambda: campaign.shop.start("rebuild", "--json"))


def _repair(campaign: _Campaign) -> _Round:
    """Damages thumbnails, the live generation's pointer and meta.json, all of which doctor mends."""
    home = campaign.shop.home
    photos = sorted(set(Catalogue(home).snapshot().image_sha256))
    for sha256 in campaign.rng.sample(photos, min(10, len(photos))):
        path = thumbnail_path(home, sha256)
        path.write_bytes(path.read_bytes()[:-9])
    for path in home.glob("features/*/meta.json"):
        path.write_text("{}")
    return _Round(lambda: campaign.shop.start("doctor", "--repair"))


def _backup(campaign: _Campaign) -> _Round:
    """Copies catalog.db while it is written to."""
    copy = campaign.shop.folder / "backup" / "copy.db"
    copy.unlink(missing_ok=True)

    def whole() -> list[str]:
        with closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchall()
        return [] if found == [("ok",)] else [f"the backup: {found[0]}"]

    return _Round(lambda: _script(campaign.shop, _BACKUP, str(campaign.shop.home), str(copy)), whole)


def _erase(campaign: _Campaign) -> _Round:
    """Erases at once what deleted products left behind, as a rebuild does after `keep_deleted_days`."""
    return _Round(lambda: _script(campaign.shop, _ERASE, str(campaign.shop.home)))


def _script(shop: Shop, code: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"import sys; from pathlib import Path; {code}", *arguments]
    shop.running.append(subprocess.Popen(command, start_new_session=True))
    return shop.running[-1]


VICTIMS: dict[str, Callable[[_Campaign], _Round]] = {
    "import": _import,
    "rebuild": _rebuild,
    "server": _rebuild,
    "import --full-feed": _full_feed,
    "server + import": _import,
    "doctor --repair": _repair,
    "backup": _backup,
    "erasing": _erase,
    "restore": _restore,
}
