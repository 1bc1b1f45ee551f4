"""Feeds in every format, well made and not."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.errors import InvalidFeed, InvalidImage, InvalidProduct
from data.products import parse_product
from data.reader_images import is_url, resolve_image
from data.reader_rows import LINE_LIMIT, BadRow, Row
from data.readers import detect_format, read_feed

PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


def rows(path: Path, format: str = "auto") -> list[Row | BadRow]:
    return list(read_feed(path, format))


def codes(found: Iterable[Row | BadRow]) -> list[tuple[int, str]]:
    return [(row.line, row.code if isinstance(row, BadRow) else "") for row in found]


def feed(folder: Path, content: str | bytes, name: str = "feed.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# CSV


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
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


@pytest.mark.parametrize("content", ["", "\n", "id,title\na,b\n", "product_id,title,Title\na,b,c\n", "\xff,\xfe\n"])
def test_csv_without_a_good_header_is_refused_as_a_whole(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidFeed):
        rows(feed(tmp_path, content.encode("latin-1")))


def test_utf_16_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFeed, match="UTF-16"):
        rows(feed(tmp_path, "product_id,title\na,b\n".encode("utf-16")))


@hypothesis_settings(deadline=None)
@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=6))
def test_what_the_csv_module_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("product_id", "title"), *pairs])
    path = feed(tmp_path_factory.mktemp("csv"), out.getvalue())
    expected = [{"product_id": one, "title": two} for one, two in pairs if one.strip() or two.strip()]
    assert [dict(row.fields) for row in rows(path, "csv") if isinstance(row, Row)] == expected


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
    assert found[7] == Row(10, {"product_id": "g"}, None)
    assert codes(found) == [
        (1, ""), (4, "bad_json"), (5, "bad_json"), (6, ""), (7, "bad_images"), (8, ""), (9, "bad_json"), (10, ""),
        (11, "bad_images"),
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


# Parquet


def parquet(folder: Path, columns: dict[str, object], **options: object) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), folder / "feed.parquet", **options)
    return folder / "feed.parquet"


def test_parquet(tmp_path: Path) -> None:
    import pyarrow

    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    path = parquet(
        tmp_path,
        {
            "product_id": ["a", "b"],
            "title": pyarrow.array(["빨강", "빨강"]).dictionary_encode(),
            "price": pyarrow.array([Decimal("1.50"), None], pyarrow.decimal128(9, 2)),
            "created_at": pyarrow.array([moment, None], pyarrow.timestamp("ns", "UTC")),
            "images": [["a.jpg", "b.jpg"], None],
            "attributes": pyarrow.array([[("size", "L")], []], pyarrow.map_(pyarrow.string(), pyarrow.string())),
            "attr.kids": [True, None],
            "attr.weight": [float("nan"), 2.5],
            "something else": [b"\0", b"\1"],
        },
    )
    first, second = rows(path)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.line, first.images, second.line, second.images) == (1, ("a.jpg", "b.jpg"), 2, ())
    product = parse_product(first.fields)
    assert (product.title, product.price, product.created_at) == ("빨강", 1.5, moment)
    assert product.attributes == {"size": "L", "kids": True}
    assert parse_product(second.fields).attributes == {"weight": 2.5}
    assert "something else" not in first.fields


def test_parquet_with_finer_moments_than_python_holds(tmp_path: Path) -> None:
    import pyarrow

    moments = pyarrow.array([1_700_000_000_123_456_789], pyarrow.timestamp("ns"))
    [row] = rows(parquet(tmp_path, {"product_id": ["a"], "created_at": moments, "attributes": [{"size": "L"}]}))
    assert isinstance(row, Row)
    assert parse_product(row.fields).created_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert parse_product(row.fields).attributes == {"size": "L"}
    [row] = rows(parquet(tmp_path, {"product_id": [7], "created_at": [date(2026, 1, 2)], "image": ["a;b.jpg"]}))
    assert isinstance(row, Row)
    assert parse_product(row.fields).product_id == "7"
    assert row.images == ("a;b.jpg",)


@pytest.mark.parametrize(
    "columns",
    [{"id": ["a"]}, {"product_id": [b"a"]}, {"product_id": [["a"]]}, {"product_id": ["a"], "images": [[["a"]]]}],
)
def test_parquet_with_other_types_is_refused(tmp_path: Path, columns: dict[str, object]) -> None:
    with pytest.raises(InvalidFeed):
        rows(parquet(tmp_path, columns))


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"product_id": [f"p{number}" for number in range(1_000)]})
    content = path.read_bytes()
    for end in (4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(InvalidFeed):
            rows(path)


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
    assert all(row.only_image and row.images and Path(row.images[0]).is_file() for row in found)
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
    assert detect_format(path) == "google-csv"
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
    assert detect_format(tmp_path) == "folder"
    assert detect_format(feed(tmp_path, "x,product_id\n", "feed.txt")) == "csv"
    assert detect_format(feed(tmp_path, "product_id\ttitle\n", "feed.dat")) == "csv"
    assert detect_format(feed(tmp_path, '\ufeff  {"product_id": 1}', "feed.csv")) == "jsonl"
    assert detect_format(feed(tmp_path, "", "feed.jsonl")) == "jsonl"
    assert detect_format(parquet(tmp_path, {"product_id": ["a"]})) == "parquet"
    with pytest.raises(InvalidFeed, match="array"):
        detect_format(feed(tmp_path, '[{"product_id": 1}]', "feed.json"))
    with pytest.raises(InvalidFeed, match="--format"):
        detect_format(feed(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100), "feed.png"))


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
        assert sum(1 for _ in read_feed(path, format)) == 8_000
        assert tracemalloc.get_traced_memory()[1] < 1_500_000 < path.stat().st_size / 2.5
    finally:
        tracemalloc.stop()


# Image references


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    for name in ("images/a.jpg", "feed/a.jpg", "feed/b c/한.jpg", "images/sub/g.jpg", "secret.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "feed" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "feed" / "inner.jpg").symlink_to(tmp_path / "feed" / "a.jpg")
    (tmp_path / "feed" / "out").symlink_to(tmp_path)
    (tmp_path / "feed" / "circle.jpg").symlink_to(tmp_path / "feed" / "circle.jpg")
    return [tmp_path / "images", tmp_path / "feed"]


def test_images_are_found_under_the_roots(roots: list[Path]) -> None:
    images, own = roots
    found = {
        "a.jpg": images / "a.jpg", "b c/한.jpg": own / "b c" / "한.jpg", "b c/../b c/한.jpg": own / "b c" / "한.jpg",
        str(own / "a.jpg"): own / "a.jpg", "inner.jpg": own / "a.jpg",
        "gs://bucket/sub/g.jpg": images / "sub" / "g.jpg",
        "gs://sub/g.jpg": images / "sub" / "g.jpg", "gs://bucket/other/a.jpg": images / "a.jpg",
    }  # fmt: skip
    assert {reference: resolve_image(reference, roots) for reference in found} == found


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("../secret.jpg", "outside_root"), ("/etc/passwd", "outside_root"), ("link.jpg", "outside_root"),
        ("out/secret.jpg", "outside_root"), ("b c/../../secret.jpg", "outside_root"), ("none.jpg", "missing_image"),
        ("", "missing_image"), (".", "missing_image"), ("a\0.jpg", "missing_image"), ("x" * 5_000, "missing_image"),
        ("circle.jpg", "missing_image"), ("\ud800.jpg", "missing_image"), ("gs://bucket", "missing_image"),
        ("gs://bucket/../secret.jpg", "outside_root"), ("file:///etc/passwd", "missing_image"),
        ("~/a.jpg", "missing_image"),
    ],
)  # fmt: skip
def test_no_reference_leads_out_of_the_roots(roots: list[Path], reference: str, code: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        resolve_image(reference, roots)
    assert caught.value.code == code
    str(caught.value).encode("utf-8")


def test_urls() -> None:
    assert [is_url(text) for text in ("http://a/b", "HTTPS://a", "ftp://a", "a/http://b", "httpx")] == [
        True,
        True,
        False,
        False,
        False,
    ]
