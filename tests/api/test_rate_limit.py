"""Callers are held to their rate."""

from pathlib import Path

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.errors import RateLimited
from api.resources.rate_limit import RateLimit
from data.catalogue import Catalogue
from data.settings import Settings


def app_client(settings: Settings) -> FlaskClient:
    return create_app(settings, FakeEngine(Catalogue(settings.home))).test_client()


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
    client = app_client(Settings(home=tmp_path, rate_limit=2))
    answers = [client.get("/v1/search/text?q=a") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 30
    assert client.get("/livez").status_code == 200
    other = client.get("/v1/search/text?q=a", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert other.status_code == 200
    forged = client.get("/v1/search/text?q=a", headers={"X-Forwarded-For": "10.0.0.10"})
    assert forged.status_code == 429


def test_one_ipv6_household_is_one_caller(tmp_path: Path) -> None:
    client = app_client(Settings(home=tmp_path, rate_limit=1))
    addresses = ["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"]
    answers = [client.get("/v1/search/text?q=a", environ_base={"REMOTE_ADDR": address}) for address in addresses]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
