"""Photos lose what apps put around them, and only that."""

import random

import bordered
import image_corpus as corpus
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from data.photos import decode_within_borders
from data.photos.borders import without_borders
from data.photos.images import Pixels
from data.settings import Settings

SETTINGS = Settings()


def photo(width: int = 480, height: int = 360, seed: int = 1) -> Image.Image:
    """A picture as busy as a photo: blobs of all sizes with a little noise."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize((width, height)))
        for side in (5, 17, 60)
    ]
    return Image.fromarray(
        np.clip(sum(layer / 3 for layer in layers) + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)
    )


def inside(picture: Image.Image, target: int = 300) -> Pixels:
    return decode_within_borders(bordered.encoded(picture), SETTINGS, target=target)


@pytest.mark.parametrize("kind", bordered.kinds())
@pytest.mark.parametrize("seed", range(3))
def test_borders_are_taken_off(kind: str, seed: int) -> None:
    taken = photo(seed=seed)
    found = inside(bordered.kinds()[kind](taken, random.Random(seed)))
    assert abs(found.shape[1] - taken.width) <= 0.03 * taken.width
    assert abs(found.shape[0] - taken.height) <= 0.03 * taken.height


def test_a_photo_keeps_every_pixel() -> None:
    picture = np.asarray(photo())
    assert without_borders(picture) is not picture
    assert without_borders(picture).shape == picture.shape


def product(shape: str, colour: str, ground: str) -> Image.Image:
    """A product cut out on a plain ground, with the soft shadow of a studio."""
    picture = Image.new("RGB", (480, 480), ground)
    shadow = Image.new("L", picture.size)
    ImageDraw.Draw(shadow).ellipse((100, 380, 380, 430), fill=60)
    picture.paste("grey", mask=shadow.filter(ImageFilter.GaussianBlur(12)))
    draw = ImageDraw.Draw(picture)
    if shape == "disc":
        draw.ellipse((90, 90, 390, 390), fill=colour)
    elif shape == "carton":  # straight sides, nearly as high as the picture
        draw.rectangle((150, 12, 330, 470), fill=colour)
        picture.paste(photo(160, 200), (160, 40))
    elif shape == "shelf":  # straight upper edge, nearly as wide as the picture
        draw.rectangle((15, 200, 465, 300), fill=colour)
    else:
        draw.rounded_rectangle((60, 60, 420, 420), 40, fill=colour)
        picture.paste(photo(240, 240), (120, 120))
    return picture


@pytest.mark.parametrize("shape", ["disc", "carton", "shelf", "cushion"])
@pytest.mark.parametrize(
    ("colour", "ground"), [("#c04030", "white"), ("#f4f4f4", "white"), ("#202020", "black"), ("#c04030", "#d8d8d8")]
)
def test_a_product_on_a_plain_ground_keeps_its_margin(shape: str, colour: str, ground: str) -> None:
    assert inside(product(shape, colour, ground)).shape[:2] == (480, 480)


def test_one_colour_is_no_border() -> None:
    for colour in ("white", "black", "red"):
        assert without_borders(np.asarray(Image.new("RGB", (100, 60), colour))).shape == (60, 100, 3)


@pytest.mark.parametrize("size", [(16, 16), (17, 300), (300, 17), (16, 320)])
def test_small_and_narrow_photos_are_left_alone(size: tuple[int, int]) -> None:
    assert without_borders(corpus.noise(*size)).shape == (size[1], size[0], 3)


def test_what_is_left_of_a_large_photo_is_as_large_as_asked_for() -> None:
    framed = bordered.letterbox(photo(1600, 900), "black", 16 / 9)
    assert inside(framed, target=300).shape[0] >= 300
