"""Folders of photos as computers leave them: links, system files, odd names; nothing is left out unsaid."""

import os
from collections import Counter
from pathlib import Path

import pytest

from data.catalogue import parse_product
from data.readers import open_feed
from data.readers.rows import Row

JPEG = b"\xff\xd8\xff\xe0 the rest of a photo"


def write(root: Path, *names: str, content: bytes = JPEG) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def read(root: Path) -> tuple[dict[str, str], Counter[str]]:
    """Returns the names of the photos by product_id, and what was left out."""
    with open_feed(root) as opened:
        found = [row for row in opened.rows if isinstance(row, Row)]
        assert all(parse_product(row.fields) for row in found)
        assert all(str((row.images or ("",))[0]) in opened.photos for row in found)
        names = {str(row.fields["product_id"]): Path(str((row.images or ("",))[0])).name for row in found}
        assert len(names) == len(found)
        return names, opened.skipped


def test_what_a_computer_adds_is_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "Mugs/a.jpg", "Mugs/._a.jpg", "Mugs/.DS_Store", "Mugs/Thumbs.db", "Mugs/desktop.ini", ".git/x.jpg")
    write(tmp_path, "@eaDir/Mugs/a.jpg", "__MACOSX/Mugs/._a.jpg", "Mugs/a.jpg:Zone.Identifier", "#recycle/b.jpg")
    write(tmp_path, "Mugs/notes.txt", "Mugs/list", content=b"hello")
    names, skipped = read(tmp_path)
    assert names == {"Mugs~a": "a.jpg"}
    assert skipped == {"hidden": 3, "of the system": 6, "no photo": 2}


def test_a_home_in_the_folder_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "Mugs/a.jpg", "var/catalog.db", "var/thumbs/ab/1.webp", "var/sample/Mugs/a.jpg")
    assert read(tmp_path) == ({"Mugs~a": "a.jpg"}, {"a home of Lookalike": 1})
    assert read(tmp_path / "var" / "sample")[0] == {"Mugs~a": "a.jpg"}


def test_a_photo_is_known_by_name_or_content(tmp_path: Path) -> None:
    photos = [
        "m1.JPEG",
        "m2.jfif",
        "m3",
        "m4.jpg.jpg",
        "m7.jpg_large",
        "m8.JPG ",
        "m9.jpe",
        "Nr. 5",
        "x%20y.jpg",
        "b.data",
    ]
    write(tmp_path, *(f"Mugs/{name}" for name in photos))
    write(tmp_path, "Mugs/heic.dat", content=b"\0\0\0\x1cftypheic and more")
    write(tmp_path, "Mugs/webp.dat", content=b"RIFF\0\0\0\0WEBPVP8 ")
    write(tmp_path, "Mugs/sound.dat", content=b"RIFF\0\0\0\0WAVEfmt ")
    names, skipped = read(tmp_path)
    assert set(names.values()) == {*photos, "heic.dat", "webp.dat"}
    assert {"Mugs~m3", "Mugs~m4.jpg", "Mugs~m7", "Mugs~m8", "Mugs~Nr. 5", "Mugs~x%20y"} <= set(names)
    assert skipped == {"no photo": 1}


def test_names_that_are_no_ids_become_some(tmp_path: Path) -> None:
    long = "가" * 80  # 240 bytes
    write(tmp_path, "Mugs/back\\slash.jpg", f"{long}/{long}.jpg", f"{long}/{long[:-1]}각.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/Mugs/caf\xe9.jpg")).write_bytes(JPEG)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/Mugs/" + "컵".encode("cp949") + b".jpg")).write_bytes(JPEG)
    names, _ = read(tmp_path)
    assert {"Mugs~back_slash", "Mugs~café", "Mugs~컵"} < set(names)
    assert len(names) == 5
    assert max(map(len, names)) <= 200


def test_links_inside_are_followed_and_lead_nowhere_else(tmp_path: Path) -> None:
    root, outside = tmp_path / "shop", tmp_path / "outside"
    write(root, "Mugs/a.jpg", "Mugs/deep/b.jpg", ".store/c.jpg")
    write(outside, "secret.jpg")
    (root / "Sale").symlink_to(root / "Mugs")
    (root / "Store").symlink_to(root / ".store")
    (root / "Mugs" / "again.jpg").symlink_to("a.jpg")
    (root / "Mugs" / "loop").symlink_to(root)
    (root / "Mugs" / "self").symlink_to(root / "Mugs" / "self")
    (root / "Out").symlink_to(outside)
    (root / "gone").symlink_to(tmp_path / "nowhere")
    names, skipped = read(root)
    assert names == {
        "Mugs~a": "a.jpg", "Mugs~again": "again.jpg", "Mugs~deep~b": "b.jpg",
        "Sale~a": "a.jpg", "Sale~again": "again.jpg", "Sale~deep~b": "b.jpg", "Store~c": "c.jpg",
    }  # fmt: skip
    assert skipped == {"a link in a circle": 2, "a link out of the feed": 1, "a broken link": 3, "hidden": 1}


@pytest.mark.parametrize("folders", [12])
def test_links_cannot_multiply(tmp_path: Path, folders: int) -> None:
    """Each folder holds a link to each other one: following all would take twelve factorial steps."""
    for number in range(folders):
        write(tmp_path, f"{number}/a.jpg")
    for number in range(folders):
        for other in range(folders):
            (tmp_path / str(number) / f"to {other}").symlink_to(tmp_path / str(other))
    names, skipped = read(tmp_path)
    assert len(names) == folders**2
    assert skipped["a link in a circle"] == folders + folders * (folders - 1) * folders
