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
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Part of every fingerprint: a change of the rules below, or of what `decode_within_borders` gives, needs a new version.
PREPROCESSING = "within-borders-middle-7/8-on-white-bilinear-2"
_GIVEN = re.compile(r"within-borders-(middle|centre|whole)-(0\.\d{1,4}|1\.0)-(bilinear|bicubic)-2")
# Of a photo's width and height (docs/features.md). Stored rows are named by the look: another share needs another name.
CLOSE_UP = 0.75
_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class View:
    """The part of a photo that a network sees.

    Attributes:
        fit: `middle`: a square as wide as the longer side, white where it reaches beyond the photo; `centre`: a square
            as wide as the shorter side; `whole`: the whole photo, squeezed into a square.
        shown: share (0..1) of the square's side that is seen, around its middle; `whole` shows all.
        resample: `bilinear` or `bicubic`, both with antialiasing.
    """

    fit: str = "middle"
    shown: float = 7 / 8
    resample: str = "bilinear"

    @property
    def preprocessing(self) -> str:
        """The name of this rule in `BackboneSpec.preprocessing`."""
        return PREPROCESSING if self == View() else f"within-borders-{self.fit}-{self.shown}-{self.resample}-2"

    def around(self, box: Sequence[float]) -> tuple[int, int, int, int]:
        """Returns what to cut out of a photo so that a network sees all of a box in it: left, top, right and bottom.

        Args:
            box: x0, y0, x1, y1 in pixels of the photo, as are the numbers returned; right and bottom may lie beyond it.
        """
        x0, y0, x1, y1 = box
        trimmed = 0.0 if self.fit == "whole" else (1 / self.shown - 1) / 2
        margin = max(x1 - x0, y1 - y0) * trimmed
        left, top = max(0, math.floor(x0 - margin)), max(0, math.floor(y0 - margin))
        return left, top, max(0, math.ceil(x1 + margin)), max(0, math.ceil(y1 + margin))

    def window(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Returns left, top, width and height of what the square shows of a photo; it may reach beyond its edges.

        Args:
            width, height: the photo's, in pixels, as are the numbers returned.
        """
        side = self.shown * (max(width, height) if self.fit == "middle" else min(width, height))
        across, down = (width, height) if self.fit == "whole" else (side, side)
        return (width - across) / 2, (height - down) / 2, across, down


def view_of(preprocessing: str) -> View:
    """Returns the rule of this name; of a name of another version, which `load_backbone` refuses, the default rule."""
    found = _GIVEN.fullmatch(preprocessing)
    return View(found[1], float(found[2]), found[3]) if found else View()


def decode_target(size: int, preprocessing: str = PREPROCESSING, look: str = "photo") -> int:
    """Returns how many pixels a photo must keep on its shorter side so that `to_input` never enlarges its `look`."""
    return math.ceil(size / view_of(preprocessing).shown / (CLOSE_UP if look == "close" else 1))


def looked_at(image_rgb: NDArray[np.uint8], look: str) -> NDArray[np.uint8]:
    """Returns a photo as one of the looks at it shows it, uint8 (h, w, 3).

    Args:
        image_rgb: uint8 (h, w, 3).
        look: `photo`: as it is; `flip`: its mirror image; `close`: its middle, 0.75 as wide and as high, mirrored.
    """
    if look == "photo":
        return image_rgb
    height, width = image_rgb.shape[:2]
    share = CLOSE_UP if look == "close" else 1
    left, top = round(width * (1 - share) / 2), round(height * (1 - share) / 2)
    return np.ascontiguousarray(image_rgb[top : height - top, left : width - left][:, ::-1])


def to_input(image_rgb: NDArray[np.uint8], size: int, preprocessing: str = PREPROCESSING) -> NDArray[np.uint8]:
    """Returns the square that a network reads of a photo.

    Args:
        image_rgb: uint8 (h, w, 3).
        size: side of the result in pixels.
        preprocessing: the rule, see `View`.

    Returns:
        uint8 (size, size, 3), scaled with antialiasing.
    """
    view = view_of(preprocessing)
    height, width = image_rgb.shape[:2]
    _, _, across, down = view.window(width, height)
    seen_width, seen_height = min(width, across), min(height, down)
    left, top = (width - seen_width) / 2, (height - seen_height) / 2
    scaled = Image.fromarray(image_rgb).resize(
        (max(1, round(seen_width / across * size)), max(1, round(seen_height / down * size))),
        _RESAMPLING[view.resample],
        box=(left, top, left + seen_width, top + seen_height),
    )
    if scaled.size == (size, size):
        return np.asarray(scaled)
    square = Image.new("RGB", (size, size), "white")
    square.paste(scaled, ((size - scaled.width) // 2, (size - scaled.height) // 2))
    return np.asarray(square)
