"""Feeds of JSON lines, of folders and of Google's CSV, and what holds of every format."""

import json
import tracemalloc
from pathlib import Path

import pytest
from feed_files import codes, feed, format_of, parquet, rows
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.catalogue import parse_product
from data.errors import InvalidFeed, InvalidProduct
from data.readers import FeedOptions, open_feed
from data.readers.rows import Row
from data.readers.sources.lines import LINE_LIMIT

# JSON Lines


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        '\ufeff{"product_id": "a", "price": 1.5, "images": ["x.jpg", "y.jpg"]}', "", "  ", '{"product_id": "b"',
        "[1]", '{"product_id": "c", "image": "z;1.jpg"}', '{"product_id": "d", "images": [1]}',
        '{"product_id": "e", "images": null}', "[" * 100_000, '{"product_id": "f", "product_id": "g"}',
        '{"product_id": "h", "images": {"a": 1}}',
    ]  # fmt: skip
    found = rows(feed(tmp_path, "\n".join(lines), "feed.jsonl"))
    assert found[0] == Row(1, {"product_id": "a", "price": 1.5}, ("x.jpg", "y.jpg"))
    assert found[3] == Row(6, {"product_id": "c"}, ("z;1.jpg",))
    assert found[5] == Row(8, {"product_id": "e"}, ())
    assert [[warning.code for warning in row.warnings] for row in found if isinstance(row, Row)] == [
        [], [], ["bad_images"], [], ["bad_images"],
    ]  # fmt: skip
    assert codes(found) == [
        (1, ""), (4, "bad_json"), (5, "bad_json"), (6, ""), (7, ""), (8, ""), (9, "bad_json"), (10, "repeated_name"),
        (11, ""),
    ]  # fmt: skip


def test_bad_jsonl_lines_cost_only_themselves(tmp_path: Path) -> None:
    content = b'{"product_id": "\xff"}\n{"product_id": "a", "title": "' + b"x" * LINE_LIMIT + b'"}\n{"product_id": "b"}'
    assert codes(rows(feed(tmp_path, content, "a.jsonl"))) == [(1, "bad_encoding"), (2, "line_too_long"), (3, "")]


@hypothesis_settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_are_rows_or_a_clear_refusal(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("any")
    for content, format in ((b"\n".join(pieces), "jsonl"), (b"product_id,title\n" + b"\n".join(pieces), "csv")):
        path = feed(folder, content, format)
        for chosen in (format, "auto", "google-csv", "parquet"):
            try:
                for row in rows(path, chosen):
                    assert isinstance(row, Row) or row.message.encode("utf-8")
            except InvalidFeed as error:
                str(error).encode("utf-8")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@hypothesis_settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["product_id", "title", "price", "created_at", "in_stock", "attributes", "attr.x"]), JSON
    )
)
def test_any_json_object_is_a_product_or_a_clear_refusal(fields: dict[str, object]) -> None:
    try:
        parse_product(json.loads(json.dumps(fields)))
    except InvalidProduct as error:
        str(error).encode("utf-8")


# Folder per category


def test_a_folder_per_category(tmp_path: Path) -> None:
    names = [
        "Red shoes/red canvas shoe.jpg", "Red shoes/IMG_0001.JPG", "머그컵/a.png", "deep/er/x-y.webp", "loose.gif",
        "Red shoes/notes.txt", "Red shoes/.hidden.jpg", ".git/a.jpg", "Red shoes/old.bmp",
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [row for row in rows(tmp_path) if isinstance(row, Row)]
    assert [(row.fields["product_id"], row.fields["category"], row.fields["title"]) for row in found] == [
        ("loose", "", "loose"),
        ("Red shoes~IMG_0001", "Red shoes", "Red shoes"),
        ("Red shoes~old", "Red shoes", "old"),
        ("Red shoes~red canvas shoe", "Red shoes", "red canvas shoe"),
        ("deep~er~x-y", "er", "x y"),
        ("머그컵~a", "머그컵", "a"),
    ]
    assert [row.line for row in found] == [1, 2, 3, 4, 5, 6]
    assert all(row.only_image and row.images and Path(str(row.images[0])).is_file() for row in found)
    assert all(parse_product(row.fields) for row in found)


def test_hangul_in_pieces_becomes_whole(tmp_path: Path) -> None:
    folder = tmp_path / "\u1106\u1165\u1100\u1173"  # 머그, as a Mac's disk spells it
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"x")
    [row] = rows(tmp_path)
    assert isinstance(row, Row)
    assert row.fields["category"] == "머그"
    assert row.images == (str(folder / "1.jpg"),)


def test_a_circle_of_folders_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(b"x")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(rows(tmp_path)) == 1


# Google Product Search CSV

GOOGLE = [
    "gs://shop/a1.jpg,img1,set,p1,homegoods-v2,Red mug,\"color=red,material=clay,color=white\",\"0,0,1,0,1,1,0,1\"",
    "gs://shop/b1.jpg,,set,p2,homegoods-v2,Chair,,",
    "gs://shop/a2.jpg,img2,set,p1,,,size=L,",
    "gs://shop/c.jpg,,set,,homegoods-v2,Nobody,,",
    "gs://shop/d.jpg,,set,p4,x,y,nonsense,",
    "too,few",
]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    ["", "image-uri,image-id,product-set-id,product-id,product-category,product-display-name,labels,bounding-poly\n"],
)
def test_google_lines_of_one_product_become_one(tmp_path: Path, header: str) -> None:
    path = feed(tmp_path, header + "\n".join(GOOGLE) + "\n")
    assert format_of(path) == "google-csv"
    found, first = rows(path), 2 if header else 1
    products = [row for row in found if isinstance(row, Row)]
    assert [(row.line, row.fields["product_id"], row.images) for row in products] == [
        (first, "p1", ("gs://shop/a1.jpg", "gs://shop/a2.jpg")),
        (first + 1, "p2", ("gs://shop/b1.jpg",)),
    ]
    assert products[0].fields["title"] == "Red mug"
    assert products[0].fields["category"] == "homegoods-v2"
    assert products[0].fields["attributes"] == {"color": "red, white", "material": "clay", "size": "L"}
    assert [code for _, code in codes(found) if code] == ["missing_product_id", "bad_attributes", "wrong_columns"]


# Every format


def test_formats_are_told_apart_by_content(tmp_path: Path) -> None:
    assert format_of(feed(tmp_path, "x,product_id\n", "feed.txt")) == "csv"
    assert format_of(feed(tmp_path, "product_id\ttitle\n", "feed.dat")) == "csv"
    assert format_of(feed(tmp_path, '\ufeff  {"product_id": 1}', "feed.csv")) == "json"
    assert format_of(feed(tmp_path, "", "feed.jsonl")) == "jsonl"
    assert format_of(parquet(tmp_path, {"product_id": ["a"]})) == "parquet"
    assert format_of(feed(tmp_path, '[{"product_id": 1}]', "feed.jsonl")) == "json"
    assert format_of(feed(tmp_path, '{\n  "product_id": 1}', "feed.jsonl")) == "json"
    assert format_of(feed(tmp_path, '{"product_id": 1\n{"product_id": 2}', "feed.json")) == "jsonl"
    with pytest.raises(InvalidFeed, match="a photo"):
        format_of(feed(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100), "feed.png"))


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "google-csv"])
def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path, format: str) -> None:
    with pytest.raises(InvalidFeed):
        rows(tmp_path, format)
    with pytest.raises(InvalidFeed):
        rows(feed(tmp_path, "product_id\na\n"), "folder")
    with pytest.raises(InvalidFeed):
        rows(tmp_path / "none", format)


@pytest.mark.parametrize("format", ["csv", "jsonl", "google-csv"])
def test_memory_does_not_grow_with_the_feed(tmp_path: Path, format: str) -> None:
    title = "x" * 500
    line = {
        "csv": lambda number: f"p{number},{title}\n",
        "jsonl": lambda number: json.dumps({"product_id": f"p{number}", "title": title}) + "\n",
        "google-csv": lambda number: f"gs://a/{number}.jpg,,s,p{number},c,{title},,\n",
    }[format]
    path = tmp_path / "feed"
    with path.open("w") as out:
        out.write("product_id,title\n" if format == "csv" else "")
        out.writelines(map(line, range(8_000)))
    tracemalloc.start()
    try:
        with open_feed(path, FeedOptions(format=format)) as opened:
            assert sum(1 for _ in opened.rows) == 8_000
        assert tracemalloc.get_traced_memory()[1] < 1_500_000 < path.stat().st_size / 2.5
    finally:
        tracemalloc.stop()
