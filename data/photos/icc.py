"""Turns the colours of a photo with a colour profile into sRGB, for the profiles that cameras and phones write.

A profile comes with the photo, from strangers. So LittleCMS never sees it: only three primaries and three curves are
read here, with bounds, and only where they are of an ordinary RGB space. Any other profile is ignored: one that swaps
channels would show another product.
"""

import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float64]
_LARGEST_BYTES = 65_536  # three curves of 4,096 steps take 24,576
_MOST_TAGS = 100
_GRID = 33  # steps of each channel in the table that Pillow interpolates in
_D50 = np.array([0.9642, 1.0, 0.8249])
# CIE XYZ (D50) to linear sRGB: the inverse of the colorants in the ICC's own sRGB profile.
_TO_SRGB = np.linalg.inv(np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]))
# Where the three primaries of ordinary RGB spaces lie (CIE xy): sRGB, Display P3, Adobe RGB, Rec. 2020, ProPhoto.
_PRIMARIES = ((0.60, 0.76, 0.24, 0.36), (0.14, 0.36, 0.55, 0.86), (0.0, 0.20, 0.0, 0.12))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Returns an RGB image with its colours as sRGB; unchanged where the profile is sRGB's own, strange or broken."""
    table = _table(profile) if profile and len(profile) <= _LARGEST_BYTES else None
    return image.filter(table) if table is not None else image


@lru_cache(maxsize=32)
def _table(profile: bytes) -> ImageFilter.Color3DLUT | None:
    try:
        space = _read(profile)
    except (struct.error, ValueError, IndexError, KeyError, OverflowError):
        return None
    if space is None:
        return None
    matrix, curves = space
    blue, green, red = np.meshgrid(*[np.arange(_GRID)] * 3, indexing="ij")
    linear = np.stack([curve[step] for curve, step in zip(curves, (red, green, blue), strict=True)], axis=-1)
    srgb = np.clip(linear @ (_TO_SRGB @ matrix).T, 0, 1)
    encoded = np.where(srgb <= 0.0031308, 12.92 * srgb, 1.055 * srgb ** (1 / 2.4) - 0.055)
    same = np.stack([red, green, blue], axis=-1) / (_GRID - 1)
    if np.abs(encoded - same).max() < 2 / 255:
        return None
    return ImageFilter.Color3DLUT(_GRID, encoded.astype(np.float32).ravel().tolist())


def _read(profile: bytes) -> tuple[Floats, list[Floats]] | None:
    """Returns the matrix to CIE XYZ (D50) and the three curves on the grid; None where the space is no ordinary one."""
    if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ " or profile[36:40] != b"acsp":
        return None
    count = struct.unpack_from(">I", profile, 128)[0]
    tags: dict[bytes, bytes] = {}
    for number in range(min(count, _MOST_TAGS)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        tags[name] = profile[start : start + size]
    columns = [struct.unpack_from(">4s4x3i", tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    matrix = np.array([column[1:] for column in columns]).T / 65_536
    curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return (matrix, curves) if _is_ordinary(matrix, curves) else None


def _curve(tag: bytes) -> Floats:
    """Returns the light of each step of the grid, 0..1 (ICC.1:2022, 10.6 and 10.18)."""
    x = np.linspace(0, 1, _GRID)
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return x
        if count == 1:
            return np.asarray(x ** (struct.unpack_from(">H", tag, 12)[0] / 256))
        steps = np.frombuffer(tag, ">u2", count, 12) / 65_535
        return np.asarray(np.interp(x, np.linspace(0, 1, count), steps))
    kind = struct.unpack_from(">4sxxxxH", tag)[1]
    if tag[:4] != b"para" or kind not in (0, 3):  # a plain power, or one with a straight start, as sRGB's own
        raise ValueError("a curve of another kind")
    if kind == 0:
        return np.asarray(x ** (struct.unpack_from(">i", tag, 12)[0] / 65_536))
    power, a, b, c, d = (value / 65_536 for value in struct.unpack_from(">5i", tag, 12))
    return np.asarray(np.where(x >= d, np.maximum(a * x + b, 0) ** power, c * x))


def _is_ordinary(matrix: Floats, curves: list[Floats]) -> bool:
    """Returns whether red is red, green is green, blue is blue, white is white, and more light is brighter."""
    sums = matrix.sum(axis=0)
    if (sums <= 0.01).any() or np.abs(matrix.sum(axis=1) - _D50).max() > 0.03:
        return False
    for (low_x, high_x, low_y, high_y), (x, y) in zip(_PRIMARIES, (matrix[:2] / sums).T, strict=True):
        if not (low_x <= x <= high_x and low_y <= y <= high_y):
            return False
    rises = all(np.isfinite(curve).all() and (np.diff(curve) >= 0).all() for curve in curves)
    middles = np.array([curve[_GRID // 2] for curve in curves])
    ends = np.array([(curve[0], 1 - curve[-1]) for curve in curves])
    return bool(
        rises
        and np.abs(ends).max() < 0.02
        and (middles > 0.1).all()
        and (middles < 0.6).all()
        and np.ptp(middles) < 0.03
    )
