"""Excel workbooks: values as they are meant, the right sheet, and damage told."""

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from feed_files import codes, feed, rows

from data.errors import InvalidFeed
from data.readers import open_feed
from data.readers.files import xlsx
from data.readers.rows import Row

HEADER = ("product_id", "title", "price", "created_at", "in_stock", "image", None)


def workbook(folder: Path, sheets: dict[str, list[tuple[Any, ...]]], name: str = "feed.xlsx") -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    book.save(folder / name)
    return folder / name


def part(path: Path, name: str, old: str, new: str) -> Path:
    """Replaces a text in one part of a workbook."""
    with zipfile.ZipFile(path) as file:
        parts = {info.filename: file.read(info) for info in file.infolist()}
    assert old.encode() in parts[name]
    parts[name] = parts[name].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as file:
        for each, content in parts.items():
            file.writestr(each, content)
    return path


def test_values_are_read_as_they_are_meant(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        {
            "Notes": [],
            "상품": [
                ("상품 목록, 2026",), (), HEADER,
                (4006381333931.0, "빨간 컵", 12.5, datetime(2026, 1, 2), True, "a.jpg; b.jpg"),
                (None,) * 7, (7, 1.0, "#N/A", None, False, None),
            ],
            "Other": [("a", "b")],
        },
    )  # fmt: skip
    with open_feed(path) as opened:
        first, second = opened.rows
        assert opened.notes == ["only the sheet '상품' was read, not Notes, Other"]
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.line, second.line) == (4, 6)
    assert dict(first.fields) == {
        "product_id": 4006381333931, "title": "빨간 컵", "price": 12.5, "created_at": datetime(2026, 1, 2),
        "in_stock": True,
    }  # fmt: skip
    assert first.images == ("a.jpg", "b.jpg")
    assert (second.fields["product_id"], second.fields["title"], second.fields["price"]) == (7, 1, None)


def test_a_formula_counts_as_its_last_value(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "price"), ("a", "=1+1")]})
    part(path, "xl/worksheets/sheet1.xml", "<v></v>" if b"<v></v>" in _sheet(path) else "<v />", "<v>2</v>")
    [row] = rows(path)
    assert isinstance(row, Row)
    assert row.fields["price"] == 2


def _sheet(path: Path) -> bytes:
    with zipfile.ZipFile(path) as file:
        return file.read("xl/worksheets/sheet1.xml")


def test_a_wrong_dimension_does_not_cut_the_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "title"), ("a", "x"), ("b", "y")]})
    part(path, "xl/worksheets/sheet1.xml", 'ref="A1:B3"', 'ref="A1:A1"')
    assert [row.fields["product_id"] for row in rows(path) if isinstance(row, Row)] == ["a", "b"]


def test_a_cell_beside_the_header_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "title"), ("a", "x", "lost"), ("b", "y")]})
    assert codes(rows(path)) == [(2, "wrong_columns"), (3, "")]


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "title"), ("a", "x")]})
    part(path, "xl/worksheets/sheet1.xml", '<row r="2">', '<row r="99999999999">')
    with pytest.raises(InvalidFeed, match="1,048,576 rows"):
        rows(path)
    monkeypatch.setattr(xlsx, "_MOST_PART_BYTES", 1_000)
    with pytest.raises(InvalidFeed, match=r"xl/.*Save the sheet as CSV"):
        rows(path)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "title"), ("a", "x")]})
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    part(path, "xl/worksheets/sheet1.xml", "<worksheet", bomb + "]><worksheet")
    part(path, "xl/worksheets/sheet1.xml", "<t>x</t>", "<t>&i;</t>")
    with pytest.raises(InvalidFeed, match="must be whole"):
        rows(path)


def test_damage_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"S": [("product_id", "title"), *((f"p{n}", f"title {n}") for n in range(500))]})
    content = path.read_bytes()
    for end in (30, 1_000, len(content) // 2, len(content) - 5):
        with pytest.raises(InvalidFeed):
            rows(feed(tmp_path, content[:end], "cut.xlsx"))
    part(path, "xl/worksheets/sheet1.xml", "</sheetData>", "")
    with pytest.raises(InvalidFeed, match="must be whole"):
        rows(path)
    with pytest.raises(InvalidFeed, match="sheet with a header"):
        rows(workbook(tmp_path, {"S": []}, "empty.xlsx"))
