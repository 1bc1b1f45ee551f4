"""The queues are bounded, waiting ends at the deadline, and photos and words do not hold each other up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient

from api.app import create_app
from api.resources.admission import Admission, decoding
from data.catalogue import Catalogue
from data.settings import Settings
from engine.errors import Overloaded


def app_client(settings: Settings) -> tuple[FlaskClient, FakeEngine]:
    engine = FakeEngine(Catalogue(settings.home))
    return create_app(settings, engine).test_client(), engine


def test_never_more_than_the_slots_at_work() -> None:
    admission = Admission(slots=3, queue_size=50, deadline_s=10)
    lock, inside, most = threading.Lock(), [0], [0]
    together = threading.Barrier(3, timeout=5)

    def work() -> None:
        with admission.slot():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            together.wait()  # passes only with three inside at once
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(30) as pool:
        for done in [pool.submit(work) for _ in range(30)]:
            done.result()
    assert most[0] == 3
    assert admission.waiting == 0


def test_a_full_queue_refuses_at_once_and_late_waiters_are_dropped() -> None:
    admission = Admission(slots=1, queue_size=1, deadline_s=0.05)
    with admission.slot():
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(lambda: admission.slot().__enter__())
            with pytest.raises(Overloaded, match=r"at most 0\.05 s"):
                late.result()
        admission_full = Admission(slots=1, queue_size=0, deadline_s=10)
        with admission_full.slot(), pytest.raises(Overloaded, match="may wait"):
            admission_full.slot().__enter__()
    with admission.slot():
        assert not admission.is_full


def test_who_would_wait_for_most_of_the_deadline_is_refused_at_once() -> None:
    now = [0.0]
    admission = Admission(slots=1, queue_size=50, deadline_s=100, clock=lambda: now[0])
    done = threading.Semaphore(0)

    def work() -> None:
        with admission.slot():
            assert done.acquire(timeout=10)
            now[0] += 400

    with ThreadPoolExecutor(20) as pool:
        working = [pool.submit(work)]
        _reach(lambda: int(admission._free), 0)
        for waiting in range(1, 5):
            working.append(pool.submit(work))
            _reach(lambda: admission.waiting, waiting)
        assert not admission.is_full
        for _ in range(3):
            done.release()
        _reach(lambda: admission.waiting, 1)
        with pytest.raises(Overloaded, match="at most 100 s; this one nearly would"):
            admission.slot().__enter__()
        for _ in range(2):
            done.release()
        for each in working:
            each.result(10)
    with admission.slot():
        assert not admission.is_full


def test_a_slot_comes_free_after_an_error() -> None:
    admission = Admission(slots=1, queue_size=0, deadline_s=1)
    for _ in range(3):
        with pytest.raises(RuntimeError), admission.slot():
            raise RuntimeError
    with admission.slot():
        pass


def test_over_the_queue_the_server_answers_503_and_the_engine_does_no_work(tmp_path: Path) -> None:
    client, engine = app_client(Settings(home=tmp_path, threads=1, queue_size=1, deadline_s=5))
    entered, release = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert release.wait(10)

    engine.on_search = hold
    app = client.application
    admission = app.extensions["lookalike"].admission
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: app.test_client().get("/v1/search/text?q=a"))
        assert entered.wait(10)
        second = pool.submit(lambda: app.test_client().get("/v1/search/text?q=b"))
        while not admission.is_full:
            pass
        third = client.get("/v1/search/text?q=c")
        assert (third.status_code, third.get_json()["code"]) == (503, "overloaded")
        assert third.headers["Retry-After"]
        photo = client.post("/v1/search/image", data=b"cut short", content_type="multipart/form-data; boundary=x")
        assert photo.get_json()["code"] == "overloaded", "its form was read before it was refused"
        assert client.get("/livez").status_code == 200
        release.set()
        assert first.result().status_code == second.result().status_code == 200
    assert [request.text for request in engine.requests] == ["a", "b"]


def test_those_who_come_back_with_a_decoded_photo_take_turns_with_new_ones() -> None:
    admission = Admission(slots=1, queue_size=50, deadline_s=10)
    photo_lent, decoded, order = threading.Event(), threading.Event(), list[str]()

    def photo() -> None:
        with admission.slot():
            with admission.lent():
                photo_lent.set()
                assert decoded.wait(10)
            order.append("photo")

    def words(number: int) -> None:
        with admission.slot():
            order.append(f"words {number}")

    with ThreadPoolExecutor(20) as pool:
        working = [pool.submit(photo)]
        assert photo_lent.wait(10)
        with admission.slot():
            for number in range(8):
                working.append(pool.submit(words, number))
                _reach(lambda: admission.waiting, number + 1)
            decoded.set()
            _reach(lambda: admission.waiting, 9)
        for done in working:
            done.result(10)
    assert order == [f"words {number}" for number in range(4)] + ["photo"] + [f"words {n}" for n in range(4, 8)]


def test_a_slot_is_lent_once_and_is_there_again_after_a_failure() -> None:
    admission = Admission(slots=1, queue_size=0, deadline_s=10)
    with suppress(ValueError), admission.slot(), admission.lent():
        with admission.lent() as again:
            assert again is None
        raise ValueError
    with admission.slot():
        assert admission.is_full
    assert not admission.is_full


def test_photos_that_wait_for_a_decoder_leave_room_for_words() -> None:
    admission, photos = (Admission(slots=1, queue_size=5, deadline_s=10) for _ in range(2))
    decoded, refused = threading.Event(), list[Overloaded]()

    def photo() -> None:
        try:
            with admission.slot(), decoding(admission, photos):
                assert decoded.wait(10)
        except Overloaded as error:
            refused.append(error)

    with ThreadPoolExecutor(20) as pool:
        working = []
        for sent in range(8):
            working.append(pool.submit(photo))
            _reach(lambda: photos.waiting + len(refused), sent)
        with admission.slot():
            assert admission.waiting == 0
        decoded.set()
        for done in working:
            done.result(10)
    assert len(refused) == 2
    assert photos.waiting == admission.waiting == 0


def test_a_photo_waits_no_longer_in_two_queues_than_in_one() -> None:
    admission, photos = (Admission(slots=1, queue_size=5, deadline_s=0.2) for _ in range(2))
    with photos.slot(), ThreadPoolExecutor(1) as pool:
        long_ago = pool.submit(lambda: photos.slot(since=time.monotonic() - 1).__enter__())
        with pytest.raises(Overloaded, match=r"at most 0\.2 s"):
            long_ago.result(0.15)
    with admission.slot(), admission.lent() as since:
        assert since is not None
        assert time.monotonic() - since < 5


def _reach(count: Callable[[], int], wanted: int) -> None:
    ends = time.monotonic() + 10
    while count() != wanted:
        assert time.monotonic() < ends
