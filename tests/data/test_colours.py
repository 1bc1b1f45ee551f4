"""Colour names of photos, against colours that are known."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.photos import COLOUR_NAMES, decode, dominant_colours
from data.sample import generate_sample
from data.settings import Settings

# CSS Color Module's own names, and what a shopper calls them
CSS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (255, 0, 0),
    "orange": (255, 165, 0), "yellow": (255, 255, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "purple": (128, 0, 128), "pink": (255, 192, 203), "brown": (139, 69, 19), "beige": (245, 245, 220),
}  # fmt: skip
SHADES = {
    "red": [(178, 34, 34), (220, 20, 60), (139, 0, 0)], "orange": [(255, 140, 0), (255, 127, 80)],
    "yellow": [(255, 215, 0), (240, 230, 60)], "green": [(34, 139, 34), (50, 205, 50), (107, 142, 35)],
    "blue": [(0, 0, 128), (65, 105, 225), (135, 206, 235)], "purple": [(75, 0, 130), (147, 112, 219)],
    "pink": [(255, 105, 180), (255, 182, 193)], "brown": [(101, 67, 33), (160, 82, 45)],
    "beige": [(210, 180, 140), (222, 202, 170)], "grey": [(105, 105, 105), (160, 160, 165)],
    "black": [(20, 20, 22), (35, 33, 34)], "white": [(250, 250, 245), (225, 228, 230)],
}  # fmt: skip


def photo(product: tuple[int, int, int], background: tuple[int, int, int]) -> NDArray[np.uint8]:
    picture = Image.new("RGB", (120, 160), background)
    ImageDraw.Draw(picture).ellipse((30, 35, 90, 125), fill=product)
    return np.asarray(picture)


def test_every_colour_has_an_english_and_a_korean_name() -> None:
    assert list(CSS) == list(COLOUR_NAMES)
    assert all(name.isascii() and not korean.isascii() for name, korean in COLOUR_NAMES.items())
    assert len(set(COLOUR_NAMES.values())) == 12


@pytest.mark.parametrize(("name", "rgb"), [*CSS.items(), *((name, rgb) for name in SHADES for rgb in SHADES[name])])
def test_known_colours(name: str, rgb: tuple[int, int, int]) -> None:
    assert dominant_colours(np.full((8, 8, 3), rgb, np.uint8)) == (name,)


@pytest.mark.parametrize("background", ["white", "grey", "beige", "blue", "red"])
@pytest.mark.parametrize("product", sorted(CSS))
def test_the_product_is_named_and_not_the_background(product: str, background: str) -> None:
    assert dominant_colours(photo(CSS[product], CSS[background])) == (product,)


def test_several_colours_come_by_their_share() -> None:
    pixels = photo(CSS["red"], CSS["white"]).copy()
    red = (pixels == CSS["red"]).all(axis=2)
    pixels[85:][red[85:]] = CSS["blue"]
    assert dominant_colours(pixels) == ("red", "blue")
    pixels[:60][red[:60]] = CSS["green"]
    assert sorted(dominant_colours(pixels)) == ["blue", "green", "red"]
    pixels[60:][red[60:]] = CSS["green"]
    assert dominant_colours(pixels) == ("green",)


@pytest.mark.parametrize("size", [(16, 16), (320, 16), (16, 320), (300, 200)])
def test_every_photo_gets_one_to_three_names(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    names = dominant_colours(pixels)
    assert 1 <= len(names) <= 3
    assert len(set(names)) == len(names)
    assert set(names) <= set(COLOUR_NAMES)


def test_the_colours_of_the_sample_catalogue_are_seen(tmp_path: Path) -> None:
    catalogue = generate_sample(tmp_path / "sample", products=16)
    seen = [
        product["colour"] in dominant_colours(decode((catalogue.parent / image).read_bytes(), Settings(), target=320))
        for product in map(json.loads, catalogue.read_text(encoding="utf-8").splitlines())
        for image in product["images"]
    ]
    assert len(seen) == 48
    assert sum(seen) / len(seen) >= 0.9
