"""Image references of feeds: found under the roots, never outside them."""

from pathlib import Path

import pytest

from data.errors import InvalidImage
from data.readers import is_url, resolve_image


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


def test_paths_of_windows_and_names_of_a_macs_disk_are_found(tmp_path: Path) -> None:
    apart = "\u110f\u1165\u11b8.jpg"  # 컵, as a Mac's disk spells it
    for name in (f"mac/{apart}", "linux/컵.jpg", "a\\b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = {
        "mac/컵.jpg": tmp_path / "mac" / apart, "mac\\컵.jpg": tmp_path / "mac" / apart,
        f"linux\\{apart}": tmp_path / "linux" / "컵.jpg", "a\\b.jpg": tmp_path / "a\\b.jpg",
    }  # fmt: skip
    assert {reference: resolve_image(reference, [tmp_path]) for reference in found} == found
    with pytest.raises(InvalidImage) as caught:
        resolve_image("..\\..\\etc\\passwd", [tmp_path])
    assert caught.value.code == "outside_root"


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
