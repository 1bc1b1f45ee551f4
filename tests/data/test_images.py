"""The decoder against images as strangers send them."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import image_corpus as corpus
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from data.errors import ImageTooLarge, InvalidImage
from data.photos import decode
from data.photos.formats import sniff
from data.photos.images import decode_photo
from data.settings import Settings

SETTINGS = Settings()
GOOD = corpus.good()
BAD = corpus.bad()
_EACH_FORMAT = ("jpeg", "progressive jpeg", "adobe cmyk", "png", "webp", "gif", "heic", "avif", "bmp")
WHOLE = {name: GOOD[name] for name in _EACH_FORMAT}
LIKE_THE_SCENE = (
    *_EACH_FORMAT, "tiled heic", "palette png", "plain cmyk", "broken icc",
    "exif garbage", "exif loop", "jpeg and zip", "gif and script",
)  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_images_come_as_rgb(name: str) -> None:
    pixels = decode(GOOD[name], SETTINGS)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


@pytest.mark.parametrize("name", LIKE_THE_SCENE)
def test_every_way_to_store_a_picture_shows_the_same(name: str) -> None:
    difference = np.abs(decode(GOOD[name], SETTINGS).astype(int) - corpus.scene().astype(int))
    assert difference.mean() < 6
    assert np.percentile(difference, 99) < 40


def test_plain_colours() -> None:
    assert decode(GOOD["16-bit grey png"], SETTINGS)[5, 5].tolist() == [0xC0, 0xC0, 0xC0]
    assert decode(GOOD["16-bit rgb png"], SETTINGS)[5, 5].tolist() == [0xFF, 0x80, 0x40]
    assert np.abs(decode(GOOD["ycck"], SETTINGS)[5, 5].astype(int) - [255, 0, 0]).max() < 6


@pytest.mark.parametrize("name", ["la png", "rgba png", "webp with alpha"])
def test_transparent_parts_become_white(name: str) -> None:
    pixels = decode(GOOD[name], SETTINGS)
    assert (pixels[:, :48] == 255).all()
    assert (pixels[:, 48:] < 255).any(axis=2).all()


def test_a_palette_that_is_all_transparent_is_white() -> None:
    assert (decode(GOOD["palette with alpha"], SETTINGS) == 255).all()


@pytest.mark.parametrize("name", ["animated webp", "animated gif", "heic of two"])
def test_only_the_first_frame_counts(name: str) -> None:
    started = time.process_time()
    pixels = decode(GOOD[name], SETTINGS)
    assert time.process_time() - started < 1
    assert pixels[..., 0].min() > 200
    assert pixels[..., 2].max() < 60


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("target", [None, 32])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC", "AVIF"])
def test_orientation_is_applied_once(kind: str, orientation: int, target: int | None) -> None:
    content = corpus.stored_as(orientation, kind)
    photo = decode_photo(content, SETTINGS, target=target)
    expected = Image.fromarray(corpus.scene())
    if target:
        expected = expected.reduce(2)
    assert (photo.width, photo.height) == (96, 64)
    assert photo.pixels.shape == (expected.height, expected.width, 3)
    assert np.abs(photo.pixels.astype(int) - np.asarray(expected).astype(int)).mean() < 5


@pytest.mark.parametrize("name", BAD)
def test_bad_images_are_refused_quickly(name: str) -> None:
    content, kind, code = BAD[name]
    started = time.process_time()
    with pytest.raises(kind) as caught:
        decode(content, SETTINGS)
    assert time.process_time() - started < 1
    assert not code or caught.value.code == code
    with pytest.raises(InvalidImage):
        decode(content, SETTINGS, target=64)


@pytest.mark.parametrize("name", WHOLE)
def test_an_image_that_ends_early_is_refused_wherever_it_was_cut(name: str) -> None:
    content = WHOLE[name]
    last = len(content) - 1 if content[:2] != b"\xff\xd8" else int(0.9 * len(content))  # see test_truncation.py
    for end in range(12, last, max(1, len(content) // 200)):
        with pytest.raises(InvalidImage) as caught:
            decode(content[:end], SETTINGS)
        assert caught.value.code == "truncated", end


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_larger_image_that_ends_early_is_refused_at_every_kilobyte(kind: str) -> None:
    content = corpus.encoded(Image.fromarray(corpus.noise(160, 120)), kind)
    for end in range(1024, int(0.9 * len(content)), 1024):
        with pytest.raises(InvalidImage, match="ends early"):
            decode(content[:end], SETTINGS, target=32)


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(8, 10**6), st.integers(0, 255)), max_size=8))
@hypothesis_settings(max_examples=400, deadline=None)
def test_damage_gives_pixels_or_a_clear_refusal(name: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE[name])
    for place, value in changes:
        content[place % len(content)] = value
    with contextlib.suppress(InvalidImage):
        assert decode(bytes(content), SETTINGS).shape[2] == 3


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8X"]), st.binary())
@hypothesis_settings(max_examples=200, deadline=None)
def test_anything_behind_a_magic_number_is_pixels_or_a_clear_refusal(magic: bytes, rest: bytes) -> None:
    with contextlib.suppress(InvalidImage):
        decode(magic + rest, SETTINGS)


def test_the_caps_come_from_the_settings() -> None:
    content = GOOD["png"]
    with pytest.raises(ImageTooLarge, match="LOOKALIKE_MAX_IMAGE_BYTES"):
        decode(content, SETTINGS.replace(max_image_bytes=len(content) - 1))
    assert decode(content, SETTINGS.replace(max_image_bytes=len(content))).shape == (64, 96, 3)
    with pytest.raises(ImageTooLarge, match=r"got 0\.0 \(96 x 64\).*LOOKALIKE_MAX_PIXELS"):
        decode(content, SETTINGS.replace(max_pixels=96 * 64 - 1))
    assert decode(content, SETTINGS.replace(max_pixels=96 * 64)).shape == (64, 96, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("target", "side"), [(None, 400), (250, 400), (200, 200), (101, 200), (100, 100), (50, 50), (1, 50)]
)
def test_a_much_larger_photo_is_decoded_smaller(kind: str, target: int | None, side: int) -> None:
    content = corpus.encoded(Image.fromarray(corpus.scene(600, 400)), kind)
    photo = decode_photo(content, SETTINGS, target=target)
    assert min(photo.pixels.shape[:2]) == side
    assert (photo.width, photo.height) == (600, 400)
    small = Image.fromarray(corpus.scene(600, 400)).resize(photo.pixels.shape[1::-1], Image.Resampling.BOX)
    assert np.abs(photo.pixels.astype(int) - np.asarray(small).astype(int)).mean() < 4


def test_the_name_says_nothing_and_the_bytes_everything() -> None:
    assert [sniff(GOOD[name]) for name in ("jpeg", "png", "webp", "gif", "heic", "avif", "bmp")] == [
        "JPEG", "PNG", "WebP", "GIF", "HEIC", "AVIF", "BMP",
    ]  # fmt: skip


def test_threads_get_what_one_gets() -> None:
    names = [name for name in GOOD if name != "more pixels than said"] * 3
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda name: decode(GOOD[name], SETTINGS, target=32), names))
    for name, pixels in zip(names, together, strict=True):
        assert (pixels == decode(GOOD[name], SETTINGS, target=32)).all()
