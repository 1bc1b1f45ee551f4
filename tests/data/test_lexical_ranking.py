"""Ranking by words: the quick way scores few products and gives the same answer; long counts are remembered."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import pytest

from data.catalogue import Catalogue, Product
from data.database import Connections
from data.lexical import EntryCounts, counts, ranking

WORDS = [f"w{at}" for at in range(12)] + ["가방", "손가방", "가방끈"]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """400 products; the first words of the list are rare, the last frequent."""
    chance = random.Random(7)
    made = Catalogue(tmp_path_factory.mktemp("ranking"))
    made.upsert_many(
        [
            (
                Product(
                    product_id=str(at),
                    title=" ".join(word for place, word in enumerate(WORDS) if chance.random() < (place + 1) / 30),
                    description=" ".join(chance.choices(WORDS, k=chance.randrange(6))),
                ),
                [],
            )
            for at in range(400)
        ]
    )
    return made


@pytest.fixture
def connection(catalogue: Catalogue) -> Iterator[Connection]:
    with Connections(catalogue.home).reading() as opened:
        yield opened


@pytest.mark.parametrize("most", [3, 10, 25])
def test_the_best_by_rare_words_are_the_best_of_all(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(ranking, "MOST_HITS", most)
    count = partial(EntryCounts().of, connection)
    chance, fewer = random.Random(most), 0
    for _ in range(150):
        words = sorted(chance.sample(WORDS, chance.randrange(2, 5)), key=lambda word: count(ranking.any_term(word)))
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        found = ranking._best_by_rare_words(connection, words, count)
        connection.set_trace_callback(None)
        assert found == ranking._best(connection, ranking._any_word(words))
        fewer += any(") AND (" in sql for sql in asked)
    assert fewer > 20  # so not all were scored each time


def counting(connection: Connection, known: EntryCounts, match: str) -> tuple[int, bool]:
    """Returns a count, and whether the products were counted for it."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    found = known.of(connection, match)
    connection.set_trace_callback(None)
    return found, any("MATCH" in sql for sql in asked)


def test_a_long_count_is_remembered_until_it_may_be_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_LONG", 100)
    catalogue, known = Catalogue(tmp_path), EntryCounts()
    catalogue.upsert_many([(Product(product_id=str(at), title="mug"), []) for at in range(200)])
    catalogue.upsert_many([(Product(product_id=f"cup {at}", title="cup"), []) for at in range(99)])
    with Connections(tmp_path).reading() as connection:
        assert counting(connection, known, '"mug"') == (200, True)
        assert counting(connection, known, '"mug"') == (200, False)
        assert [counting(connection, known, '"cup"') for _ in range(2)] == [(99, True), (99, True)]  # it is quick
    for at in range(3):
        catalogue.upsert(Product(product_id=f"new {at}", title="mug"), None)
        with Connections(tmp_path).reading() as connection:
            assert counting(connection, known, '"mug"') == ((200, False) if at < 2 else (203, True))


def test_what_is_remembered_has_a_bound(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, least in (("_LONG", 1), ("_KEPT", 3)):
        monkeypatch.setattr(counts, name, least)
    known = EntryCounts()
    for word in WORDS:
        known.of(connection, f'"{word}"')
        assert len(known._known) <= 3
    long = " OR ".join(f'"{word}"' for word in WORDS * 2)
    assert [counting(connection, known, long)[1] for _ in range(2)] == [True, True]
