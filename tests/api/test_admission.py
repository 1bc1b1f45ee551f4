"""The queue is bounded, waiting ends at the deadline, and callers are held to their rate."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.errors import RateLimited
from api.resources.admission import Admission, RateLimit
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
        assert client.get("/livez").status_code == 200
        release.set()
        assert first.result().status_code == second.result().status_code == 200
    assert [request.text for request in engine.requests] == ["a", "b"]


def test_the_rate_limit_names_when_to_come_back() -> None:
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    limit.spend("a")
    limit.spend("a")
    limit.spend("b")
    with pytest.raises(RateLimited) as refused:
        limit.spend("a")
    assert refused.value.retry_after_s == 30
    now[0] = 30.0
    limit.spend("a")


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 40)), max_size=60), st.integers(1, 5))
def test_no_caller_gets_more_than_its_bucket_and_refill(calls: list[tuple[int, float]], per_minute: int) -> None:
    now, let_in = [0.0], dict.fromkeys("012", 0)
    limit = RateLimit(per_minute, clock=lambda: now[0])
    for caller, pause in calls:
        now[0] += pause
        try:
            limit.spend(str(caller))
        except RateLimited:
            continue
        let_in[str(caller)] += 1
    assert max(let_in.values()) <= per_minute + now[0] * per_minute / 60 + 1e-6


def test_callers_are_forgotten_so_that_memory_stays_bounded() -> None:
    limit = RateLimit(1, callers=10)
    for number in range(1000):
        limit.spend(str(number))
    assert len(limit._buckets) == 10


def test_too_many_requests_are_429(tmp_path: Path) -> None:
    client, _ = app_client(Settings(home=tmp_path, rate_limit=2))
    answers = [client.get("/v1/search/text?q=a") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 30
    assert client.get("/livez").status_code == 200
    other = client.get("/v1/search/text?q=a", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert other.status_code == 200
    forged = client.get("/v1/search/text?q=a", headers={"X-Forwarded-For": "10.0.0.10"})
    assert forged.status_code == 429


def test_one_ipv6_household_is_one_caller(tmp_path: Path) -> None:
    client, _ = app_client(Settings(home=tmp_path, rate_limit=1))
    addresses = ["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"]
    answers = [client.get("/v1/search/text?q=a", environ_base={"REMOTE_ADDR": address}) for address in addresses]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
