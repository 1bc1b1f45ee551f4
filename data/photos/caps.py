"""Refuses photos by their outline, before any decoder reads them: too many scans, chunks or frames, too large profiles.

Decoders take time for each of these, and some of them more than linear time, so a small file can keep them busy for
minutes. No camera and no program writes as many. Each check takes time linear in the file's size.
"""

import re
import struct
from collections import Counter
from collections.abc import Callable, Mapping

from data.errors import InvalidImage

SCANS = 64  # of a progressive JPEG; cameras and programs write 10 to 20
SEGMENTS = 1_000  # of a JPEG, before and between its scans
ICC_SEGMENTS = 255  # as many as its numbering allows
EXIF_BYTES = 128 << 10
ICC_BYTES = 4 << 20
CHUNKS = 1_000  # of a PNG beside those that hold pixels
PIXEL_CHUNK_BYTES = 1_024  # of a PNG or an animation: at least so many bytes a chunk, beside the first `CHUNKS`
FRAMES = 20_000  # of a WebP; only the first is decoded, but all are counted
GIF_EXTENSION_BYTES = 1 << 20  # before a GIF's first frame
ITEMS = 2_000  # of a HEIC or AVIF; a phone's photo of 200 megapixels has about 800 tiles

_NEXT_MARKER = re.compile(rb"\xff([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_ISPE = re.compile(rb"ispe\0\0\0\0(.{8})", re.DOTALL)
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_SOI, _EOI, _SOS, _TEM, _APP1, _APP2 = 0xD8, 0xD9, 0xDA, 0x01, 0xE1, 0xE2
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_PIXEL_CHUNKS = (b"IDAT", b"fdAT", b"fcTL")
_TEXTS = 200  # text chunks of a PNG, each of which may be inflated to 1 MB


def check_caps(content: bytes, target: int | None = None) -> int:
    """Returns how many pixels a decoder will hold at once; 0 where the file does not say it in the usual place.

    Args:
        content: a file of any format; one that is not known here is not checked.
        target: as for `images.decode_photo`: a plain JPEG that is much larger is decoded smaller.

    Raises:
        InvalidImage: more of something than any photo has (code `image_too_complex`).
    """
    for place, start, check in _CHECKS:
        if content.startswith(start, place):
            return check(content, target)
    return 0


def _jpeg(content: bytes, target: int | None) -> int:
    found: Counter[str] = Counter()
    width = height = 0
    is_progressive, place, pattern = False, 2, _NEXT_MARKER
    while (match := pattern.search(content, place)) is not None:
        marker, place, pattern = match[1][0], match.end(), _NEXT_MARKER
        if marker == _EOI:
            break
        if marker in (_SOI, _TEM) or 0xD0 <= marker <= 0xD7:
            continue
        segment = content[place + 2 : place + int.from_bytes(content[place : place + 2], "big")]
        _count_segment(found, marker, segment)
        if marker in _FRAME_HEADERS and not width:
            height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
            is_progressive = marker in _PROGRESSIVE
        if marker == _SOS:
            pattern = _AFTER_SCAN
        place += max(2, len(segment) + 2)
    spare = min(width, height) // target if target and not is_progressive else 1
    return width * height // max(factor for factor in (1, 2, 4, 8) if factor <= max(1, spare)) ** 2


def _count_segment(found: Counter[str], marker: int, segment: bytes) -> None:
    found["segments"] += 1
    if marker == _SOS:
        found["scans"] += 1
    if marker == _APP1 and segment.startswith(b"Exif\0\0"):
        found["EXIF bytes"] += len(segment)
    if marker == _APP2 and segment.startswith(b"ICC_PROFILE\0"):
        found["ICC segments"] += 1
        found["ICC bytes"] += len(segment)
    _at_most(found, {"scans": SCANS, "segments": SEGMENTS, "EXIF bytes": EXIF_BYTES})
    _at_most(found, {"ICC segments": ICC_SEGMENTS, "ICC bytes": ICC_BYTES})


def _png(content: bytes, target: int | None) -> int:
    found: Counter[str] = Counter()
    most_pixel_chunks = CHUNKS + len(content) // PIXEL_CHUNK_BYTES
    place = 8
    while (kind := content[place + 4 : place + 8]) and kind != b"IEND":
        size = int.from_bytes(content[place : place + 4], "big")
        if kind in _PIXEL_CHUNKS:
            found["pixel chunks"] += 1
        else:
            found["chunks"] += 1
            found[_png_name(kind)] += 1
            found["EXIF bytes"] += size if kind == b"eXIf" else 0
            _at_most(found, {"chunks": CHUNKS, "texts": _TEXTS, "profiles": 1, "EXIF": 1, "EXIF bytes": EXIF_BYTES})
        place += 12 + size
    _at_most(found, {"pixel chunks": most_pixel_chunks})
    return int.from_bytes(content[16:20], "big") * int.from_bytes(content[20:24], "big")


def _png_name(kind: bytes) -> str:
    if kind in _TEXT_CHUNKS:
        return "texts"
    return {b"iCCP": "profiles", b"eXIf": "EXIF"}.get(kind, "other")


def _webp(content: bytes, target: int | None) -> int:
    found: Counter[str] = Counter()
    pixels, place = 0, 12
    while kind := content[place : place + 4]:
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        found["frames" if kind == b"ANMF" else "chunks"] += 1
        found["EXIF bytes"] += size if kind == b"EXIF" else 0
        found["ICC bytes"] += size if kind == b"ICCP" else 0
        _at_most(found, {"frames": FRAMES, "chunks": CHUNKS, "EXIF bytes": EXIF_BYTES, "ICC bytes": ICC_BYTES})
        pixels = max(pixels, _webp_pixels(kind, content[place + 8 : place + 18]))
        place += 8 + size + size % 2
    return pixels


def _webp_pixels(kind: bytes, start: bytes) -> int:
    """Returns the pixels that the chunk says it has: the whole canvas, or one picture."""
    if kind == b"VP8X":
        return (1 + int.from_bytes(start[4:7], "little")) * (1 + int.from_bytes(start[7:10], "little"))
    if kind == b"VP8 ":
        return (int.from_bytes(start[6:8], "little") & 0x3FFF) * (int.from_bytes(start[8:10], "little") & 0x3FFF)
    if kind == b"VP8L":
        bits = int.from_bytes(start[1:5], "little")
        return (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF))
    return 0


def _gif(content: bytes, target: int | None) -> int:
    flags = content[10] if len(content) > 10 else 0
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    most = place + GIF_EXTENSION_BYTES
    while content[place : place + 1] == b"!":
        place += 2
        while place < min(most, len(content)) and content[place]:
            place += 1 + content[place]
        place += 1
        if place > most:
            raise _too_many("bytes before its first frame", GIF_EXTENSION_BYTES)
    return int.from_bytes(content[6:8], "little") * int.from_bytes(content[8:10], "little")


def _media(content: bytes, target: int | None) -> int:
    """HEIC and AVIF: boxes within boxes, the sizes of all pictures among them (`ispe`), the largest of which counts."""
    _at_most({"parts": content.count(b"infe"), "sizes": content.count(b"ispe")}, {"parts": ITEMS, "sizes": ITEMS})
    sizes = (struct.unpack(">II", match[1]) for match in _ISPE.finditer(content))
    return max((width * height for width, height in sizes), default=0)


def _bmp(content: bytes, target: int | None) -> int:
    height = int.from_bytes(content[22:26], "little", signed=True)  # below 0: stored from the top
    return int.from_bytes(content[18:22], "little") * abs(height)


def _at_most(found: Mapping[str, int], most: Mapping[str, int]) -> None:
    for what, limit in most.items():
        if found.get(what, 0) > limit:
            raise _too_many(what, limit)


def _too_many(what: str, limit: int) -> InvalidImage:
    return InvalidImage(
        f"image must have at most {limit:,} {what}; got more. Save it again as a plain JPEG or PNG.",
        code="image_too_complex",
    )


# place of a format's mark, the mark, its check
_CHECKS: tuple[tuple[int, bytes, Callable[[bytes, int | None], int]], ...] = (
    (0, b"\xff\xd8\xff", _jpeg),
    (0, b"\x89PNG\r\n\x1a\n", _png),
    (0, b"RIFF", _webp),
    (0, b"GIF8", _gif),
    (4, b"ftyp", _media),
    (0, b"BM", _bmp),
)
