"""Feeds in gzip, in a zip, and from a pipe: what is in them is read, and within limits."""

import gzip
import io
import os
import stat
import sys
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from feed_files import feed, parquet, rows

from data.errors import InvalidFeed
from data.readers import FeedOptions, open_feed
from data.readers.rows import Row
from data.readers.sources import archive as archives
from data.readers.sources import containers

CSV = "product_id,title,image\na,Mug,photos/1.jpg\nb,컵,photos/2.jpg\n"
ROWS = [
    Row(2, {"product_id": "a", "title": "Mug"}, ("photos/1.jpg",)),
    Row(3, {"product_id": "b", "title": "컵"}, ("photos/2.jpg",)),
]


def packed(folder: Path, members: Mapping[str, bytes | str], name: str = "feed.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members.items():
            file.writestr(member, content)
    return folder / name


@pytest.mark.parametrize("text", [CSV.encode(), CSV.encode("utf-16"), CSV.encode("cp949")])
def test_gzip_is_unpacked(tmp_path: Path, text: bytes) -> None:
    assert rows(feed(tmp_path, gzip.compress(text), "feed.csv.gz")) == ROWS
    assert rows(packed(tmp_path, {"feed.csv.gz": gzip.compress(text)})) == ROWS
    assert rows(feed(tmp_path, gzip.compress(gzip.compress(text)), "feed")) == ROWS


def test_parquet_may_be_packed(tmp_path: Path) -> None:
    content = parquet(tmp_path, {"product_id": ["a", "b"]}).read_bytes()
    assert len(rows(feed(tmp_path, gzip.compress(content), "feed.parquet.gz"))) == 2


def test_nothing_is_left_of_what_was_unpacked(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = feed(tmp_path, gzip.compress(CSV.encode()), "feed.csv.gz")
    with open_feed(path, FeedOptions(scratch=scratch)) as opened:
        assert next(opened.rows) == ROWS[0]
        assert os.listdir(scratch) == []  # noqa: PTH208 - a kill leaves nothing, because it never has a name


def test_a_zip_is_read_with_its_photos(tmp_path: Path) -> None:
    members: dict[str, bytes | str] = {
        "shop/feed.csv": CSV, "shop/photos/1.jpg": b"one", "photos/2.jpg": b"two", "shop/readme.txt": b"Hello, you",
        "__MACOSX/shop/._feed.csv": b"x", "shop/.DS_Store": b"x", "shop/Thumbs.db": b"x",
    }  # fmt: skip
    with open_feed(packed(tmp_path, members)) as opened:
        assert list(opened.rows) == ROWS
        assert [opened.photos.find(name, 100) for name in ("photos/1.jpg", "photos/2.jpg")] == [b"one", b"two"]
        assert opened.photos.find("./photos/1.jpg", 2) == b"on", "no more than was asked for is unpacked"
        assert "photos/none.jpg" not in opened.photos
        assert "../feed.zip" not in opened.photos
        assert opened.skipped == {"of the system": 2, "hidden": 1}


def test_a_zip_of_photos_is_a_folder_per_category(tmp_path: Path) -> None:
    members = {"컵/a.jpg": b"x", "Bags/b.PNG": b"y", "notes.txt": b"thanks", "Bags/c": b"\xff\xd8\xff\xe0 and more"}
    with open_feed(packed(tmp_path, members)) as opened:
        found = [row for row in opened.rows if isinstance(row, Row)]
        assert [row.fields["product_id"] for row in found] == ["Bags~b", "Bags~c", "컵~a"]
        assert opened.photos.find(str((found[2].images or ("",))[0]), 9) == b"x"
        assert opened.skipped == {"no photo": 1}


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_names_in_a_zip_of_an_older_program(tmp_path: Path, encoding: str) -> None:
    """Such a zip does not say how its names are encoded; a Mac's disk also takes Hangul apart."""
    name = "사진/컵.jpg".encode(encoding)
    stand_in = "x" * len(name)
    path = packed(tmp_path, {"feed.csv": CSV, stand_in: b"photo"})
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name))
    with open_feed(path) as opened:
        assert opened.photos.find("사진/컵.jpg", 9) == b"photo"


def test_hangul_in_pieces_in_a_zip_is_found(tmp_path: Path) -> None:
    with open_feed(packed(tmp_path, {"feed.csv": CSV, "\u1106\u1165\u1100\u1173.jpg": b"photo"})) as opened:
        assert opened.photos.find("머그.jpg", 9) == b"photo"


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"]
)
def test_a_member_that_leads_out_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidFeed, match=r"evil\.jpg.*leads out"):
        rows(packed(tmp_path, {"feed.csv": CSV, name: b"x"}))


def test_links_and_encrypted_members_are_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as file:
        file.writestr("feed.csv", CSV)
        file.writestr(link(), "/etc/passwd")
    with pytest.raises(InvalidFeed, match=r"link\.jpg.*is a link"):
        rows(tmp_path / "link.zip")
    path = packed(tmp_path, {"feed.csv": CSV})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1  # the flag "encrypted" in the list of members
    path.write_bytes(content)
    with pytest.raises(InvalidFeed, match=r"feed\.csv.*encrypted"):
        rows(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = "product_id,title\n" + "a," + "x" * 900_000 + "\n"
    monkeypatch.setattr(containers, "_RATIO_FROM_BYTES", 100_000)
    monkeypatch.setattr(archives, "_RATIO_FROM_BYTES", 100_000)
    for path in (feed(tmp_path, gzip.compress(big.encode()), "feed.gz"), packed(tmp_path, {"feed.csv": big})):
        with pytest.raises(InvalidFeed, match="must unpack to at most"):
            rows(path)
    monkeypatch.setattr(archives, "_DIRECTORY_BYTES", 1_000)
    with pytest.raises(InvalidFeed, match="must list its files"):
        rows(packed(tmp_path, {f"{number}.jpg": b"x" for number in range(100)}))


def test_damage_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(CSV.encode() * 100)
    for content in (whole[:-12], whole[:40] + b"x" + whole[41:]):
        with pytest.raises(InvalidFeed, match="must be whole"):
            rows(feed(tmp_path, content, "feed.csv.gz"))
    path = packed(tmp_path, {"feed.csv": CSV * 100})
    content = path.read_bytes()
    for damaged in (content[:-30], content[:60] + b"xx" + content[62:]):
        with pytest.raises(InvalidFeed, match="must be whole"):
            rows(feed(tmp_path, damaged, "feed.zip"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(100), "xls"), (b"BZh91AY", "bzip2"), (b"7z\xbc\xaf\x27", "7-Zip"),
        (b"%PDF-1.7", "PDF"),
        (bytes(257) + b"ustar\0" + bytes(300), "tar"),
    ],
)  # fmt: skip
def test_other_containers_are_named(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(InvalidFeed, match=told):
        rows(feed(tmp_path, content))


def test_a_zip_with_several_feeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFeed, match=r"a\.csv, b\.json"):
        rows(packed(tmp_path, {"a.csv": CSV, "b.json": "{}"}))
    inner = packed(tmp_path, {"a.csv": CSV}, "inner.zip").read_bytes()
    with pytest.raises(InvalidFeed, match="packed more than once"):
        rows(packed(tmp_path, {"feed.csv": inner}))


def test_a_feed_may_come_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(CSV.encode()))))
    assert rows(Path("-")) == ROWS
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(CSV, encoding="utf-8"))
    writer.start()
    assert rows(tmp_path / "pipe") == ROWS
    writer.join()
