"""Photos that would keep a decoder busy are refused by their outline; photos as cameras write them are not."""

import contextlib
import time

import hostile_photos as hostile
import image_corpus as corpus
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from data.errors import InvalidImage
from data.photos.caps import check_caps

PLAIN = {kind: corpus.encoded(Image.fromarray(corpus.scene(600, 400)), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")}


@pytest.mark.parametrize("name", hostile.too_complex())
def test_more_than_any_photo_has_is_refused_at_once(name: str) -> None:
    content = hostile.too_complex()[name]
    started = time.process_time()
    with pytest.raises(InvalidImage, match="at most") as refused:
        check_caps(content)
    assert refused.value.code == "image_too_complex"
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize("name", corpus.good())
def test_good_photos_pass(name: str) -> None:
    check_caps(corpus.good()[name])


@pytest.mark.parametrize(
    "content",
    [
        hostile.with_scans(54, width=64, height=64),
        hostile.with_segments(900, hostile.segment(0xFE, b"")),
        hostile.with_segments(60, hostile.segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))),
        hostile.with_segments(60, hostile.segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))),
        hostile.jpeg(exif=b"Exif\0\0" + bytes(60_000)),
        hostile.png_with(hostile.profile(3_000), *[corpus.chunk(b"iTXt", b"k\0\0\0\0\0v")] * 20),
        hostile.gif_with_comment(10_000),
    ],
    ids=["64 scans", "comments", "depth map", "large profile", "large EXIF", "profile and texts", "comment"],
)
def test_what_programs_write_passes(content: bytes) -> None:
    check_caps(content)


@pytest.mark.parametrize("kind", PLAIN)
def test_the_pixels_are_those_of_the_picture(kind: str) -> None:
    assert check_caps(PLAIN[kind]) == 600 * 400
    lossless = corpus.encoded(Image.fromarray(corpus.scene(600, 400)), "WEBP", lossless=True)
    assert check_caps(lossless) == 600 * 400


@pytest.mark.parametrize(("target", "factor"), [(None, 1), (201, 1), (200, 2), (60, 4), (50, 8), (1, 8)])
def test_a_jpeg_that_is_decoded_smaller_holds_fewer_pixels(target: int | None, factor: int) -> None:
    assert check_caps(PLAIN["JPEG"], target) == 600 * 400 // factor**2
    progressive = corpus.encoded(Image.fromarray(corpus.scene(600, 400)), "JPEG", progressive=True)
    assert check_caps(progressive, target) == check_caps(PLAIN["PNG"], target) == 600 * 400


def test_a_thumbnail_within_a_photo_is_not_its_frame() -> None:
    small = hostile.jpeg(160, 120)
    content = hostile.jpeg(600, 400, exif=b"Exif\0\0" + small)
    assert check_caps(content) == 600 * 400


@given(
    st.sampled_from(sorted(PLAIN)), st.lists(st.tuples(st.integers(4, 10**6), st.integers(0, 255)), max_size=20),
    st.integers(0, 10**6),
)  # fmt: skip
@hypothesis_settings(max_examples=300, deadline=None)
def test_damage_is_at_most_a_refusal(kind: str, changes: list[tuple[int, int]], end: int) -> None:
    content = bytearray(PLAIN[kind])
    for place, value in changes:
        content[place % len(content)] = value
    with contextlib.suppress(InvalidImage):
        assert check_caps(bytes(content[: end % len(content)]), 32) >= 0


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a"])
@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"!", b"\x01", b"\xff\xe0\0\2"])
def test_ten_megabytes_of_anything_take_linear_time(start: bytes, filler: bytes) -> None:
    content = (start + filler * 10_000_000)[:10_000_000]
    started = time.process_time()
    with contextlib.suppress(InvalidImage):
        check_caps(content)
    assert time.process_time() - started < 1


def test_the_pixels_of_formats_with_boxes() -> None:
    picture = Image.fromarray(corpus.scene(600, 400))
    assert check_caps(corpus.encoded(picture, "AVIF")) == 600 * 400
    assert check_caps(corpus.encoded(picture, "BMP")) == 600 * 400
    many = b"\0\0\0\x10ftypavif\0\0\0\0" + b"ispe\0\0\0\0\0\0\x01\0\0\0\x01\0" * 2_001
    with pytest.raises(InvalidImage, match="2,000 sizes"):
        check_caps(many)
