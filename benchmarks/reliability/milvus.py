"""Kills Milvus, the rebuild that publishes and the server that hands changes on, and checks what is left in Milvus.

Each round: a server runs, one client writes and two search; then one of the three is killed with signal 9 at a random
moment, and started again. The clients that search ask again once. Their question is about products that never change,
so all its answers of one generation must be equal; one that mixes generations would differ.

After it every acknowledged write is there and found, doctor finds nothing wrong, the alias names the collection of the
live generation, and a reader of the changes in Milvus knows each changed product as the catalogue has it, both one
that has read along and one that begins.
"""

import logging
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from data.catalogue import ChangePlace, ProductChanges, ProductState
from data.errors import LookalikeError
from data.generations import GenerationStore
from data.settings import Settings
from engine.changes import Change, ChangeLog, ReadPlace
from engine.index import Milvus, collection_in, named_collection, server_of
from reliability.serving import Server, Writer, Written
from reliability.shop import DRIVER, Shop, kill, small_shop
from reliability.table import Result
from reliability.whole import faults_of

_PRODUCTS = 30
_SEARCHERS = 2
_WITHIN_S = 60.0  # after a round all must be well again
_FIXED = quote('product_id < "feed-z"')
_QUESTION = f"/v1/products/feed-0/similar?k=20&filter={_FIXED}"
_log = logging.getLogger("reliability")  # a round takes a minute or more, so each is told
_DOWN = (0, 503)  # no answer, or one that says to come back later


@dataclass
class _Asked:
    """What the searching clients got.

    Attributes:
        answers: by generation, the different answers.
        failed: requests that failed twice while nothing was down.
        waited: requests that failed twice while Milvus or the server was down.
    """

    answers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    count: int = 0
    failed: list[str] = field(default_factory=list)
    waited: int = 0


@dataclass
class _Campaign:
    shop: Shop
    milvus: Any
    rng: random.Random
    server: Server
    settings: Settings
    written: Written = field(default_factory=Written)
    asked: _Asked = field(default_factory=_Asked)
    rebuild_s: float = 10.0
    number: int = 0
    is_down: bool = False
    known: dict[str, dict[int, Change]] = field(default_factory=dict)  # by log; as read along
    place: ReadPlace = field(default_factory=ReadPlace)

    def play(self, victim: str) -> list[str]:
        """Plays one round and returns its faults."""
        self.number += 1
        stopping = threading.Event()
        searchers = [threading.Thread(target=self._search, args=(stopping,)) for _ in range(_SEARCHERS)]
        writer = Writer(self.server, self.written, self.rng, f"w{self.number}")
        for thread in (*searchers, writer):
            thread.start()
        VICTIMS[victim](self)
        writer.stop()
        faults = self._wait_until_well()
        stopping.set()
        for thread in searchers:
            thread.join()
        mixed = [name for name, answers in self.asked.answers.items() if len(answers) > 1]
        faults += [f"answers of {name} differ from each other" for name in mixed] + self.asked.failed
        self.asked.failed, self.asked.answers = [], defaultdict(set)
        return [*faults, *faults_of(self.shop), *self.written.lost(self.server)]

    def kill_milvus(self) -> None:
        time.sleep(self.rng.uniform(0.2, 2))
        self.is_down = True
        self.milvus.kill()
        time.sleep(self.rng.uniform(0, 3))
        self.milvus.start()

    def kill_rebuild(self) -> None:
        """Kills a rebuild, runs it again to its end, and lets the server follow."""
        process = self.shop.start("rebuild", "--json")
        try:
            process.wait(self.rng.uniform(0, 1.1 * self.rebuild_s))
        except subprocess.TimeoutExpired:
            kill(process)
        self._rebuild()

    def kill_server(self) -> None:
        time.sleep(self.rng.uniform(0.2, 3))
        self.is_down = True
        kill(self.server.process)
        self.server = Server.of(self.shop)

    def kill_both(self) -> None:
        """Kills a rebuild and the server in the same moment; the next start heals what the rebuild left."""
        process = self.shop.start("rebuild", "--json")
        time.sleep(self.rng.uniform(0.3, 1) * self.rebuild_s)
        self.is_down = True
        kill(process)
        kill(self.server.process)
        self.server = Server.of(self.shop)

    def _rebuild(self) -> None:
        started = time.monotonic()
        done = self.shop.run("rebuild", "--json")
        self.rebuild_s = time.monotonic() - started
        if done.status:
            self.asked.failed.append(f"rebuild, run again: {done.status} {done.err[-300:]}")

    def _search(self, stopping: threading.Event) -> None:
        while not stopping.wait(0.02):
            for last in (False, True):
                was_down = self.is_down
                status, answer = self.server.try_ask("GET", _QUESTION)
                if status not in _DOWN or last:
                    break
                stopping.wait(0.5)
            self.asked.count += 1
            if status == 200:
                hits = [(hit["product_id"], hit["score"]) for hit in answer["hits"]]
                self.asked.answers[answer["generation"]].add(repr(hits))
            elif status in _DOWN and (was_down or self.is_down):
                self.asked.waited += 1
            else:
                self.asked.failed.append(f"a search was answered {status} twice: {answer}")

    def _wait_until_well(self) -> list[str]:
        """Waits until nothing is wrong; returns what still is after a minute."""
        ends = time.monotonic() + _WITHIN_S
        while (faults := self._faults()) and time.monotonic() < ends:
            time.sleep(0.2)
        self.is_down = False
        return faults

    def _faults(self) -> list[str]:
        live = GenerationStore(self.shop.home).open()
        status, facts = self.server.try_ask("GET", "/v1/status")
        if status != 200 or facts["generation"] != live.id:
            return [f"the server serves {facts and facts['generation']}, CURRENT names {live.id}"]
        if self.server.try_ask("GET", _QUESTION)[0] != 200:
            return ["searches are not answered"]
        if facts["changes_waiting"]:
            return [f"{facts['changes_waiting']} changed products wait: {facts['changes_problem']}"]
        try:
            collection = collection_in(live.folder)
            if (named := named_collection(self.settings)) != collection:
                return [f"the alias names {named}, CURRENT names {collection}"]
            return self._of_changes(ChangeLog(server_of(self.settings), collection), live.manifest.seq)
        except LookalikeError as error:
            return [f"Milvus: {error.__cause__ or error}"]

    def _of_changes(self, log: ChangeLog, seq: int) -> list[str]:
        """Returns what readers do not know as the catalogue has it."""
        along = self.known.setdefault(log.name, {})
        self.place = _read(log, self.place, along)
        new: dict[int, Change] = {}
        _read(log, ReadPlace(), new)
        changed = ProductChanges(self.shop.home).after(ChangePlace.after(seq), 1_000_000)
        states = {each.place.product_key: each for each in changed}
        faults = []
        for known in (along, new):
            if known.keys() != states.keys():
                faults.append(f"a reader knows of {len(known)} changed products; there are {len(states)}")
            for key in known.keys() & states.keys():
                if not _is_as(known[key], states[key]):
                    faults.append(f"a reader does not know {states[key].product_id} as it is")
        return faults


def _is_as(change: Change, state: ProductState) -> bool:
    """Returns whether a change says of a product what the catalogue says, with a vector for each new photo."""
    vectors = len(state.photos) if change.images_changed else 0
    said = change.product, change.image_keys, [photo.sha256 for photo in change.photos], len(change.vectors)
    return said == (state.product, state.image_keys, [photo.sha256 for photo in state.photos], vectors)


def _read(log: ChangeLog, place: ReadPlace, known: dict[int, Change]) -> ReadPlace:
    while True:
        page = log.changes_after(place)
        if page.anew:
            known.clear()
        known.update({change.product_key: change for change in page.changes})
        place = page.place
        if page.is_last:
            return place


def run(folder: Path, rounds: int = 50, seed: int = 0) -> Result:
    """Plays that many rounds, each victim in turn."""
    sys.path.append(str(DRIVER.parent))
    from milvus_server import MilvusServer, missing_package

    result = Result("kill -9 with Milvus", ("killed", "rounds", "with faults"))
    if reason := missing_package():
        result.rows.append((f"not run: {reason}", "", ""))
        return result
    milvus = MilvusServer(folder / "milvus")
    milvus.start()
    Milvus(milvus.uri, "").ask(lambda client: client.create_database("shop"))
    environment = {"LOOKALIKE_INDEX": "milvus", "LOOKALIKE_MILVUS_URI": f"{milvus.uri}/shop"}
    counts, bad = Counter[str](), Counter[str]()
    try:
        with small_shop(folder / "shop", _PRODUCTS, environment=environment) as shop:
            settings = Settings(home=shop.home, index="milvus", milvus_uri=environment["LOOKALIKE_MILVUS_URI"])
            campaign = _Campaign(shop, milvus, random.Random(seed), Server.of(shop), settings)
            for number in range(rounds):
                victim = list(VICTIMS)[number % len(VICTIMS)]
                found = campaign.play(victim)
                counts[victim] += 1
                bad[victim] += bool(found)
                _log.warning("round %d, %s: %d faults %s", number + 1, victim, len(found), found[:2] or "")
                result.faults += [f"round {number + 1}, {victim}: {fault}" for fault in found[:5]]
            asked = campaign.asked
            result.rows += [(victim, counts[victim], bad[victim]) for victim in counts]
            result.rows += [
                ("all", rounds, sum(bad.values())),
                (f"acknowledged writes: {campaign.written.count:,}", "", ""),
                (
                    f"searches: {asked.count:,}; failed twice while Milvus or the server was down: {asked.waited:,}",
                    "",
                    "",
                ),
            ]
            campaign.server.stop()
    finally:
        milvus.kill()
    return result


VICTIMS: dict[str, Callable[[_Campaign], None]] = {
    "Milvus": _Campaign.kill_milvus,
    "rebuild": _Campaign.kill_rebuild,
    "server": _Campaign.kill_server,
    "rebuild and server": _Campaign.kill_both,
}
