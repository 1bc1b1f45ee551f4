"""Makes augmented copies of training photos: mirrored, turned, cropped, brighter or darker, blurred.

Each copy combines the operations at random, seeded by the photo and the copy's number. The same copy comes out each
time, so its features are stored once under `<sha256>+<id>`, and a second training embeds nothing.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

# Part of every stored key: copies that look different need a new version.
VERSION = "a2"
VARIED = "v1"
_SMALLEST_CROP = 0.6
_WIDEST_TURN = 25.0
Pixels = NDArray[np.uint8]
Picture = Image.Image


def copy_key(sha256: str, number: int) -> str:
    """Returns the feature-store key of a photo's augmented copy."""
    return f"{sha256}+{VERSION}.{number}"


def varied_key(sha256: str, number: int) -> str:
    """Returns the key of a photo's copy by `vary`."""
    return f"{sha256}+{VARIED}.{number}"


def look_key(sha256: str, look: str) -> str:
    """Returns the feature-store key of a look at a photo, see `engine.backbones.looked_at`."""
    return sha256 if look == "photo" else f"{sha256}+{look}"


def augment(image_rgb: Pixels, sha256: str, number: int) -> Pixels:
    """Returns one augmented copy, always the same one for the same photo and number.

    Args:
        image_rgb: uint8 (h, w, 3).
        sha256: the photo's sha256, 64 hex digits.
        number: number of the copy, from 0.

    Returns:
        uint8 (h', w', 3); h' and w' differ where a crop was taken.
    """
    random = np.random.default_rng([int(sha256[:15], 16), number])
    picture = Image.fromarray(image_rgb)
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if random.random() < 0.6:
        picture = rotate(picture, float(random.uniform(-_WIDEST_TURN, _WIDEST_TURN)))
    corner = int(random.integers(4)) if random.random() < 0.7 else None
    picture = crop(picture, float(random.uniform(_SMALLEST_CROP, 1.0)), corner)
    picture = brighten(picture, float(random.uniform(0.6, 1.4)))
    if random.random() < 0.25:
        picture = blur(picture, float(random.uniform(0.5, 2.0)))
    return np.asarray(picture)


def vary(image_rgb: Pixels, sha256: str, number: int) -> Pixels:
    """Returns a copy that differs more than one by `augment`, for networks, which learn from many different copies.

    A part of 36 to 100 % of the area from anywhere, a little stretched; mirrored, turned, other light and colours,
    blurred. The same copy for the same photo and number.

    Args:
        image_rgb: uint8 (h, w, 3).
        sha256: the photo's sha256, 64 hex digits.
        number: number of the copy, from 0.

    Returns:
        uint8 (h', w', 3).
    """
    random = np.random.default_rng([int(sha256[:15], 16), number, 1])
    picture = Image.fromarray(image_rgb)
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if random.random() < 0.6:
        picture = rotate(picture, float(random.uniform(-_WIDEST_TURN, _WIDEST_TURN)))
    picture = _part(picture, random)
    picture = brighten(picture, math.exp(random.uniform(-0.4, 0.35)))
    picture = ImageEnhance.Contrast(picture).enhance(math.exp(random.uniform(-0.3, 0.3)))
    picture = ImageEnhance.Color(picture).enhance(math.exp(random.uniform(-0.35, 0.35)))
    if random.random() < 0.25:
        picture = blur(picture, float(random.uniform(0.5, 2.0)))
    light = np.exp(random.uniform(-0.1, 0.1, 3))  # warmer or colder
    varied: Pixels = np.clip(np.asarray(picture) * light, 0, 255).astype(np.uint8)
    return varied


def _part(picture: Picture, random: np.random.Generator) -> Picture:
    """Returns a part from anywhere in a picture, a little stretched."""
    share, stretch = math.sqrt(random.uniform(_SMALLEST_CROP**2, 1)), math.exp(random.uniform(-0.22, 0.22))
    width = picture.width * min(1.0, share * stretch)
    height = picture.height * min(1.0, share / stretch)
    left, top = random.uniform(0, picture.width - width), random.uniform(0, picture.height - height)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


def brighten(picture: Picture, factor: float) -> Picture:
    """Multiplies all values by `factor`."""
    return ImageEnhance.Brightness(picture).enhance(factor)


def crop(picture: Picture, share: float, corner: int | None) -> Picture:
    """Keeps `share` of each side, at a corner (0..3: row by row) or, if None, in the middle."""
    width, height = picture.size
    inner_width, inner_height = max(1, round(width * share)), max(1, round(height * share))
    spare_width, spare_height = width - inner_width, height - inner_height
    if corner is None:
        left, top = spare_width // 2, spare_height // 2
    else:
        left, top = spare_width * (corner % 2), spare_height * (corner // 2)
    return picture.crop((left, top, left + inner_width, top + inner_height))


def rotate(picture: Picture, degrees: float) -> Picture:
    """Turns left (above 0) or right; the corners are filled with mirrored edges, so no black corner is learned."""
    width, height = picture.size
    margin = max(width, height) // 4 + 1
    left, top = min(margin, width), min(margin, height)
    wide = Image.fromarray(np.pad(np.asarray(picture), ((top, top), (left, left), (0, 0)), mode="symmetric"))
    # The inverse map of a turn about the middle, straight to the size wanted: `rotate` would turn the margins too.
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    x, y = width / 2, height / 2
    back = (cosine, -sine, x + left - cosine * x + sine * y, sine, cosine, y + top - sine * x - cosine * y)
    return wide.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)


def blur(picture: Picture, radius: float) -> Picture:
    """Blurs; `radius` is for a shorter side of 260 pixels, so that large photos look as blurred as small ones."""
    return picture.filter(ImageFilter.GaussianBlur(radius * min(picture.size) / 260))


_SHOWN: dict[str, Callable[[Picture], Picture]] = {
    "original": lambda picture: picture,
    "brightness 0.6": lambda picture: brighten(picture, 0.6),
    "brightness 1.4": lambda picture: brighten(picture, 1.4),
    "scaled": lambda picture: crop(picture, 0.75, None),
    "top left corner": lambda picture: crop(picture, 0.75, 0),
    "top right corner": lambda picture: crop(picture, 0.75, 1),
    "bottom left corner": lambda picture: crop(picture, 0.75, 2),
    "bottom right corner": lambda picture: crop(picture, 0.75, 3),
    "flip": ImageOps.mirror,
    "rotate left": lambda picture: rotate(picture, _WIDEST_TURN),
    "rotate right": lambda picture: rotate(picture, -_WIDEST_TURN),
    "blur": lambda picture: blur(picture, 2.0),
}


def contact_sheet(image_rgb: Pixels, sha256: str, copies: int) -> Picture:
    """Returns a picture of one photo under every single operation, then of its first `copies` copies, with names."""
    picture = Image.fromarray(image_rgb)
    cells = [(name, change(picture)) for name, change in _SHOWN.items()]
    cells += [(f"copy {number}", Image.fromarray(augment(image_rgb, sha256, number))) for number in range(copies)]
    side, caption, columns = 200, 22, 4
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + caption)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (name, cell) in enumerate(cells):
        left, top = place % columns * side, place // columns * (side + caption)
        sheet.paste(ImageOps.pad(cell, (side - 8, side - 8), color="white"), (left + 4, top + 4))
        draw.text((left + 6, top + side - 1), name, fill="black")
    return sheet
