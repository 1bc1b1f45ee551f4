"""Quotes in CSV and TSV, well placed and stray: a stray one costs its own row at most, and no row is lost unsaid."""

from pathlib import Path

import pytest
from feed_files import codes, feed, rows
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.readers.files.cells import CELL_LINES
from data.readers.records import BadRow
from data.readers.rows import Row

SAME_FOLDER = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def titles(path: Path) -> dict[str, object]:
    """Returns product_id -> title of the rows that can be read."""
    return {row.fields["product_id"]: row.fields["title"] for row in rows(path) if isinstance(row, Row)}


def test_a_quote_in_a_tab_file_is_plain_text_unless_the_cell_also_ends_in_one(tmp_path: Path) -> None:
    cells = {
        "a": ('17" laptop', '17" laptop'), "b": ('"quoted', '"quoted'), "c": ('"Best" mug', '"Best" mug'),
        "d": ('"whole"', "whole"), "e": ('"19"" tv"', '19" tv'), "f": ('"a\tb"', "a\tb"), "g": ('"27" tv"', '27" tv'),
        "h": ('"two\nlines"', "two\nlines"), "i": ('15"', '15"'), "j": ('"', '"'), "k": ("plain", "plain"),
    }  # fmt: skip
    path = feed(
        tmp_path, "product_id\ttitle\timage\n" + "".join(f"{name}\t{raw}\tp.jpg\n" for name, (raw, _) in cells.items())
    )
    assert titles(path) == {name: right for name, (_, right) in cells.items()}


def test_inches_in_a_comma_file(tmp_path: Path) -> None:
    path = feed(tmp_path, 'product_id,title,image\na,17" pc,x\nb,"17"" tv",x\nc,"27" monitor",x\nd,plain,x\n')
    assert titles(path) == {"a": '17" pc', "b": '17" tv', "c": '27" monitor', "d": "plain"}


def test_a_cell_may_have_a_few_lines(tmp_path: Path) -> None:
    text = 'one\n"two", quoted\n\n' + "more\n" * (CELL_LINES - 4) + "last"
    quoted = text.replace('"', '""')
    path = feed(tmp_path, f'product_id,title,image\nq1,"{quoted}",a.jpg\nq2,U,b.jpg\n')
    assert titles(path) == {"q1": text, "q2": "U"}


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_cell_of_too_many_lines_is_reported_with_its_lines(tmp_path: Path, delimiter: str) -> None:
    text = "line\n" * CELL_LINES + "end"
    content = f'product_id,title,image\na,"{text}",p\nb,T,p\n'.replace(",", delimiter)
    [long, end, after] = rows(feed(tmp_path, content))
    assert isinstance(long, BadRow)
    assert (long.code, long.lines) == ("bad_csv", CELL_LINES)
    assert f"lines 2-{CELL_LINES + 1}" in long.message
    assert isinstance(end, BadRow), "what is left of the cell is reported, too"
    assert after == Row(CELL_LINES + 3, {"product_id": "b", "title": "T"}, ("p",))


def test_a_cell_whose_lines_look_like_rows_is_a_stray_quote(tmp_path: Path) -> None:
    content = 'product_id,title,image\na,"19 tv,p\nb,T,p\nc,T,p\nd,15",p\ne,T,p\n'
    assert codes(rows(feed(tmp_path, content))) == [(2, "bad_csv"), (3, ""), (4, ""), (5, ""), (6, "")]
    found = titles(feed(tmp_path, content.replace(",", "\t")))
    assert found == {"a": '"19 tv', "b": "T", "c": "T", "d": '15"', "e": "T"}


def test_a_file_that_ends_within_a_quote_says_so(tmp_path: Path) -> None:
    assert codes(rows(feed(tmp_path, 'product_id,title\na,T\nb,"T'))) == [(2, ""), (3, "bad_csv")]


@SAME_FOLDER
@given(
    delimiter=st.sampled_from(",\t;|"),
    count=st.integers(1, 60),
    row=st.integers(0, 59),
    cell=st.integers(0, 2),
    stray=st.sampled_from(['"{}', '{}"', 'x"{}', '"x" {}', '"x" {}"y', '"{}" x"', '""{}', '"""{}', '"']),
)
def test_one_stray_quote_costs_one_row_at_most(
    tmp_path: Path, delimiter: str, count: int, row: int, cell: int, stray: str
) -> None:
    planted = [
        [f"p{number}", f"Title, {number}" if delimiter == ";" else f"Title {number}", "a.jpg"]
        for number in range(count)
    ]
    row %= count
    planted[row][cell] = stray.format(planted[row][cell])
    lines = [delimiter.join(cells) for cells in [["product_id", "title", "image"], *planted]]
    found = rows(feed(tmp_path, "\n".join(lines) + "\n"))
    assert [item.line for item in found] == list(range(2, count + 2)), "each row is read or reported, none twice"
    for item, cells in zip(found, planted, strict=True):
        if item.line != row + 2:
            assert item == Row(item.line, {"product_id": cells[0], "title": cells[1]}, ("a.jpg",))
        elif isinstance(item, BadRow):
            assert item.lines == 1


@SAME_FOLDER
@given(
    delimiter=st.sampled_from(",\t"),
    lines=st.lists(st.lists(st.text('"x,\t ', max_size=6), min_size=1, max_size=4), max_size=40),
)
@example(delimiter=",", lines=[['"'], ["x"], ['"']])
def test_no_line_is_lost_whatever_the_quotes(tmp_path: Path, delimiter: str, lines: list[list[str]]) -> None:
    marked = [f"m{number}m{delimiter}" + delimiter.join(cells) for number, cells in enumerate(lines)]
    header = delimiter.join(["product_id", "title", "image"])
    found = rows(feed(tmp_path, "\n".join([header, *marked]) + "\n"))
    starts = [item.line for item in found] + [len(lines) + 2]
    assert starts == sorted(set(starts))
    assert starts[0] == 2, "rows follow each other without a gap"
    for item, following in zip(found, starts[1:], strict=False):
        if isinstance(item, Row):
            held = " ".join([*map(str, item.fields.values()), *map(str, item.images or ())])
            assert all(f"m{line - 2}m" in held for line in range(item.line, following))
        elif item.code == "bad_csv":
            assert item.lines == following - item.line, "the report says which lines it stands for"
