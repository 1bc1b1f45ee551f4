"""Names the colours of the product in a photo, with twelve basic names and without the background's colours."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# English name -> Korean name
COLOUR_NAMES = {
    "black": "검정", "white": "흰색", "grey": "회색", "red": "빨강", "orange": "주황", "yellow": "노랑",
    "green": "초록", "blue": "파랑", "purple": "보라", "pink": "분홍", "brown": "갈색", "beige": "베이지",
}  # fmt: skip
_NAMES = tuple(COLOUR_NAMES)
_SIDE = 64
_MOST, _LEAST_SHARE = 3, 0.15
_BITS = 5  # per channel, in the table that names colours
_COARSE_BITS = 4  # per channel, in the histograms that tell product from background
_BORDER_WEIGHT = 8.0

Floats = NDArray[np.float64]


def dominant_colours(image_rgb: NDArray[np.uint8]) -> tuple[str, ...]:
    """Returns the names of up to three colours of the product in a photo, the largest share first.

    The product is assumed to be around the middle and to differ in colour from the photo's border.

    Args:
        image_rgb: uint8 (h, w, 3).

    Returns:
        Names out of `COLOUR_NAMES`; at least one.
    """
    small = np.asarray(Image.fromarray(image_rgb).resize((_SIDE, _SIDE), Image.Resampling.BOX)).reshape(-1, 3)
    weights = _product_weights(small)
    sums = np.bincount(_named_pixels(small), weights, minlength=len(_NAMES))
    shares = sums / sums.sum()
    order = np.argsort(-shares, kind="stable")[:_MOST]
    return tuple(_NAMES[index] for rank, index in enumerate(order) if rank == 0 or shares[index] >= _LEAST_SHARE)


def _product_weights(pixels: NDArray[np.uint8]) -> Floats:
    """Returns a weight per pixel, higher where it is likelier the product: middle against border (Bayes' rule)."""
    near, border = _middle_prior(), _border()
    coarse = (pixels >> (8 - _COARSE_BITS)).astype(np.int64)
    bins = (coarse[:, 0] << (2 * _COARSE_BITS)) | (coarse[:, 1] << _COARSE_BITS) | coarse[:, 2]
    size = 1 << (3 * _COARSE_BITS)
    of_middle = np.bincount(bins, near, minlength=size)
    of_border = np.bincount(bins, border, minlength=size)
    product = of_middle / (of_middle + _BORDER_WEIGHT * of_border + 1e-12)
    weights: Floats = product[bins] * near
    return weights


@cache
def _middle_prior() -> Floats:
    axis = (np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1
    prior = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 0.45**2)).ravel()
    return np.asarray(prior / prior.sum())


@cache
def _border() -> Floats:
    ring = np.ones((_SIDE, _SIDE))
    ring[4:-4, 4:-4] = 0
    return np.asarray((ring / ring.sum()).ravel())


def _named_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    fine = (pixels >> (8 - _BITS)).astype(np.intp)
    names: NDArray[np.intp] = _name_table()[(fine[:, 0] << (2 * _BITS)) | (fine[:, 1] << _BITS) | fine[:, 2]]
    return names


@cache
def _name_table() -> NDArray[np.intp]:
    """Returns the name of every colour on a grid of 32 steps per channel, so that naming a pixel is one look-up."""
    steps = np.arange(1 << _BITS) * 8 + 4
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return _name_indices(grid.astype(np.uint8))


def _name_indices(rgb: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Names colours by lightness and chroma (CIE L*a*b*) and by the hue angle of HSV, which keeps blue apart."""
    lightness, chroma = _lightness_chroma(rgb)
    hue = _hue(rgb)
    warm = (hue < 70) | (hue >= 345)
    rules = (
        ("black", (lightness < 10) | ((lightness < 18) & (chroma < 30)) | ((lightness < 28) & (chroma < 10))),
        ("white", ((lightness >= 73) & (chroma < 8)) | ((lightness >= 82) & (chroma < 12))),
        ("grey", chroma < 8),
        ("beige", (hue >= 15) & (hue < 62) & (lightness >= 66) & (chroma < 32)),
        ("brown", (hue >= 14) & (hue < 46) & (lightness < 60) & (chroma < 62)),
        ("grey", warm & (chroma < 11)),
        ("pink", ((hue >= 292) | (hue < 14)) & (lightness >= 58) & (chroma < 75)),
        ("pink", (hue >= 300) & (hue < 345) & (lightness >= 45)),
        ("brown", warm & (lightness < 45) & (chroma < 30)),
        ("red", (hue >= 335) | (hue < 14)),
        ("orange", hue < 42),
        ("yellow", hue < 68),
        ("green", hue < 168),
        ("blue", hue < 252),
        ("purple", hue < 335),
    )
    return np.select([where for _, where in rules], [_NAMES.index(name) for name, _ in rules]).astype(np.intp)


def _lightness_chroma(rgb: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Returns CIE L* and C*ab of sRGB colours, white point D65 (IEC 61966-2-1, CIE 15)."""
    unit = rgb.astype(np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / matrix.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    chroma = np.hypot(500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2]))
    return 116 * f[:, 1] - 16, chroma


def _hue(rgb: NDArray[np.uint8]) -> Floats:
    """Returns the hue angle of HSV in degrees, 0..360; 0 for greys."""
    red, green, blue = (rgb[:, channel].astype(np.float64) for channel in range(3))
    high = rgb.max(axis=1).astype(np.float64)
    spread = np.maximum(high - rgb.min(axis=1), 1e-9)
    hue: Floats = np.where(
        high == red,
        (green - blue) / spread % 6,
        np.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    return hue * 60
