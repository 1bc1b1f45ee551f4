"""Crops, pads and scales a decoded photo to network input, by one rule for catalogue and query photos.

The networks were trained on the middle of photos, so they recognise a thing best when it fills about as much of the
square as it did in training. Measured with EfficientNet-Lite2 (int8; sqrt + L2 of the features): how often the nearest
photo shows the same class (R@1), and the share of the ten nearest that does (P@10). The queries are the 1,023 training
photos of the clothing set, each searched among the others, and its 341 validation photos, searched among the former.

| rule | among training | validation R@1 | validation P@10 |
|---|---|---|---|
| whole photo squeezed into the square | 0.732 | 0.768 | 0.658 |
| whole photo on white | 0.766 | 0.774 | 0.681 |
| middle square of the shorter side, 7/8 of it | 0.762 | 0.760 | 0.690 |
| middle square of the longer side, 7/8 of it, on white | 0.780 | 0.812 | 0.703 |
| the same, 4/5 of it | 0.786 | 0.774 | 0.704 |
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Part of every fingerprint: a change of the rule below, or of what `decode_within_borders` gives, needs a new version.
PREPROCESSING = "within-borders-middle-7/8-on-white-bilinear-2"
_SHOWN = 7 / 8
TRIMMED = (1 / _SHOWN - 1) / 2  # share of a thing's longer side to add on each edge so that all of it is seen


def decode_target(size: int) -> int:
    """Returns how many pixels a photo must keep on its shorter side so that `to_input` never enlarges it."""
    return math.ceil(size / _SHOWN)


def to_input(image_rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Returns the square that a network reads of a photo.

    The square is 7/8 of the longer side wide and centred on the photo; where it reaches beyond the photo it is white.

    Args:
        image_rgb: uint8 (h, w, 3).
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, 3), scaled with antialiasing.
    """
    height, width = image_rgb.shape[:2]
    side = max(height, width) * _SHOWN
    seen_width, seen_height = min(width, side), min(height, side)
    left, top = (width - seen_width) / 2, (height - seen_height) / 2
    scaled = Image.fromarray(image_rgb).resize(
        (max(1, round(seen_width / side * size)), max(1, round(seen_height / side * size))),
        Image.Resampling.BILINEAR,
        box=(left, top, left + seen_width, top + seen_height),
    )
    if scaled.size == (size, size):
        return np.asarray(scaled)
    square = Image.new("RGB", (size, size), "white")
    square.paste(scaled, ((size - scaled.width) // 2, (size - scaled.height) // 2))
    return np.asarray(square)
