"""Ranking by words: scores are those of FTS5, and what is remembered of the index follows the catalogue."""

import random
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from data.catalogue import Catalogue, Product
from data.database import Connections
from data.lexical import EntryCounts, WordScores, counts, entries, lengths, ranking, small_index
from data.lexical.entries import TermEntries
from data.lexical.lengths import Lengths, TextLengths
from data.lexical.texts import within_words

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


@pytest.mark.parametrize("prefer_all", [False, True])
def test_scores_are_those_of_fts5(connection: Connection, monkeypatch: pytest.MonkeyPatch, prefer_all: bool) -> None:
    monkeypatch.setattr(ranking, "MOST_HITS", 20)
    chance, scores, fewer = random.Random(3), WordScores(), 0
    for _ in range(200):
        words = chance.sample([*WORDS, "unheard"], chance.randrange(1, 5))
        found = scores.best(connection, [within_words(word) for word in words], 20, prefer_all=prefer_all)
        assert found == ranking._best(connection, words, prefer_all=prefer_all)
        fewer += found != ranking._best(connection, words, prefer_all=False)
    assert (fewer > 20) == prefer_all


def test_a_term_is_looked_up_as_the_index_has_it(tmp_path: Path) -> None:
    catalogue, scores = Catalogue(tmp_path), WordScores()
    titles = ["Dresses", "dress", "Crème caramel", "creme brulee creme", "가방끈"]
    catalogue.upsert_many([(Product(product_id=f"id {at}", title=title), []) for at, title in enumerate(titles)])
    with Connections(tmp_path).reading() as connection:
        for words, hits in ((["dresses"], 2), (["crème"], 2), (["caramels", "creme"], 2), (["방끈"], 1), (["hat"], 0)):
            found = scores.best(connection, [[word] for word in words], 200)
            assert found == ranking._best(connection, words, prefer_all=False)
            assert len(found) == hits
        # "a b" is two terms there, which only FTS5 can look for as one
        assert scores.best(connection, [["a b"]], 200) is None
        schema = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'lexical_words'").fetchone()[0]
    assert small_index.TOKENIZER in schema


def test_what_is_remembered_follows_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_LEAST", 1), ("_FEW_CHANGED", 3)):
        monkeypatch.setattr(entries, name, value)
    catalogue, scores, chance = Catalogue(tmp_path), WordScores(), random.Random(5)
    anew = 0
    for _ in range(60):
        changed = [str(at) for at in chance.sample(range(12), chance.randrange(6))]
        for name in changed:
            title = " ".join(chance.choices(["mug", "cup", "red", "가방끈"], k=chance.randrange(6)))
            catalogue.upsert(Product(product_id=name, title=title, brand=chance.choice(["", "mug"])), None)
            if chance.random() < 0.3:
                catalogue.delete(name)
        asked: list[str] = []
        with Connections(tmp_path).reading() as connection:
            connection.set_trace_callback(asked.append)
            found = scores.best(connection, [["mug"], ["방끈"]], 200)
            connection.set_trace_callback(None)
            assert found == ranking._best(connection, ["mug", "방끈"], prefer_all=False)
        anew += any("lexical_instances" in sql for sql in asked)
    assert 5 < anew < 40  # where more than three products changed


def test_the_terms_asked_for_last_are_remembered(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {word: len(TermEntries().of(connection, word).keys) for word in WORDS[:6]}
    monkeypatch.setattr(entries, "_LEAST", held["w1"])
    monkeypatch.setattr(entries, "_MOST", held["w2"] + held["w5"])
    known = TermEntries()
    for word in ("w0", "w1", "w2", "w5", "w2", "w5", "w1"):
        assert len(known.of(connection, word).keys) == held[word]
        assert known._count == sum(len(each.keys) for each in known._known.values()) <= held["w2"] + held["w5"]
    assert list(known._known) == ["w5", "w1"]  # few have w0


@pytest.mark.parametrize("most", [3, 20_000])  # changes; after more, lengths are read anew
def test_lengths_follow_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(lengths, "_MOST_CHANGED", most)
    catalogue, known = Catalogue(tmp_path), TextLengths()
    words = " ".join(f"w{at}" for at in range(20_000))  # so many take three bytes

    def same_as_read_anew() -> Lengths:
        asked: list[str] = []
        with Connections(tmp_path).reading() as connection:
            connection.set_trace_callback(asked.append)
            found = known.of(connection)
            connection.set_trace_callback(None)
            anew = TextLengths().of(connection)
        assert max(map(len, asked)) < 250 or most > 3  # no list of all that changed
        assert found.by_key[: len(anew.by_key)].tolist() == anew.by_key.tolist()
        assert not found.by_key[len(anew.by_key) :].any()
        assert (found.seq, found.products, found.terms) == (anew.seq, anew.products, anew.terms)
        assert found.codes >= anew.codes
        return found

    assert same_as_read_anew().products == 0
    catalogue.upsert_many([(Product(product_id=str(at), title="mug " * at), []) for at in range(1, 400)])
    before = same_as_read_anew()
    assert (before.products, before.by_key[399]) == (399, 400)  # its id is a term too
    catalogue.upsert(Product(product_id="399", title="mug", description=words), None)
    catalogue.upsert(Product(product_id="another", title="new mug"), None)
    catalogue.delete("7")
    after = same_as_read_anew()
    assert sorted(before.codes) == [1, 2, 3]
    assert sorted(after.codes) == [1, 2, 3, 7]
    assert after.by_key[[7, 399, 400]].tolist() == [0, 20_002, 3]
    assert before.by_key[399] == 400  # what another thread holds stays as it is
    for name in ("399", "another"):
        catalogue.delete(name)
    assert same_as_read_anew().products == 397


def test_a_damaged_length_costs_only_itself(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.upsert_many([(Product(product_id=str(at), title="mug"), []) for at in range(6)])
    with Connections(tmp_path).writing() as connection:
        for key, size in ((2, None), (3, b""), (4, b"\x81" * 40), (6, b"\xff" * 9)):
            connection.execute("UPDATE lexical_words_docsize SET sz = ? WHERE id = ?", (size, key))
    with Connections(tmp_path).reading() as connection:
        scores = WordScores()
        known, fits = scores.lengths.of(connection), scores.best(connection, [["mug"]], 200)
    assert known.by_key[[1, 5]].tolist() == [2, 2]
    assert fits is not None
    assert sorted(key for key, _ in fits) == [1, 2, 3, 4, 5, 6]
    assert all(fit > 0 for _, fit in fits)


def counting(connection: Connection, known: EntryCounts, match: str) -> tuple[int, bool]:
    """Returns a count, and whether the products were counted for it."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    found = known.of(connection, counts.changes_seen(connection), match)
    connection.set_trace_callback(None)
    return found, any("MATCH" in sql for sql in asked)


def test_a_count_is_remembered_until_it_may_be_wrong(tmp_path: Path) -> None:
    catalogue, known = Catalogue(tmp_path), EntryCounts()
    catalogue.upsert_many([(Product(product_id=str(at), title="mug"), []) for at in range(200)])
    catalogue.upsert_many([(Product(product_id=f"cup {at}", title="cup"), []) for at in range(99)])
    with Connections(tmp_path).reading() as connection:
        for match, found in (('"mug"', 200), ('"cup"', 99), ('"lamp"', 0)):
            assert [counting(connection, known, match) for _ in range(2)] == [(found, True), (found, False)]
    for at in range(3):
        catalogue.upsert(Product(product_id=f"new {at}", title="mug"), None)
        with Connections(tmp_path).reading() as connection:
            assert counting(connection, known, '"mug"') == ((200, False) if at < 2 else (203, True))
            assert counting(connection, known, '"cup"') == (99, True)  # so that each new word is known at once


def test_what_is_remembered_has_a_bound(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_KEPT", 3)
    known, (first, *others) = EntryCounts(), [f'"{word}"' for word in WORDS]
    for match in others:
        for each in (first, match):
            counting(connection, known, each)
        assert len(known._known) <= 3
    assert not counting(connection, known, first)[1]  # what is asked for again stays
    long = " OR ".join(f'"{word}"' for word in WORDS * 2)
    assert [counting(connection, known, long)[1] for _ in range(2)] == [True, True]
