"""Photographs a painted product: places it, casts its shadow, lights the scene, and adds camera blur and noise."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageFilter

from data.sample.backgrounds import Place, Size, outdoors, room, studio, tilted
from data.sample.canvas import Floats, picture, pixels
from data.sample.outlines import Points
from data.sample.patterns import Rng

PHOTO_SIZE: Size = (416, 416)
_PHONE_SIZES: tuple[Size, ...] = ((432, 576), (576, 432), (432, 540))
_SHRINK = 4
Shade = tuple[Image.Image, float, float]
"""A shadow before it is softened: its shape (mode L), its blur radius in pixels, its weight."""


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the product stands in the picture.

    Attributes:
        corners: float64 (4, 2), pixels of the product's top left, top right, bottom right and bottom left corners.
        flat: True: the product lies or hangs parallel to the picture, so its shadow is an offset copy.
    """

    corners: Points
    flat: bool


def studio_photo(product: Image.Image, rng: Rng, *, flat: bool) -> Image.Image:
    """Returns the shop's first photo: frontal, on white, with a soft shadow."""
    view = View(corners=_corners(product.size, PHOTO_SIZE, fill=0.80, flat=flat), flat=flat)
    return _finish(_composed(product, view, studio(rng, PHOTO_SIZE, flat=flat)), rng, grain=0.002)


def angle_photo(product: Image.Image, rng: Rng, *, flat: bool) -> Image.Image:
    """Returns another view in the studio: turned aside, sometimes mirrored, sometimes close up."""
    if rng.random() < 0.5:
        product = product.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corners = _corners(product.size, PHOTO_SIZE, fill=rng.uniform(0.72, 0.95), flat=flat)
    corners = _turned(corners, rng.uniform(-18, 18) if flat else rng.uniform(-3, 3), rng.uniform(-0.2, 0.2))
    place = studio(rng, PHOTO_SIZE, flat=flat)
    return _finish(_composed(product, View(corners=corners, flat=flat), place), rng, grain=0.003)


def lifestyle_photo(product: Image.Image, rng: Rng, *, flat: bool) -> Image.Image:
    """Returns a photo of the product in use: in a room or outdoors, in the light of that place."""
    place = (room if rng.random() < 0.62 else outdoors)(rng, PHOTO_SIZE, flat=flat)
    corners = _corners(product.size, PHOTO_SIZE, fill=rng.uniform(0.58, 0.74), flat=flat)
    corners += (rng.uniform(-0.09, 0.09) * PHOTO_SIZE[0], rng.uniform(-0.02, 0.03) * PHOTO_SIZE[1])
    corners = _turned(corners, rng.uniform(-10, 10) if flat else 0.0, rng.uniform(-0.08, 0.08))
    photo = _composed(product, View(corners=corners, flat=flat), place)
    return _finish(_unevenly_lit(photo, rng, 0.10), rng, grain=0.006)


def phone_photo(product: Image.Image, rng: Rng, *, flat: bool, elsewhere: Rng | None = None) -> Image.Image:
    """Returns a shopper's snapshot: hand-held, tilted, partly cut off, badly lit, noisy and soft.

    Args:
        elsewhere: draws another place for the same snapshot; None: `rng` draws the place too.
    """
    size = _PHONE_SIZES[int(rng.integers(len(_PHONE_SIZES)))]
    degrees = rng.uniform(-18, 18)
    place = _anywhere(rng, size, flat=flat)
    place = tilted(place if elsewhere is None else _anywhere(elsewhere, size, flat=flat), degrees)
    corners = _corners(product.size, size, fill=rng.uniform(0.6, 1.25), flat=flat)
    corners += rng.uniform(-0.13, 0.13, 2) * size
    corners = _turned(corners, degrees, rng.uniform(-0.24, 0.24))
    photo = _unevenly_lit(_composed(product, View(corners=corners, flat=flat), place), rng, 0.3)
    photo *= (rng.uniform((0.82, 0.84, 0.70), (1.08, 1.0, 1.06)) * rng.uniform(0.6, 1.08)).astype(np.float32)
    unsharp = picture(photo, "RGB").filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))
    return _finish(pixels(unsharp), rng, grain=rng.uniform(0.015, 0.04))


def _anywhere(rng: Rng, size: Size, *, flat: bool) -> Place:
    return (room if rng.random() < 0.75 else outdoors)(rng, size, flat=flat)


def _corners(product: Size, photo: Size, *, fill: float, flat: bool) -> Points:
    """Returns the corners of the product scaled to `fill` of the photo: centred if `flat`, else on the ground."""
    scale = fill * min(photo[0] / product[0], photo[1] / product[1])
    width, height = product[0] * scale, product[1] * scale
    left = (photo[0] - width) / 2
    top = (photo[1] - height) / 2 if flat else min(photo[1] * 0.90 - height, (photo[1] - height) / 2 + photo[1] * 0.04)
    return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])


def _turned(corners: Points, degrees: float, aside: float) -> Points:
    """Returns corners turned by `degrees` in the picture's plane; the far side shrinks by the share `aside`."""
    centre, turn = corners.mean(axis=0), np.radians(degrees)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    out = (corners - centre) * (1 - abs(aside) * 0.6, 1)
    out[[1, 2] if aside > 0 else [0, 3]] *= (1, 1 - abs(aside))
    turned: Points = out @ spin.T + centre
    return turned


def _composed(product: Image.Image, view: View, place: Place) -> Floats:
    height, width = place.rgb.shape[:2]
    mapping = _mapping(product.size, view.corners)
    layer = product.transform((width, height), Image.Transform.PERSPECTIVE, mapping, Image.Resampling.BILINEAR)
    ground = place.rgb * (1 - place.shadow * _shadow(layer.getchannel("A"), view))[..., None]
    scene = picture(ground, "RGB")
    scene.paste(layer, mask=layer.getchannel("A"))
    return pixels(scene) * np.array(place.light, np.float32)


def _shadow(cover: Image.Image, view: View) -> Floats:
    """Returns how much the product darkens, float32 (h, w), 0..1; drawn at quarter size, as it is blurred anyway."""
    small = cover.reduce(_SHRINK)
    layers = _lying_shadow(small) if view.flat else _standing_shadow(small, view.corners / _SHRINK)
    total = np.zeros((small.height, small.width), np.float32)
    for layer, reach, weight in layers:
        total += pixels(layer.filter(ImageFilter.GaussianBlur(reach))) * np.float32(weight)
    grown = Image.fromarray(np.minimum(total, 1)).resize(cover.size, Image.Resampling.BILINEAR)
    return np.asarray(grown, np.float32)


def _lying_shadow(small: Image.Image) -> list[Shade]:
    cast, near = (
        small.transform(small.size, Image.Transform.AFFINE, (1, 0, -right, 0, 1, -down), Image.Resampling.BILINEAR)
        for right, down in ((2.5, 3.5), (0.7, 1.0))
    )
    return [(cast, 3.0, 0.75), (near, 1.0, 0.5)]


def _standing_shadow(small: Image.Image, corners: Points) -> list[Shade]:
    """Returns a shadow cast along the ground, and the dark seam where the product touches the ground."""
    width, height = small.size
    foot = float(corners[2:, 1].mean())
    # A point h above the ground throws its shadow 0.55 h to the right and 0.2 h back: the affine map is the inverse.
    inverse = (1, 2.75, -2.75 * foot, 0, 5, -4 * foot)
    cast = small.transform(small.size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)
    base = small.crop((0, max(0, round(foot - 0.1 * height)), width, min(height, round(foot + 1))))
    thin = max(1, base.height // 4)
    seam = Image.new("L", small.size)
    seam.paste(base.resize((width, thin)), (0, round(foot - thin * 0.62)))
    reach = max(1.0, float(np.ptp(corners[:, 0])) * 0.02)
    return [(cast, 4.5, 0.55), (seam, reach, 0.9), (seam, reach * 3, 0.7)]


def _mapping(product: Size, corners: Points) -> list[float]:
    """Returns Pillow's eight perspective coefficients, from pixels of the photo to pixels of the product."""
    width, height = product
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(right))]


def _unevenly_lit(photo: Floats, rng: Rng, strength: float) -> Floats:
    corners = Image.fromarray(rng.uniform(1 - strength, 1 + strength, (2, 2)).astype(np.float32))
    field = corners.resize((photo.shape[1], photo.shape[0]), Image.Resampling.BILINEAR)
    return photo * np.asarray(field, np.float32)[..., None]


@cache
def _sensor_noise() -> Floats:
    return np.random.default_rng(0).standard_normal((1024, 1024, 1), np.float32)


def _finish(photo: Floats, rng: Rng, *, grain: float) -> Image.Image:
    """Adds sensor noise and rounds to bytes."""
    height, width = photo.shape[:2]
    top, left = (int(start) for start in rng.integers(0, (1024 - height, 1024 - width)))
    return picture(photo + _sensor_noise()[top : top + height, left : left + width] * np.float32(grain), "RGB")
