"""Text in other encodings than UTF-8: detected, said, and read to the last row."""

import codecs
from pathlib import Path

import pytest
from feed_files import codes, feed, rows
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.errors import InvalidFeed
from data.readers import FeedOptions, open_feed
from data.readers.rows import Row

KOREAN = [
    "빨간 머그컵",
    "여성 니트",
    "원목 의자",
    "쌍꺼풀 똠얌",
    "컵",
    "스니커즈",
    "린넨 쿠션 커버 45x45",
    "핸드메이드 도자기 접시",
]
WESTERN = [
    "Café crème – 12 €",
    "Größe",
    "Übergröße für Männer",
    "mañana",
    "São João",
    "Fräulein",
    "½ Tasse",
    "Æblemost 30°",
]


CHINESE = [
    "红色陶瓷马克杯大容量办公室咖啡杯",
    "春夏新款女士连衣裙，修身显瘦",
    "男士运动鞋，轻便防滑，透气网面",
    "儿童益智玩具积木",
    "家用不锈钢保温杯",
]


SYLLABLES = st.sampled_from(
    [chr(0xAC00 + 588 * first + 28 * second) for first in range(19) for second in (0, 4, 8, 20)]
)


def notes_of(path: Path, encoding: str = "") -> tuple[list[str], list[object]]:
    with open_feed(path, FeedOptions(encoding=encoding)) as opened:
        titles = [row.fields["title"] if isinstance(row, Row) else row.code for row in opened.rows]
        return [note for note in opened.notes if note.startswith("read as")], titles


@pytest.mark.parametrize("title", [*KOREAN, *WESTERN])
@pytest.mark.parametrize("lines", [1, 3])
def test_korean_is_told_from_western_in_short_files(tmp_path: Path, title: str, lines: int) -> None:
    encoding, name = ("cp949", "CP949 (Korean)") if title in KOREAN else ("cp1252", "Windows-1252")
    text = "product_id,title\n" + f"a,{title}\n" * lines
    [note], titles = notes_of(feed(tmp_path, text.encode(encoding)))
    assert name in note
    assert "--encoding" in note
    assert titles == [title] * lines


def test_chinese_is_told_from_korean(tmp_path: Path) -> None:
    text = "product_id,title\n" + "".join(f"p{n},{title}\n" for n, title in enumerate(CHINESE))
    [note], titles = notes_of(feed(tmp_path, text.encode("gb18030")))
    assert "GB18030 (Chinese)" in note
    assert titles == CHINESE
    korean = "product_id,title\np1,美 빨간 머그컵 (無광) 中형 사이즈\n"
    [note], titles = notes_of(feed(tmp_path, korean.encode("cp949")))
    assert "CP949" in note
    assert titles == ["美 빨간 머그컵 (無광) 中형 사이즈"]


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(SYLLABLES, min_size=2, max_size=6), min_size=2, max_size=5))
def test_any_korean_words_are_korean(tmp_path_factory: pytest.TempPathFactory, words: list[list[str]]) -> None:
    titles = ["".join(word) for word in words]
    text = "상품코드,product_id,title\n" + "".join(f"x,{n},{title}\n" for n, title in enumerate(titles))
    assert notes_of(feed(tmp_path_factory.mktemp("ko"), text.encode("cp949")))[1] == titles


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF16_LE])
@pytest.mark.parametrize("header", ["product_id,title,가격", "product_id\ttitle\t가격", '"product_id";"title";"가격"'])
def test_utf_16_with_and_without_mark(tmp_path: Path, mark: bytes, header: str) -> None:
    text = f"{header}\n" + header.replace("product_id", "a").replace("title", "빨간 컵") + "\n"
    for encoding, order in (("utf-16-le", mark), ("utf-16-be", mark[::-1])):
        [note], titles = notes_of(feed(tmp_path, order + text.encode(encoding), "feed.txt"))
        assert "UTF-16" in note
        assert titles == ["빨간 컵"]


def test_utf_32_with_a_mark(tmp_path: Path) -> None:
    text = "product_id,title\na,빨간 컵\n"
    for mark, encoding in ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")):
        [note], titles = notes_of(feed(tmp_path, mark + text.encode(encoding)))
        assert "UTF-32" in note
        assert titles == ["빨간 컵"]


def test_one_bad_byte_costs_one_row(tmp_path: Path) -> None:
    lines = [b"product_id,title"] + [f"p{n},빨간 컵 {n}".encode() for n in range(200)]
    lines[100] = lines[100].replace("빨".encode(), b"\xe9")
    notes, titles = notes_of(feed(tmp_path, b"\n".join(lines) + b"\n"))
    assert notes == []
    assert titles.pop(99) == "bad_encoding"
    assert titles == [f"빨간 컵 {n}" for n in range(200) if n != 99]
    lines = [b"product_id,title"] + [f"p{n},빨간 컵 {n}".encode("cp949") for n in range(200)]
    lines[100] = lines[100].replace("빨".encode("cp949"), b"\xff")
    notes, titles = notes_of(feed(tmp_path, b"\n".join(lines) + b"\n"))
    assert "CP949" in notes[0]
    assert titles.count("bad_encoding") == 1


def test_half_a_character_at_the_end_of_utf_16_is_told(tmp_path: Path) -> None:
    content = "product_id,title\na,Mug\nb,Cup\n".encode("utf-16-le")[:-3]
    assert codes(rows(feed(tmp_path, codecs.BOM_UTF16_LE + content))) == [(2, ""), (3, "bad_encoding")]


def test_special_characters_may_come_late(tmp_path: Path) -> None:
    text = "product_id,title\n" + "a,plain\n" * 200_000 + "b,빨간 컵\n"
    notes, titles = notes_of(feed(tmp_path, text.encode("cp949")))
    assert (len(notes), titles[-1]) == (1, "빨간 컵")


def test_a_named_encoding_wins(tmp_path: Path) -> None:
    path = feed(tmp_path, "product_id,title\na,ÀÌ»ó\n".encode("cp1252"))  # as Korean bytes, 이상
    assert notes_of(path, "windows-1252") == (["read as Windows-1252"], ["ÀÌ»ó"])
    assert notes_of(path, "euc-kr")[1] == ["이상"]
    assert notes_of(feed(tmp_path, "product_id,title\na,Ω\n".encode("cp1253")), "cp1253") == (["read as cp1253"], ["Ω"])
    for name in ("klingon", "base64", "rot13"):
        with pytest.raises(InvalidFeed, match="--encoding must be"):
            notes_of(path, name)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(tmp_path: Path, encoding: str, newline: str) -> None:
    text = newline.join(["product_id,title", 'a,"두 줄', '째"', "b,컵", ""])
    _, titles = notes_of(feed(tmp_path, text.encode(encoding)))
    assert titles == [f"두 줄{newline}째", "컵"]


@pytest.mark.parametrize("encoding", ["utf-16", "cp949"])
def test_json_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    line = '{"product_id": "a", "title": "빨간 컵"}'
    for text in (f"{line}\n{line}\n", f"[{line},\n {line}]"):
        assert notes_of(feed(tmp_path, text.encode(encoding), "feed.json"))[1] == ["빨간 컵"] * 2
