"""CSV feeds, well made and not: a bad row costs only itself."""

import csv
import io
from pathlib import Path

import pytest
from feed_files import codes, feed, rows
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.errors import InvalidFeed
from data.readers import open_feed
from data.readers.records import BadRow
from data.readers.rows import Row
from data.readers.sources.lines import LINE_LIMIT
from data.values import plain_text

PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "^", "~"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_csv_with_any_delimiter(tmp_path: Path, delimiter: str, bom: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(
        [["Product_ID ", "title", "image", "attr.Size"], ["a1", "빨간 컵, groß; |", "a.jpg; b 한.jpg;;a.jpg", "L"]]
    )
    [row] = rows(feed(tmp_path, bom + out.getvalue()))
    assert row == Row(2, {"product_id": "a1", "title": "빨간 컵, groß; |", "attr.Size": "L"}, ("a.jpg", "b 한.jpg"))


def test_csv_without_an_image_column_says_nothing_about_images(tmp_path: Path) -> None:
    assert rows(feed(tmp_path, "product_id,price\na,1\n")) == [Row(2, {"product_id": "a", "price": "1"}, None)]
    assert rows(feed(tmp_path, "product_id,image\na,\n")) == [Row(2, {"product_id": "a"}, ())]


def test_csv_lines_are_those_of_the_file(tmp_path: Path) -> None:
    content = 'product_id,title\na,"two\nlines"\n\n , \nb,x\nc,"d,\n",e\nf,g\n'
    assert codes(rows(feed(tmp_path, content))) == [(2, ""), (6, ""), (7, "wrong_columns"), (9, "")]


def test_bad_csv_rows_cost_only_themselves(tmp_path: Path) -> None:
    content = b"product_id,title\na,\xff\xfe\nb,nul\0\nc,ok\nd\ne,f,g\nh," + b"x" * 200_000 + b"\ni,ok\n"
    found = codes(rows(feed(tmp_path, content)))
    assert found == [
        (2, "bad_encoding"), (3, "bad_text"), (4, ""), (5, "wrong_columns"), (6, "wrong_columns"), (7, "bad_csv"),
        (8, ""),
    ]  # fmt: skip


def test_a_line_without_end_costs_only_itself(tmp_path: Path) -> None:
    content = "product_id,title\na," + "x,y" * LINE_LIMIT + "\nb,ok\n"
    assert codes(rows(feed(tmp_path, content))) == [(2, "line_too_long"), (3, "")]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    content = 'product_id,title\na,"open\n' + "".join(f"p{number},title\n" for number in range(12_000))
    found = rows(feed(tmp_path, content))
    assert isinstance(found[0], BadRow)
    assert found[0].line == 2
    assert len(found) > 1_000
    assert found[-1] == Row(12_002, {"product_id": "p11999", "title": "title"}, None)


@pytest.mark.parametrize("content", ["", "\n", "nr,title\na,b\n", "product_id,title,Title\na,b,c\n", "\xff,\xfe\n"])
def test_csv_without_a_good_header_is_refused_as_a_whole(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidFeed):
        rows(feed(tmp_path, content.encode("latin-1")))


@pytest.mark.parametrize(
    "header",
    [
        "product_id,title,image,,",
        "sep=,\nproduct_id,title,image",
        "\n\n# Required | The unique ID,# Required | title\n\nproduct_id,title,image",
        '"# Exported on 2026-11-01, by Kim"\nproduct_id,title,image',
        "List of products 2026\nproduct_id,title,image",
    ],
)
def test_what_may_stand_before_and_after_a_header(tmp_path: Path, header: str) -> None:
    found = rows(feed(tmp_path, f"{header}\na,Mug,a.jpg\nb,Cup,b.jpg,,\n\n,,\n"))
    assert [row.fields for row in found if isinstance(row, Row)] == [
        {"product_id": "a", "title": "Mug"}, {"product_id": "b", "title": "Cup"},
    ]  # fmt: skip
    assert found[0].line == header.count("\n") + 2


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", ",", "^", "~"])
def test_a_line_that_names_the_delimiter_wins(tmp_path: Path, delimiter: str) -> None:
    content = f"sep={delimiter}\nproduct_id,title;x|y\tz\n".replace(",", delimiter, 1)
    [row] = rows(feed(tmp_path, f"{content}a{delimiter}b\n", "feed.txt"), "csv")
    assert row.line == 3


def test_an_explanation_that_is_left_out_is_said(tmp_path: Path) -> None:
    with open_feed(feed(tmp_path, "# Made by hand\nproduct_id\na\n")) as opened:
        assert len(list(opened.rows)) == 1
        assert opened.notes[0] == "line 1 was skipped as an explanation: # Made by hand"


def test_a_column_without_a_name_keeps_its_place(tmp_path: Path) -> None:
    [row] = rows(feed(tmp_path, ",product_id,title\n0,a,Mug\n"))
    assert isinstance(row, Row)
    assert (row.fields["product_id"], row.fields["title"]) == ("a", "Mug")


def test_a_row_may_lack_cells_at_its_end(tmp_path: Path) -> None:
    [row, whole] = rows(feed(tmp_path, "product_id,title,image,brand\na,Mug,a.jpg\nb,Cup,b.jpg,Acme\n"))
    assert isinstance(row, Row)
    assert ([warning.code for warning in row.warnings], row.images) == (["short_row"], ("a.jpg",))
    assert isinstance(whole, Row)
    assert whole.warnings == ()


@pytest.mark.parametrize(
    "line", ["Total: 2", "a,Mug", 'a,"Mug,a.jpg",x', "a,Mug,a 17\" pc", "a,Mug,a.jpg,x,y", '"a,Mug,a.jpg\nb,Cup"'],
)  # fmt: skip
def test_a_row_that_may_be_broken_is_not_taken_for_a_short_one(tmp_path: Path, line: str) -> None:
    found = rows(feed(tmp_path, f"product_id,title,image,brand\n{line}\nc,Bowl,c.jpg,Acme\n"))
    assert isinstance(found[0], BadRow)
    assert isinstance(found[-1], Row)


def test_a_last_row_that_is_cut_is_told(tmp_path: Path) -> None:
    content = "product_id,title,image,brand\na,Mug,a.jpg,Acme\nb,Cup,b.j"
    assert codes(rows(feed(tmp_path, content))) == [(2, ""), (3, "cut")]
    assert codes(rows(feed(tmp_path, content + "\n"))) == [(2, ""), (3, "")]


@hypothesis_settings(deadline=None)
@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=6))
def test_what_the_csv_module_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("product_id", "title"), *pairs])
    path = feed(tmp_path_factory.mktemp("csv"), out.getvalue())
    expected = [{"product_id": one, "title": plain_text(two)} for one, two in pairs if one.strip() or two.strip()]
    assert [dict(row.fields) for row in rows(path, "csv") if isinstance(row, Row)] == expected
