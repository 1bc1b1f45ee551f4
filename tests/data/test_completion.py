"""Completions: what goes on like the words being typed, best first, in step with products and the log."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, Product
from data.completion import Completion
from data.database import Connections
from data.events import Event, Events

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = ("completion_entries", "completion_starts", "completion_products")
SHOP = (
    Product(product_id="socks", title="발가락양말 세트", brand="무지", category="양말"),
    Product(product_id="bowl", title="바가지 와인색", brand="무지", category="주방"),
    Product(product_id="bag", title="Red canvas backpack", brand="Acorn", category="Bags"),
    Product(product_id="bag-2", title="RED Canvas Backpack!", brand="acorn", category="Bags"),
    Product(product_id="mug", title="Red mug", brand="Café Ko", category="Mugs"),
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    made = Catalogue(tmp_path)
    made.upsert_many([(product, []) for product in SHOP])
    return made


def texts(catalogue: Catalogue, typed: str, k: int = 8) -> list[str]:
    return [found.text for found in catalogue.completions(typed, k)]


def search(catalogue: Catalogue, text: str, times: int, *, apart: timedelta = timedelta(hours=1)) -> None:
    """Stores searches for these words, and lets the nightly job count them."""
    number = Events(catalogue.home).count
    Events(catalogue.home).append(
        [Event(event_id=f"{number}-{at}", kind="search", query_text=text, at=NOW + at * apart) for at in range(times)]
    )
    catalogue.upkeep.count_queries()


@pytest.mark.parametrize(
    "typed", ["ㅂ", "바", "발", "밝", "발ㄱ", "발가", "발가락양말", "발가락양말 ", "발가락양말 ㅅ", "세"]
)
def test_hangul_is_completed_while_it_is_being_typed(catalogue: Catalogue, typed: str) -> None:
    assert "발가락양말 세트" in texts(catalogue, typed)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("박", ["바가지 와인색"]), ("바가지 오", ["바가지 와인색"]), ("와", ["바가지 와인색"]),
        ("발바닥", []), ("무", ["무지"]),
        ("canvas b", ["Red canvas backpack"]), ("RED-M", ["Red mug"]), ("red ", ["Red canvas backpack", "Red mug"]),
        ("cafe", ["Café Ko"]), ("ko", ["Café Ko"]), ("ackpack", []), ("red x", []), ("", []), ("?!", []),
    ],
)  # fmt: skip
def test_what_goes_on_like_the_typed(catalogue: Catalogue, typed: str, wanted: list[str]) -> None:
    assert texts(catalogue, typed) == wanted


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("bakcp", "Red canvas backpack"), ("canvaz bakcp", "Red canvas backpack"),
        ("canvas backpakc", "Red canvas backpack"), ("acron", "Acorn"), ("vacorn", "Acorn"), ("caorn", "Acorn"),
        ("발기락", "발가락양말 세트"), ("발가락얌말 세", "발가락양말 세트"), ("rex", ""),
    ],
)  # fmt: skip
def test_typing_errors_are_mended(catalogue: Catalogue, typed: str, wanted: str) -> None:
    assert texts(catalogue, typed)[:1] == [wanted] * bool(wanted)


def test_a_title_names_its_product_where_it_has_only_one(catalogue: Catalogue) -> None:
    assert catalogue.completions("red", 8) == [
        Completion("Red canvas backpack", "title"),
        Completion("Red mug", "title", "mug"),
    ]
    catalogue.delete("bag")
    assert Completion("Red canvas backpack", "title", "bag-2") in catalogue.completions("red", 8)


def test_frequent_texts_come_first_and_k_bounds_them(catalogue: Catalogue) -> None:
    for number in range(9):
        catalogue.upsert(Product(product_id=f"r{number}", title=f"Rb {number}", brand="Rz"), None)
    assert texts(catalogue, "r", 3) == ["Rz", "Red canvas backpack", "Rb 0"]
    assert catalogue.completions("rz", 1) == [Completion("Rz", "brand")]
    search(catalogue, "red mug", 3)
    search(catalogue, "rb", 12)
    assert texts(catalogue, "r", 3) == ["rb", "red mug", "Rz"]
    assert catalogue.completions("red mu", 8) == [Completion("red mug", "query")]


def test_a_query_is_suggested_once_it_was_searched_in_three_minutes(catalogue: Catalogue) -> None:
    search(catalogue, "canvas", 2)
    assert texts(catalogue, "canv") == ["Red canvas backpack"]
    search(catalogue, "mug red", 9, apart=timedelta(seconds=1))
    assert texts(catalogue, "mug r") == []
    search(catalogue, "canvas", 3, apart=timedelta(days=1))
    assert texts(catalogue, "canv") == ["canvas", "Red canvas backpack"]
    Events(catalogue.home).forget(NOW + timedelta(days=9))
    catalogue.upkeep.count_queries()
    assert texts(catalogue, "canv") == ["Red canvas backpack"]


def test_queries_that_find_nothing_are_not_suggested(catalogue: Catalogue) -> None:
    search(catalogue, "fountain pen", 5)
    search(catalogue, "breakfast cup", 5)
    assert texts(catalogue, "fou") == texts(catalogue, "break") == []
    chosen = Event(event_id="c", kind="click", at=NOW, query_text="breakfast cup", product_id="mug")
    Events(catalogue.home).append([chosen])
    search(catalogue, "canvas", 3)
    assert (texts(catalogue, "break"), texts(catalogue, "canv")[0]) == (["breakfast cup"], "canvas")
    for product_id in ("mug", "bag", "bag-2"):
        catalogue.delete(product_id)
    assert texts(catalogue, "break") == texts(catalogue, "canv") == []  # at once, not only after the night


def test_they_follow_every_change_and_leave_nothing_behind(catalogue: Catalogue) -> None:
    catalogue.patch("mug", {"title": "Blue cup"})
    assert (texts(catalogue, "red m"), texts(catalogue, "blue c")) == ([], ["Blue cup"])
    catalogue.patch("mug", {"price": 3})
    catalogue.patch("mug", {"title": "BLUE CUP!"})
    assert texts(catalogue, "blue c") == ["BLUE CUP!"]
    catalogue.upsert(Product(product_id="mug", title="Blue cup"), None)
    assert texts(catalogue, "caf") == []
    for product in SHOP:
        catalogue.delete(product.product_id)
    assert [_count(catalogue, table) for table in TABLES] == [0, 0, 0]
    catalogue.upsert(SHOP[0], None)
    assert texts(catalogue, "발") == ["발가락양말 세트"]


def _count(catalogue: Catalogue, table: str) -> int:
    count: int = Connections(catalogue.home).query(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - constants
    return count


def test_any_order_of_changes_leaves_what_the_products_have(tmp_path: Path) -> None:
    chance = random.Random(5)
    catalogue = Catalogue(tmp_path / "changed")
    names = ["red mug", "Red Mug", "blue mug", "red", "머그", "머그 컵", ""]
    live: dict[str, Product] = {}
    for _ in range(150):
        product_id = f"p{chance.randrange(8)}"
        if chance.random() < 0.3:
            catalogue.delete(product_id)
            live.pop(product_id, None)
        else:
            title, brand, category = chance.choices(names, k=3)
            live[product_id] = Product(product_id=product_id, title=title, brand=brand, category=category)
            catalogue.upsert(live[product_id], None)
    anew = Catalogue(tmp_path / "anew")
    anew.upsert_many([(product, None) for product in live.values()])
    assert _starts(catalogue) == _starts(anew)


def _starts(catalogue: Catalogue) -> Sequence[tuple[int, str, int]]:
    rows: list[tuple[int, str, int]] = Connections(catalogue.home).query("SELECT * FROM completion_starts")
    return rows


def test_a_home_of_an_older_version_is_filled_when_it_is_opened(catalogue: Catalogue) -> None:
    before = _starts(catalogue)
    with Connections(catalogue.home).writing() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        connection.execute("DELETE FROM lexical_version")
    assert texts(catalogue, "red") == []
    assert texts(Catalogue(catalogue.home), "red") == ["Red canvas backpack", "Red mug"]
    assert _starts(catalogue) == before


@given(typed=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(tmp_path_factory: pytest.TempPathFactory, typed: str) -> None:
    catalogue = Catalogue(tmp_path_factory.getbasetemp() / "completion-any-text")
    catalogue.upsert(Product(product_id="any", title=typed), None)
    found = texts(catalogue, typed)
    shown = " ".join(typed.split())
    assert found in ([], [shown]) or shown.casefold() != shown
