"""Runs commands and servers on one home at the same time, and checks that each did its work or was plainly refused."""

import json
import random
from collections.abc import Callable
from pathlib import Path

from data.catalogue import Catalogue
from data.generations import GenerationStore
from reliability.serving import Server, Writer, Written
from reliability.shop import Done, Shop, small_shop
from reliability.table import Result
from reliability.whole import faults_of

_PRODUCTS = 30


def run(folder: Path, rounds: int = 5, seed: int = 0) -> Result:
    """Plays every crowd that many times, on the same home."""
    result = Result("At the same time", ("who", "rounds", "with faults"))
    with small_shop(folder, _PRODUCTS) as shop:
        shop.run("rebuild", "--json")  # a second generation, to roll back to
        for name, play in CROWDS.items():
            bad = 0
            for number in range(rounds):
                found = play(shop, random.Random(f"{seed} {number}")) + faults_of(shop)
                bad += bool(found)
                result.faults += [f"{name}: {fault}" for fault in found[:3]]
            result.rows.append((name, rounds, bad))
    return result


def _two_imports(shop: Shop, rng: random.Random) -> list[str]:
    """Two feeds name the same products with other prices and photos; each product ends as one of them says."""
    wanted: dict[str, set[float]] = {}
    feeds = []
    for _ in range(2):
        feed = shop.write_feed(range(_PRODUCTS), seed=rng.randrange(10**9))
        feeds.append(feed.rename(feed.with_name(f"feed-{rng.randrange(10**9)}.jsonl")))
        for line in map(json.loads, feeds[-1].read_text().splitlines()):
            wanted.setdefault(line["product_id"], set()).add(line["price"])
    found = _all_work(shop, *(("import", str(feed)) for feed in feeds))
    for facts in Catalogue(shop.home).iter_facts():
        prices = wanted.get(facts.product.product_id)
        if prices and facts.product.price not in prices:
            found.append(f"{facts.product.product_id} costs {facts.product.price}, which no feed says")
    return found


def _import_and_rebuild(shop: Shop, rng: random.Random) -> list[str]:
    feed = shop.write_feed(range(_PRODUCTS), seed=rng.randrange(10**9))
    return _all_work(shop, ("import", str(feed)), ("rebuild", "--json")) + _all_work(shop, ("rebuild", "--json"))


def _two_rebuilds(shop: Shop, rng: random.Random) -> list[str]:
    """At least one publishes; the other is refused and names it, or comes after it."""
    done = _together(shop, ("rebuild", "--json"), ("rebuild", "--json"))
    refused = [one for one in done if one.status]
    found = [f"a rebuild ended with {one.err[-300:]}" for one in refused if "process" not in one.err or one.traceback]
    return found + ["none was published"] * (len(refused) == len(done))


def _all_at_once(shop: Shop, rng: random.Random) -> list[str]:
    """A rebuild and a rollback run while a client puts, changes, deletes and purges."""
    server, written = Server.of(shop), Written()
    writer = Writer(server, written, rng, f"crowd-{rng.randrange(10**9)}")
    writer.start()
    done = _together(shop, ("rebuild", "--json"), ("rollback",), ("rebuild", "--json"))
    writer.stop()
    found = [f"{one.err[-300:]}" for one in done if one.traceback or one.status not in (0, 1)]
    found += server.follows(GenerationStore(shop.home).current_id()) + written.lost(server)
    return found + [f"the server stopped with {status}" for status in [server.stop()] if status]


def _two_servers(shop: Shop, rng: random.Random) -> list[str]:
    """Each server answers with what was written through the other."""
    servers = [Server.of(shop), Server.of(shop)]
    written = [Written(), Written()]
    name = rng.randrange(10**9)
    writers = [Writer(servers[at], written[at], random.Random(f"{name} {at}"), f"s{name}-{at}") for at in (0, 1)]
    for writer in writers:
        writer.start()
    found = _all_work(shop, ("rebuild", "--json"))
    for writer in writers:
        writer.stop()
    for server in servers:
        found += server.follows(GenerationStore(shop.home).current_id())
        found += [fault for acknowledged in written for fault in acknowledged.lost(server)]
    return found + [f"a server stopped with {status}" for server in servers if (status := server.stop())]


def _together(shop: Shop, *commands: tuple[str, ...]) -> list[Done]:
    started = [shop.begin(*command) for command in commands]
    return [shop.end(process) for process in started]


def _all_work(shop: Shop, *commands: tuple[str, ...]) -> list[str]:
    done = zip(commands, _together(shop, *commands), strict=True)
    return [f"{command[0]} ended with {one.err[-300:]}" for command, one in done if one.status]


CROWDS: dict[str, Callable[[Shop, random.Random], list[str]]] = {
    "two imports": _two_imports,
    "import + rebuild": _import_and_rebuild,
    "two rebuilds": _two_rebuilds,
    "two rebuilds + rollback + HTTP writes + purges": _all_at_once,
    "two servers + rebuild": _two_servers,
}
