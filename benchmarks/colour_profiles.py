"""Colour profiles as phones and cameras write them (ICC.1:2022): three primaries and one curve."""

import struct

import numpy as np

# Columns: CIE XYZ (D50) of red, green and blue.
SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
PROPHOTO = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
Column = tuple[float, float, float]


def gamma(power: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(power * 256))


def curve_of_srgb() -> bytes:
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + struct.pack(">5i", *(round(n * 65_536) for n in numbers))


def steps(values: np.ndarray) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + (values * 65_535).astype(">u2").tobytes()


def profile(columns: tuple[Column, Column, Column], curve: bytes) -> bytes:
    xyz = [b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65_536) for v in column)) for column in columns]
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"wtpt", b"desc", b"cprt")
    parts = (*xyz, curve, curve, curve, white, text, b"text" + bytes(8))
    table, body, start = b"", b"", 132 + 12 * len(names)
    for name, part in zip(names, parts, strict=True):
        padded = part + bytes(-len(part) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(part))
        body += padded
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(24) + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(names)) + table + body
