"""A photo in whatever form a program holds it: the bytes of an image file, or an error that says what to give."""

import io
import os
from pathlib import Path
from typing import Any

import image_corpus as corpus
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from data.errors import ImageTooLarge, InvalidImage, UnsupportedImage
from data.photos import decode, photo_bytes
from data.settings import Settings


def test_paths_and_bytes_are_the_file(settings: Settings, tmp_path: Path) -> None:
    content = corpus.encoded(Image.fromarray(corpus.scene()), "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert [photo_bytes(form, settings) for form in (path, str(path), content)] == [content] * 3


def test_an_array_keeps_every_pixel(settings: Settings) -> None:
    pixels = corpus.noise(60, 40)
    pixels.flags.writeable = False
    assert np.array_equal(decode(photo_bytes(pixels, settings), settings), pixels)
    assert np.array_equal(decode(photo_bytes(pixels[::2, ::2], settings), settings), pixels[::2, ::2])


@pytest.mark.parametrize("name", sorted(corpus.good()))
def test_a_pil_image_gives_what_its_file_gives(name: str, settings: Settings) -> None:
    content = corpus.good()[name]
    is_heic = "heic" in name  # PIL itself does not open it
    image = pillow_heif.open_heif(content).to_pillow() if is_heic else Image.open(io.BytesIO(content))
    again = decode(photo_bytes(image, settings), settings)
    assert np.array_equal(again, decode(content, settings))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB", "F", "I", "PA", "RGBX"])
def test_every_mode_of_pil_gives_a_photo(mode: str, settings: Settings) -> None:
    pixels = decode(photo_bytes(Image.new(mode, (20, 30)), settings), settings)
    assert pixels.shape == (30, 20, 3)


def test_ink_in_memory_is_shown_as_pil_shows_it(settings: Settings) -> None:
    red = Image.new("RGB", (20, 20), "red").convert("CMYK")
    assert np.array_equal(decode(photo_bytes(red, settings), settings), np.asarray(red.convert("RGB")))


@pytest.mark.parametrize(
    ("photo", "named"),
    [
        (None, "NoneType"),
        (7, "int"),
        (["a.jpg"], "list"),
        (np.zeros((20, 20, 3)), "float64 (20, 20, 3)"),
        (np.zeros((20, 20), np.uint8), "uint8 (20, 20)"),
        (np.zeros((3, 20, 20), np.uint8), "uint8 (3, 20, 20)"),
        (np.zeros((0, 0, 3), np.uint8), "uint8 (0, 0, 3)"),
    ],
)
def test_anything_else_is_refused_by_name(photo: Any, named: str, settings: Settings) -> None:
    with pytest.raises(UnsupportedImage, match=r"must be a path.*Convert it") as refused:
        photo_bytes(photo, settings)
    assert named in str(refused.value)


def test_files_that_cannot_be_read_are_refused_by_path(settings: Settings, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "pipe", "zero\0byte", "", "x" * 5000):
        with pytest.raises(InvalidImage) as refused:
            photo_bytes(path, settings)
        assert refused.value.code == "missing_image"


def test_caps_hold_for_every_form(settings: Settings, tmp_path: Path) -> None:
    small = settings.replace(max_image_bytes=1000, max_pixels=10_000)
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(10**12)  # sparse: reading it whole would fail
    noise = Image.fromarray(corpus.noise(60, 60))
    for photo in (tmp_path / "huge", noise, corpus.noise(60, 60)):
        with pytest.raises(ImageTooLarge, match="1,000"):
            photo_bytes(photo, small)
    with pytest.raises(ImageTooLarge, match="megapixels"):
        photo_bytes(Image.new("L", (101, 100)), small)
    with pytest.raises(InvalidImage, match="at least 16"):
        photo_bytes(Image.new("RGB", (9, 100)), settings)


def test_a_pil_image_that_cannot_be_read_is_refused(settings: Settings) -> None:
    whole = corpus.encoded(Image.fromarray(corpus.noise(200, 200)), "JPEG")
    closed = Image.open(io.BytesIO(whole))
    closed.close()
    for image in (closed, Image.open(io.BytesIO(whole[:-2000]))):
        with pytest.raises(InvalidImage, match="readable pixels"):
            photo_bytes(image, settings)
