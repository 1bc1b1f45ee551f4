"""What an index in Milvus does where the server answers partly or wrongly; its answers are planted here."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from data.filters import parse_filter
from engine.errors import IndexUnavailable
from engine.index import Milvus, MilvusCollection, MilvusIndex
from engine.index.checks import Rows
from engine.index.milvus.collection import FLAT, HNSW
from engine.protocols import Floats, Where

Answer = Callable[[Floats, int], Sequence[Rows]]
STORED = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
QUERY = STORED[:1]


def index_that_is_told(answer: Answer, monkeypatch: pytest.MonkeyPatch, *, exact: bool = True) -> MilvusIndex:
    def search(_: MilvusCollection, queries: Floats, limit: int, **__: Any) -> Sequence[Rows]:
        return answer(queries, limit)

    monkeypatch.setattr(MilvusCollection, "search", search)
    kind = FLAT if exact else HNSW
    return MilvusIndex(MilvusCollection(Milvus("http://nowhere.invalid", ""), "c"), kind, kind.efforts[0], STORED)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("known", [0, 3, 30])
def test_what_milvus_does_not_find_is_found_here(monkeypatch: pytest.MonkeyPatch, known: int, exact: bool) -> None:
    index = index_that_is_told(lambda queries, _: [np.arange(known)] * len(queries), monkeypatch, exact=exact)
    best = np.argsort(-(STORED @ QUERY[0]), kind="stable")
    (found,) = index.search(QUERY, 50)
    assert found.rows.tolist() == best[:50].tolist()
    passing = np.arange(300) % 2 == 0
    where = Where(parse_filter("price > 1"), np.zeros(0, np.int64))
    (found,) = index.search(QUERY, 50, passing, where=where)
    assert found.rows.tolist() == [row for row in best if row % 2 == 0][:50]


@pytest.mark.parametrize("rows", [[300], [-1], [0, 10**12]])
def test_rows_of_another_catalogue_are_refused(monkeypatch: pytest.MonkeyPatch, rows: list[int]) -> None:
    index = index_that_is_told(lambda queries, _: [np.array(rows)] * len(queries), monkeypatch)
    with pytest.raises(IndexUnavailable, match="collection c must answer each query with rows below 300"):
        index.search(QUERY, 2)


def test_fewer_answers_than_queries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_that_is_told(lambda *_: [np.arange(26)], monkeypatch)
    with pytest.raises(IndexUnavailable, match="each query"):
        index.search(STORED[:3], 10)


def test_many_searches_that_fail_alike_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    exceptions = pytest.importorskip("pymilvus.exceptions", reason="pymilvus is not installed")
    server = Milvus("http://nowhere.invalid", "")
    server.__dict__["_client"] = None  # as if it were connected

    def failing(code: int) -> Callable[[Any], None]:
        def question(_: Any) -> None:
            raise exceptions.MilvusException(code=code, message=f"planted {code}")

        return question

    for code in (1, 1, 2, 1, 2):
        with pytest.raises(IndexUnavailable):
            server.ask(failing(code))
    assert [message.rpartition("planted")[2] for message in caplog.messages] == [" 1)>", " 2)>"]
