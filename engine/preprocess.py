"""From a decoded photo to network input: one rule for catalogue and query."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Part of every fingerprint: a change of the rule below needs a new version here.
PREPROCESSING = "squash-bilinear-1"


def to_input(image_rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resizes a photo to the square that a network reads.

    Args:
        image_rgb: uint8 (h, w, 3).
        size: side in pixels.

    Returns:
        uint8 (size, size, 3): the whole photo, its sides scaled separately, antialiased.
    """
    if image_rgb.shape[:2] == (size, size):
        return image_rgb
    resized = Image.fromarray(image_rgb).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized)
