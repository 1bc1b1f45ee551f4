"""JSON feeds that are not one object a line, and what people and programs get wrong in JSON."""

import json
from pathlib import Path

import pytest
from feed_files import codes, feed, format_of, rows
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.readers.files import json_document
from data.readers.records import BadRow
from data.readers.rows import Row

TWO = [{"product_id": "a", "title": 'Mug, "big"', "images": ["a.jpg"]}, {"product_id": "b", "title": "컵 {1} [2]"}]
SAME_FOLDER = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(folder: Path, text: str, name: str = "feed.json") -> list[Row | BadRow]:
    return rows(feed(folder, text, name))


def fields(found: list[Row | BadRow]) -> list[object]:
    return [dict(row.fields) if isinstance(row, Row) else row.code for row in found]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: rows,
        lambda rows: {"products": rows},
        lambda rows: {"count": 2, "note": "items: [", "data": {"items": rows}, "next": None},
        lambda rows: {"@context": "https://schema.org", "@graph": rows},
    ],
)
def test_arrays_and_objects_around_them(tmp_path: Path, wrap: object, indent: int | None) -> None:
    text = json.dumps(wrap(TWO), indent=indent, ensure_ascii=False)  # type: ignore[operator]
    found = read(tmp_path, text)
    assert fields(found) == [{"product_id": "a", "title": 'Mug, "big"'}, {"product_id": "b", "title": "컵 {1} [2]"}]
    assert isinstance(found[0], Row)
    assert found[0].images == ("a.jpg",)
    if indent:
        assert text.splitlines()[found[1].line - 1].strip() == "{", "the line says where the object begins"


@pytest.mark.parametrize("count", [1, 2])
def test_objects_printed_over_several_lines(tmp_path: Path, count: int) -> None:
    text = "\n".join(json.dumps(row, indent=2, ensure_ascii=False) for row in TWO[:count])
    assert len(fields(read(tmp_path, text))) == count
    text = json.dumps({"product_id": "a", "items": [{"x": 1}]})
    assert fields(read(tmp_path, text)) == [{"product_id": "a"}], "a product with a list is no list of products"


def test_a_bad_object_costs_only_itself(tmp_path: Path) -> None:
    bad = ['{"product_id": "x" "y": 1}', "5", "null", '"text"', "[1]", '{"product_id": "x", "title": "#"}', "word"]
    for one in bad:
        text = f'[{{"product_id": "a"}}, {one}, {{"product_id": "b"}}]'
        found = rows(feed(tmp_path, text.encode().replace(b"#", b"\xff"), "feed.json"))
        assert [code for _, code in codes(found)] == ["", "bad_encoding" if "#" in one else "bad_json", ""], one


def test_arrays_that_follow_each_other(tmp_path: Path) -> None:
    found = read(tmp_path, '[{"product_id": "a"}]\n[{"product_id": "b"}, {"product_id": "c"}]\n[]\nend')
    assert fields(found) == [{"product_id": "a"}, {"product_id": "b"}, {"product_id": "c"}, "bad_json"]


@pytest.mark.parametrize("end", range(1, 60))
def test_a_document_that_is_cut_says_so(tmp_path: Path, end: int) -> None:
    text = json.dumps(TWO)
    for cut in (text[:-end], json.dumps({"products": TWO})[:-end]):
        assert format_of(feed(tmp_path, cut, "feed.json")) == "json"
        last = read(tmp_path, cut)[-1]
        if cut.endswith("}]"):  # only the brace of the object around the list is gone
            assert isinstance(last, Row)
        else:
            assert isinstance(last, BadRow)
            assert last.product_id == ""


def test_what_people_get_wrong_is_forgiven(tmp_path: Path) -> None:
    lines = [
        '{"product_id": "a", "title": "x,}",}',
        '{"product_id": "b", "images": ["b.jpg",],},',
        '{"product_id": "c"}',
    ]
    expected = [{"product_id": "a", "title": "x,}"}, {"product_id": "b"}, {"product_id": "c"}]
    assert fields(read(tmp_path, "\n".join(lines), "feed.jsonl")) == expected
    assert fields(read(tmp_path, "[" + "\n".join(lines) + ",]")) == [
        "bad_json" if row is None else row for row in expected
    ]
    [row] = read(tmp_path, f'{{"product_id": "a", "price": {"9" * 5000}}}')
    assert isinstance(row, Row)
    assert row.fields["price"] == "9" * 5000


def test_a_name_given_twice_is_told(tmp_path: Path) -> None:
    [title, product_id, same] = read(
        tmp_path,
        '{"product_id": "a", "title": "x", "title": "y"}\n{"product_id": "b", "product_id": "c"}\n'
        '{"product_id": "d", "in_stock": true, "in_stock": true}\n',
        "feed.jsonl",
    )
    assert isinstance(title, Row)
    assert (title.fields["title"], [warning.code for warning in title.warnings]) == ("y", ["repeated_name"])
    assert isinstance(product_id, BadRow)
    assert (product_id.code, product_id.product_id) == ("repeated_name", "")
    assert isinstance(same, Row)
    assert same.warnings == ()


def test_an_object_without_end_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "LINE_LIMIT", 1_000)
    monkeypatch.setattr(json_document, "_BLOCK", 100)
    many = json.dumps({"product_id": "long", "images": [f"{number}.jpg" for number in range(1_000)]})
    text = f'[{{"product_id": "a"}}, {many}, {{"product_id": "b"}}]'
    assert [code for _, code in codes(read(tmp_path, text))] == ["", "line_too_long", ""]
    text = '[{"product_id": "a"}, {"product_id": "' + "x" * 5_000 + '"}, {"product_id": "b"}]'
    assert [code for _, code in codes(read(tmp_path, text))] == ["", "cut"], "the reading ends, and says so"


@SAME_FOLDER
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6),
    indent=st.sampled_from([None, 1]),
    ascii=st.booleans(),
    block=st.integers(1, 40),
)
def test_no_object_is_lost_wherever_the_blocks_end(
    tmp_path: Path, texts: list[str], indent: int | None, ascii: bool, block: int
) -> None:
    facts = [{"product_id": str(number), "title": text, "nested": {text: [text]}} for number, text in enumerate(texts)]
    path = feed(tmp_path, json.dumps(facts, indent=indent, ensure_ascii=ascii), "feed.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_document, "_BLOCK", block)
        assert fields(rows(path, "json")) == [{name: fact[name] for name in ("product_id", "title")} for fact in facts]
