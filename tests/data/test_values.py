"""Values as people write them: prices, dates, stock words, addresses and HTML."""

import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InvalidProduct
from data.values import (
    Price,
    plain_text,
    price_mark,
    read_address,
    read_moment,
    read_price,
    read_stock,
    read_text,
    read_whole,
    settled_price,
)

DAY = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("12,900원", Price(12900, "KRW")),
        ("₩12,900", Price(12900, "KRW")),
        ("₩12.900", Price(12900, "KRW")),
        ("1.299,00 €", Price(1299, "EUR")),
        ("1,299.00", Price(1299)),
        ("1 299,00", Price(1299)),
        ("1\u00a0299,00 €", Price(1299, "EUR")),
        ("CHF 1'299.50", Price(1299.5, "CHF")),
        ("1,00,000", Price(100000)),
        ("1.299.000", Price(1299000)),
        ("US$ 5", Price(5, "USD")),
        ("$12.50 CAD", Price(12.5, "CAD")),
        ("12.50 USD", Price(12.5, "USD")),
        ("eur 12,5", Price(12.5, "EUR")),
        ("12.345 KWD", Price(12.345, "KWD")),
        ("5,- €", Price(5, "EUR")),
        ("12.5000", Price(12.5)),
        ("12,50", Price(12.5)),
        ("12,900", Price(12900)),
        ("1.299", Price(1.299)),
        ("1e3", Price(1000)),
        ("99 kr", Price(99)),
        ("kr. 1.299,00", Price(1299)),
        ("99,- kr", Price(99)),
        ("1,499/-", Price(1499)),
        ("R 1 299,00", Price(1299, "ZAR")),
        ("Rp 150.000", Price(150000, "IDR")),
        ("25,00 lei", Price(25, "RON")),
        ("2만원", Price(20000, "KRW")),
        ("1.5만", Price(15000)),
        ("3만 5천원", Price(35000, "KRW")),
        ("1억 2천만 500원", Price(120_000_500, "KRW")),
        ("１２，９００円", Price(12900, "JPY")),
        ("€ 12,50 *", Price(12.5, "EUR")),
        ("12,50 EUR inkl. MwSt.", Price(12.5, "EUR")),
        ("£12.50 inc VAT", Price(12.5, "GBP")),
        ("12,900원 (부가세 포함)", Price(12900, "KRW")),
        (".5", Price(0.5)),
        (19.99, Price(19.99)),
    ],
)
def test_prices_are_read_as_written(written: Any, price: Price) -> None:
    assert read_price(written) == price


@pytest.mark.parametrize("written", ["", "  ", None, math.nan, "NaN", "null", "None", "#N/A", "N/A", "-"])
def test_a_price_that_is_not_given_is_nothing(written: Any) -> None:
    assert read_price(written) is None


@pytest.mark.parametrize(
    "written", ["-5", "$ -5", "free", "1.2.3", "12.50 12", "from 12.50", "50%", "USD 12 EUR", "1e15", "1,23,4", True,
     "99 kr USD EUR", "만원", "12 (5 off)", "12.50 excl. VAT"],
)  # fmt: skip
def test_other_prices_are_refused(written: Any) -> None:
    with pytest.raises(InvalidProduct, match="price must be") as raised:
        read_price(written)
    assert raised.value.code == "bad_price"


@pytest.mark.parametrize(
    ("written", "mark"),
    [("12.50", "."), ("12,50", ","), ("1.299,00", ","), ("1.299.000", ","), ("12,900원", "."), ("0.125", "."),
     ("12", ""), ("1 299", ""), ("free", ""), ("1.299", None), ("12,900 USD", None)],
)  # fmt: skip
def test_a_price_tells_what_its_marks_mean(written: str, mark: str | None) -> None:
    assert price_mark(written) == mark


@pytest.mark.parametrize(
    ("written", "decimal_mark", "amount"),
    [("1.299", "", 1299), ("1.299", ".", 1.299), ("1.299", ",", 1299), ("1,299", "", 1299), ("1,299", ",", 1.299)],
)
def test_a_column_settles_its_marks(written: str, decimal_mark: str, amount: float) -> None:
    assert read_price(settled_price(written, decimal_mark)) == Price(amount)


@given(st.floats(0, 1e9, allow_nan=False), st.sampled_from(["{:,.2f}", "{:.2f}", "€{:,.2f}", "{:,.2f} USD"]))
def test_a_formatted_amount_is_read_back(amount: float, form: str) -> None:
    found = read_price(form.format(amount))
    assert found
    assert found.amount == float(f"{amount:.2f}")


@given(st.text(st.characters(), max_size=70))
def test_any_text_is_a_price_or_refused_by_name(written: str) -> None:
    price_mark(written)
    try:
        found = read_price(written)
    except InvalidProduct:
        return
    assert found is None or 0 <= found.amount < 1e12


@pytest.mark.parametrize(
    "written",
    ["2026-11-05", "2026.11.05", "2026. 11. 5.", "2026/11/5", "20261105", "5 Nov 2026", "Nov 5, 2026",
     "November 5th 2026", "2026년 11월 5일", "Thu, 05 Nov 2026 00:00:00 GMT", "2026-11-05T09:00:00+09:00",
     "2026-11-05 09:00 KST", "2026년 11월 5일 오전 0시 0분", 1793836800, "1793836800", "1793836800000"],
)  # fmt: skip
def test_dates_are_read_as_written(written: Any) -> None:
    assert read_moment(written) == DAY


def test_a_date_that_can_be_two_days_is_read_only_if_told_how() -> None:
    with pytest.raises(InvalidProduct, match="--dates dmy"):
        read_moment("05/11/2026")
    assert read_moment("05/11/2026", "dmy") == DAY
    assert read_moment("11/05/2026", "mdy") == DAY
    assert read_moment("05/05/2026") == datetime(2026, 5, 5, tzinfo=UTC)
    assert read_moment("25/11/2026") == read_moment("11/25/2026") == datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["10", "May", "Nov 2026", "2026", "2026-11", "5/11/26", "2026-02-30", "x" * 100, "5 Nov 2026 XYZ", -1, []],
)
def test_what_is_no_whole_date_is_refused(written: Any) -> None:
    with pytest.raises(InvalidProduct) as raised:
        read_moment(written)
    assert raised.value.code == "bad_date"


@given(st.text(st.characters(), max_size=70) | st.floats() | st.integers())
def test_anything_is_a_date_or_refused_by_name(written: Any) -> None:
    try:
        read_moment(written)
    except InvalidProduct as error:
        assert error.code == "bad_date"  # noqa: PT017


@pytest.mark.parametrize(
    ("written", "stock"),
    [("InStock", True), ("in_stock", True), ("in stock", True), ("preorder", True), ("backorder", True),
     ("available", True), ("https://schema.org/InStock", True), ("http://schema.org/OutOfStock", False),
     ("discontinued", False), ("Sold out", False), ("품절", False), ("재고 있음", True), ("판매중", True), (0, False),
     (12, True), ("1.0", True), ("0", False), (0.0, False), ("-2", False), ("", None), ("NaN", None),
     ("∞", True), ("무제한", True), ("판매안함", False), ("Auf Lager", True), ("Nein", False), ("épuisé", False)],
)  # fmt: skip
def test_stock_words_and_counts(written: Any, stock: bool | None) -> None:
    assert read_stock(written) is stock


def test_other_stock_words_are_refused() -> None:
    with pytest.raises(InvalidProduct, match="in_stock must be"):
        read_stock("maybe")


@pytest.mark.parametrize(
    "written", ["https://shop.example/mug?a=1&b=%20", "HTTP://EXAMPLE.com:8080/", "https://가게.kr/컵"]
)
def test_addresses(written: str) -> None:
    assert read_address("url", f" {written} ") == written


@pytest.mark.parametrize(
    "written",
    ["javascript:alert(1)", "ftp://a.b/c", "//a.b/c", "/mug", "https://", "https://a b", "https://a/<b>", "data:,x",
     "https://a:99999/", "https://[", "https://a/\nb", "https://a/" + "x" * 2000, 5, "\ud800https://a"],
)  # fmt: skip
def test_other_addresses_are_refused(written: Any) -> None:
    with pytest.raises(InvalidProduct) as raised:
        read_address("url", written)
    assert raised.value.code == "bad_url"


def test_texts_of_numbers_and_of_nothing() -> None:
    assert [read_text("title", value) for value in (12.0, 12.5, 7, math.nan, "nan", "NaN", "None", "null")] == [
        "12", "12.5", "7", "", "", "", "None", "null",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<b>Mug</b> &amp; cup", "Mug & cup"),
        ("<p>A <strong>red</strong> mug&nbsp;with <script>alert('<p>')</script></p>", "A red mug with"),
        ("<ul><li>One</li><li>Two</li></ul>after", "One\nTwo\nafter"),
        ("line<br>two<BR/>three", "line\ntwo\nthree"),
        ("<!-- <b>note</b> -->머그컵&nbsp;<span style='a:b > c'>빨강</span>", "머그컵 빨강"),
        ("<![CDATA[hi]]>", "hi"),
        ("a < b and c > d", "a < b and c > d"),
        ("I <3 mugs", "I <3 mugs"),
        ("R&D, AT&T, a&b;", "R&D, AT&T, a&b;"),
        ("size <M> only", "size <M> only"),
        ("&lt;b&gt;", "<b>"),
        ("&lt;p&gt;Tom &amp;amp; &lt;b&gt;Jo&lt;/b&gt;&lt;/p&gt;&lt;p&gt;1 &amp;lt; 2&lt;/p&gt;", "Tom & Jo\n1 < 2"),
        ("two  spaces\nand lines", "two  spaces\nand lines"),
    ],
)
def test_html_becomes_text(written: str, shown: str) -> None:
    assert plain_text(written) == shown


@pytest.mark.parametrize(
    "piece", ["<!", "<a ", "</a", '<a b="', "<!--", "&", "<![", "<p><", "<script>", "<a 'x' ", "&#9"]
)
def test_hostile_html_takes_no_time(piece: str) -> None:
    started = time.process_time()
    plain_text(piece * (300_000 // len(piece)))
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-12", -12), ("٣", 3), ("9" * 18, int("9" * 18)), *((text, None) for text in (
        "", "-", "--5", "+5", " 5", "1.5", "1e3", "²", "①", "9" * 19, "9" * 5000, "5\n"))],
)  # fmt: skip
def test_a_whole_number_is_read_or_is_none(text: str, number: int | None) -> None:
    assert read_whole(text) == number
