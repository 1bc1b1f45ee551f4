"""Several photos in one cell: told apart by what looks like a photo, and by what is there."""

import pytest

from data.readers.image_cells import split_references

FILES = {"red, big mug.jpg", "x y.jpg", "1;2.jpg", "plain", "also plain"}


@pytest.mark.parametrize(
    ("text", "photos"),
    [
        ("photos/a.jpg", ["photos/a.jpg"]),
        ("photos/a.jpg, photos/b.JPEG", ["photos/a.jpg", "photos/b.JPEG"]),
        ("a.jpg|b.png | c.webp", ["a.jpg", "b.png", "c.webp"]),
        ("a.jpg;b.jpg,c.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("a.jpg b.jpg\tc.heic", ["a.jpg", "b.jpg", "c.heic"]),
        ("a.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
        ('["a.jpg", " b, c.jpg"]', ["a.jpg", "b, c.jpg"]),
        ("red, big mug.jpg", ["red, big mug.jpg"]),
        ("x y.jpg", ["x y.jpg"]),
        ("1;2.jpg", ["1;2.jpg"]),
        ("1;2.jpg;x y.jpg", ["1", "2.jpg", "x y.jpg"]),
        ("x y.jpg, plain", ["x y.jpg", "plain"]),
        ("blue, small mug.jpg", ["blue, small mug.jpg"]),
        ("빨간 컵.jpg", ["빨간 컵.jpg"]),
        ("front;side", ["front", "side"]),
        ("https://e.x/w_2,h_3/a.jpg", ["https://e.x/w_2,h_3/a.jpg"]),
        ("https://e.x/a.jpg, https://e.x/b?x=1,2", ["https://e.x/a.jpg", "https://e.x/b?x=1,2"]),
        ("HTTPS://e.x/a b.jpg", ["HTTPS://e.x/a b.jpg"]),
        ("a.jpg, https://e.x/b", ["a.jpg", "https://e.x/b"]),
        ("a.jpg;;a.jpg; ", ["a.jpg", "a.jpg"]),
        ("[not json", ["[not json"]),
        ("[1, 2]", ["[1, 2]"]),
        (" ; ", []),
        ("", []),
    ],
)
def test_photos_of_a_cell(text: str, photos: list[str]) -> None:
    assert split_references(text, FILES, separator=";") == photos


def test_without_a_separator_a_semicolon_splits_only_what_looks_like_photos() -> None:
    assert split_references("z;1.jpg", FILES) == ["z;1.jpg"]
    assert split_references("z.png;1.jpg", FILES) == ["z.png", "1.jpg"]
