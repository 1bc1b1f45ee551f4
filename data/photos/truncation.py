"""Finds out how much a JPEG that ends early lacks: from its end mark alone to most of its lines.

libjpeg paints what is missing grey and does not say where it began. So the photo is decoded again, at an eighth of its
size, with other bytes in place of the missing ones: it differs from the first missing block on. A progressive JPEG
sends the whole photo again and again, finer each time: a line is there when each of these scans reaches it.
"""

import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

END = b"\xff\xd9"
MOST_MISSING = 0.05  # share of a photo's lines
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_EOI, _SOS = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What stands in for missing bytes: three different ones, as one alone may happen to say what the blocks said.
_FILLINGS = tuple(np.random.default_rng(seed).integers(0, 255, 65_536, dtype=np.uint8).tobytes() for seed in range(3))


def cut_at(content: bytes) -> int | None:
    """Returns where the pixels of a JPEG end if no end mark follows them; None where one does, or there are none."""
    place, pattern, has_scans = 2, _MARKER, False
    while (match := pattern.search(content, place)) is not None:
        marker, pattern = match[1][0], _MARKER
        if marker == _EOI:
            return None
        length = int.from_bytes(content[match.end() : match.end() + 2], "big")
        if marker == _SOS and match.end() + length <= len(content):
            has_scans, pattern = True, _AFTER_SCAN
        place = match.end() + length
    return len(content.rstrip(b"\0").rstrip(b"\xff")) if has_scans and pattern is _AFTER_SCAN else None


def missing_share(whole: bytes) -> float:
    """Returns the share of a JPEG's lines that are missing, 0..1; 1 where a whole scan is.

    Args:
        whole: the file up to the end of its pixels.
    """
    if not _has_all_scans(whole):
        return 1.0
    seen = _pixels(whole + END)
    first = seen.shape[0] * seen.shape[1]
    for filling in _FILLINGS:
        differs = np.flatnonzero((_pixels(whole + filling + END) != seen).any(axis=2))
        first = min(first, int(differs[0])) if len(differs) else first
    return float(1 - first / (seen.shape[0] * seen.shape[1]))


def _pixels(content: bytes) -> NDArray[np.uint8]:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(content)) as image:
        if not image.info.get("progressive"):  # whose last scans are not seen at an eighth
            image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
        return np.atleast_3d(np.asarray(image))


def _has_all_scans(content: bytes) -> bool:
    """Returns whether each coefficient of each component has been sent to its last bit (ITU-T T.81, B.2.3, G.1)."""
    components: bytes = b""
    left: dict[int, NDArray[np.int8]] = {}
    place, pattern = 2, _MARKER
    while (match := pattern.search(content, place)) is not None:
        marker, pattern = match[1][0], _MARKER
        segment = content[match.end() + 2 : match.end() + int.from_bytes(content[match.end() : match.end() + 2], "big")]
        if marker in _FRAMES and not components:
            components = segment[6::3][: segment[5]]
            left = {component: np.ones(64, np.int8) for component in components}
        if marker == _SOS:
            count, pattern = segment[0], _AFTER_SCAN
            first, last, bits = segment[2 * count + 1 : 2 * count + 4]
            for component in segment[1 : 2 * count + 1 : 2]:
                left[component][first : last + 1] = bits & 15
        place = match.end() + 2 + len(segment)
    return bool(left) and not any(steps.any() for steps in left.values())
