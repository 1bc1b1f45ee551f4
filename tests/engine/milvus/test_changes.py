"""The changes since the rebuild in Milvus: what readers see after changes, errors, publishes and lost servers."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from milvus_server import MilvusServer
from tiny_shop import DIM, TinyShop, axis, blend, name_of

from data.errors import LockHeld
from data.settings import Settings
from data.storage import exclusive, holder
from engine.changes import Change, ChangeLog, ChangeQueue, ReadPlace
from engine.changes import log as log_file
from engine.changes import queue as queue_file
from engine.errors import IndexUnavailable, InvalidModel
from engine.index import Milvus, agree, collection_of, drop_unused, server_of
from engine.search import SearchEngine


@pytest.fixture(scope="module")
def shop(milvus_server: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> TinyShop:
    """A published shop with a database of its own in the server; each test changes products of its own."""
    Milvus(milvus_server.uri, "").ask(lambda client: client.create_database("changes"))
    home, address = tmp_path_factory.mktemp("changes"), f"{milvus_server.uri}/changes"
    shop = TinyShop(Settings(home=home, index="milvus", milvus_uri=address))
    for number, name in enumerate("abcd"):
        shop.put(name, [axis(number)], price=10.0)
    shop.publish()
    return shop


@pytest.fixture
def queue(shop: TinyShop) -> ChangeQueue:
    """The queue of a server that has just started, and has written what there was."""
    queue = queue_of(shop)
    write_all(queue)
    return queue


@pytest.fixture
def reader(shop: TinyShop, queue: ChangeQueue) -> "Reader":
    """Another machine that has read all so far."""
    reader = Reader(shop)
    reader.read()
    return reader


def queue_of(shop: TinyShop) -> ChangeQueue:
    return SearchEngine(shop.settings, backbone=shop.backbone).changes


def write_all(queue: ChangeQueue) -> None:
    while queue.step():
        pass


class Reader:
    """Another machine: keeps what the log says of each product."""

    def __init__(self, shop: TinyShop) -> None:
        self.log = ChangeLog(server_of(shop.settings), collection_of(shop.store.current_id() or ""))
        self.place, self.known, self.begun = ReadPlace(), dict[str, Change](), 0

    def read(self) -> list[str]:
        """Reads to the end; returns the ids of the changed products, in their order."""
        said = []
        while True:
            page = self.log.changes_after(self.place)
            if page.anew:
                self.known, self.begun = {}, self.begun + 1
            self.place = page.place
            self.known |= {change.product_id: change for change in page.changes}
            said += [change.product_id for change in page.changes]
            if page.is_last:
                return said


def test_readers_get_what_changed_since_the_rebuild(shop: TinyShop) -> None:
    reader, queue = Reader(shop), queue_of(shop)
    assert reader.read() == []  # there is no log yet
    assert not queue.step()
    shop.put("b", [axis(1)], price=12.5, attributes={"size": "L", "kids": False})  # facts alone
    shop.put("e", [axis(4), axis(5)], title="Ré\U0001f392", colour="red")
    shop.catalogue.delete("c")
    write_all(queue)
    assert reader.read() == ["b", "e", "c"]
    facts, new, gone = (reader.known[name] for name in "bec")
    assert facts.product == shop.catalogue.get("b").product
    assert (facts.images_changed, facts.vectors.shape) == (False, (0, DIM))
    assert new.product == shop.catalogue.get("e").product
    assert (new.product_key, new.images_changed, new.embedded, new.waits) == (5, True, (0, 1), False)
    assert new.vectors.tolist() == [axis(4), axis(5)]
    kept = shop.catalogue.changes(0)[-2]
    assert (new.image_keys, [photo.sha256 for photo in new.photos]) == (kept.image_keys, list(kept.image_sha256))
    assert new.photos[0] == replace(shop.catalogue.photo(name_of(axis(4))) or new.photos[0], source="")
    assert (gone.product, gone.photos, gone.images_changed) == (None, (), True)
    assert gone.seq == shop.catalogue.seq()
    assert (reader.read(), queue.lag) == ([], 0)


def test_a_product_that_changes_again_is_there_once(shop: TinyShop, queue: ChangeQueue, reader: "Reader") -> None:
    for number in (2, 3, 4):
        shop.put("again", [axis(place) for place in range(number)])
        write_all(queue)
        assert reader.read() == ["again"]
    shop.put("again", [axis(7)])
    write_all(queue)
    late = Reader(shop)
    assert reader.read() == ["again"]
    assert late.read().count("again") == 1
    for each in (reader, late):
        assert each.known["again"].vectors.tolist() == [axis(7)]
        assert [photo.sha256 for photo in each.known["again"].photos] == [name_of(axis(7))]


def test_photos_that_are_embedded_later_follow(
    shop: TinyShop, queue: ChangeQueue, reader: "Reader", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file, "_RETRY_S", 0.0)
    monkeypatch.setattr(queue_file, "_EMBEDDED_SHARE", 1e9)
    late, later = blend(0, 1, 0.6), blend(0, 1, 0.8)
    shop.put("late", [late, later], embedded=False)
    write_all(queue)
    assert (reader.read(), reader.known["late"].waits, reader.known["late"].embedded) == (["late"], True, ())
    shop.embed(later)
    write_all(queue)
    assert (reader.read(), reader.known["late"].waits, reader.known["late"].embedded) == (["late"], True, (1,))
    assert reader.known["late"].vectors == pytest.approx(np.array([later]), abs=1e-3)  # features are float16
    shop.embed(late)
    write_all(queue_of(shop))  # a server that started meanwhile knows which photos are missing
    assert (reader.read(), reader.known["late"].waits, reader.known["late"].embedded) == (["late"], False, (0, 1))


@pytest.mark.parametrize("failing", ["rows", "confirmation", "deletion"])
@pytest.mark.parametrize("is_killed", [False, True])
def test_nothing_is_lost_or_doubled_by_an_error(
    shop: TinyShop, reader: "Reader", monkeypatch: pytest.MonkeyPatch, failing: str, is_killed: bool
) -> None:
    one, other = f"one {failing} {is_killed}", f"other {failing} {is_killed}"
    shop.put(one, [axis(1), axis(2)])
    queue = queue_of(shop)
    write_all(queue)
    assert reader.read() == [one]
    shop.put(one, [axis(3)])
    shop.put(other, [axis(4), axis(5)])
    with monkeypatch.context() as patch:
        patch.setattr(ChangeLog, "_ask", failing_at(failing))
        with pytest.raises(IndexUnavailable, match="planted"):
            write_all(queue)
    seen = reader.read()
    assert seen == ([one, other] if failing == "deletion" else [])
    write_all(queue_of(shop) if is_killed else queue)
    late = Reader(shop)
    late.read()
    reader.read()
    for each in (late, reader):
        assert each.known[one].vectors.tolist() == [axis(3)]
        assert each.known[other].vectors.tolist() == [axis(4), axis(5)]


def failing_at(what: str) -> Callable[..., Any]:
    """Returns what takes the place of `ChangeLog._ask`: it fails once rows are written half, or before a step."""
    ask = ChangeLog._ask

    def failing(log: ChangeLog, method: str, *given: Any, **named: Any) -> Any:
        step = {"upsert": "confirmation" if given and len(given[0]) == 1 else "rows", "delete": "deletion"}.get(method)
        if step != what:
            return ask(log, method, *given, **named)
        if step == "rows":
            ask(log, method, given[0][:1], **named)
        raise IndexUnavailable("planted")

    return failing


def test_long_changes_are_read_in_pieces(
    shop: TinyShop, queue: ChangeQueue, reader: "Reader", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_READ_AT_ONCE", 3)
    monkeypatch.setattr(log_file, "_WRITTEN_AT_ONCE", 2)
    monkeypatch.setattr(queue_file, "_AT_ONCE", 2)
    text = "ㅎ" * 20_000
    shop.put("five", [axis(place) for place in range(5)])
    shop.put("long", [axis(1)], title=text, description=text, brand=text)
    for name in ("x", "y", "z"):
        shop.put(name, [axis(2)])
    write_all(queue)
    page = reader.log.changes_after(reader.place)
    assert ([change.product_id for change in page.changes], page.is_last) == (["five"], False)
    assert reader.read() == ["five", "long", "x", "y", "z"]
    product = reader.known["long"].product
    assert product is not None
    assert product.brand == text


def test_a_log_that_was_lost_is_begun_anew(shop: TinyShop, queue: ChangeQueue, reader: "Reader") -> None:
    shop.put("kept", [axis(5)])
    write_all(queue)
    assert reader.read() == ["kept"]
    before = set(reader.known)
    reader.log.drop()
    shop.put("lost", [axis(6)])
    with pytest.raises(IndexUnavailable):
        queue.step()
    write_all(queue)
    assert (set(reader.read()), reader.begun) == (before | {"lost"}, 1)


def test_another_format_is_refused(
    shop: TinyShop, queue: ChangeQueue, reader: "Reader", monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("new", [axis(5)])
    with monkeypatch.context() as patch:
        patch.setattr(log_file, "_FORMAT", 2)
        write_all(queue)
    with pytest.raises(InvalidModel, match="must have format 1; got 2"):
        reader.read()
    reader.log.drop()


def test_of_two_servers_of_a_home_one_writes_and_the_other_takes_over(shop: TinyShop, reader: "Reader") -> None:
    first, second = queue_of(shop), queue_of(shop)
    first.start()
    wait_until(lambda: first.lag == 0 and holder(shop.settings.home / "changes.lock") is not None)
    second.start()
    wait_until(lambda: "must run alone" in second.problem)
    shop.put("by the first", [axis(3)])
    wait_until(lambda: "by the first" in reader.read())
    first.stop()
    shop.put("by the second", [axis(3)])
    wait_until(lambda: "by the second" in reader.read())
    second.stop()
    assert (first.problem, second.problem) == ("", "")


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends


def test_no_other_process_writes_between_an_error_and_the_next_try(
    shop: TinyShop, queue: ChangeQueue, reader: "Reader", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the process that failed would write the rows of the other one over, which readers may have read already."""
    monkeypatch.setattr(ChangeQueue, "step", lambda _: fail())
    queue.start()
    wait_until(lambda: queue.problem == "planted")
    with pytest.raises(LockHeld, match="handing changes on"), exclusive(shop.settings.home / "changes.lock", "test"):
        pass
    queue.stop()


def fail() -> bool:
    raise IndexUnavailable("planted")


def test_an_unexpected_error_is_told_and_tried_again(
    shop: TinyShop, queue: ChangeQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue_file, "_RETRY_S", 0.01)
    goes_on = threading.Event()
    monkeypatch.setattr(ChangeQueue, "step", step_that_fails_until(goes_on))
    queue.start()
    wait_until(lambda: "the log of this process" in queue.problem)
    goes_on.set()
    wait_until(lambda: not queue.problem)
    queue.stop()
    assert "ZeroDivisionError" in caplog.text


def step_that_fails_until(goes_on: threading.Event) -> Callable[[ChangeQueue], bool]:
    def step(_: ChangeQueue) -> bool:
        return goes_on.is_set() or 1 // 0 > 0

    return step


def test_the_end_of_a_process_does_not_wait_for_a_milvus_that_does_not_answer(
    queue: ChangeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file, "_STOP_S", 0.05)
    begun, answers = threading.Event(), threading.Event()

    def step(_: ChangeQueue) -> bool:
        begun.set()
        return answers.wait(30)

    monkeypatch.setattr(ChangeQueue, "step", step)
    queue.start()
    begun.wait(30)
    queue.stop()
    assert queue._thread.is_alive()
    answers.set()


def test_all_changes_wait_where_milvus_does_not_answer_from_the_start(
    shop: TinyShop, reader: "Reader", monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("waits", [axis(5)])
    queue = queue_of(shop)
    with monkeypatch.context() as patch:
        patch.setattr(ChangeLog, "open", lambda *_: fail())
        with pytest.raises(IndexUnavailable, match="planted"):
            queue.step()
    assert queue.lag > 0
    write_all(queue)
    assert queue.lag == 0


def test_changes_wait_while_milvus_is_down_and_are_caught_up(
    shop: TinyShop, queue: ChangeQueue, reader: "Reader", milvus_server: MilvusServer
) -> None:
    shop.put("up", [axis(5)])
    write_all(queue)
    milvus_server.kill()
    shop.put("down", [axis(6)])
    assert queue.lag == 1
    with pytest.raises(IndexUnavailable):
        queue.step()
    milvus_server.start()
    while queue.lag:
        with suppress(IndexUnavailable):
            queue.step()
    assert read_once_it_is_back(reader) == ["up", "down"]


def read_once_it_is_back(reader: "Reader") -> list[str]:
    while True:
        with suppress(IndexUnavailable):
            return reader.read()


def test_a_catalogue_from_a_backup_begins_it_anew(shop: TinyShop, queue: ChangeQueue, reader: "Reader") -> None:
    backup, before = shop.settings.home / "copy.db", set(reader.known)
    shop.catalogue.backup(backup)
    shop.put("undone", [axis(5)])
    shop.put("undone too", [axis(6)])
    write_all(queue)
    assert reader.read() == ["undone", "undone too"]
    for leftover in shop.settings.home.glob("catalog.db-*"):
        leftover.unlink()
    backup.replace(shop.settings.home / "catalog.db")
    queue.step()
    shop.put("after", [axis(6)])
    write_all(queue)
    reader.read()
    assert (set(reader.known), reader.begun) == (before | {"after"}, 1)


def test_a_publish_begins_the_log_of_the_new_generation(shop: TinyShop, queue: ChangeQueue, reader: "Reader") -> None:
    shop.put("before", [axis(6)])
    shop.publish()
    shop.put("behind", [axis(7)])
    assert queue.step()  # the server searches the old generation until the new one is loaded
    assert reader.read() == ["before", "behind"]
    queue, newer = queue_of(shop), Reader(shop)
    write_all(queue)
    assert (newer.read(), queue.lag) == (["behind"], 0)
    agree(shop.settings)
    assert reader.log.name in drop_unused(shop.settings, [], [])
    assert server_of(shop.settings).ask(lambda client: client.has_collection(newer.log.name))
