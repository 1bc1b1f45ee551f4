"""Photos made to keep a decoder busy: small files with more scans, chunks, profiles or metadata than any photo has."""

import io
import struct
import zlib
from functools import cache

import image_corpus as corpus
from PIL import Image


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(width: int = 96, height: int = 64, **options: object) -> bytes:
    return corpus.encoded(Image.fromarray(corpus.scene(width, height)), "JPEG", **options)


def with_segments(count: int, one: bytes) -> bytes:
    photo = jpeg()
    return photo[:2] + one * count + photo[2:]


def with_scans(count: int, *, width: int = 4_000, height: int = 3_000) -> bytes:
    """A progressive JPEG with further scans that hold nothing, for each of which the decoder visits every block."""
    photo = corpus.encoded(Image.new("RGB", (width, height), "red"), "JPEG", progressive=True, quality=30)
    empty = segment(0xDA, b"\x01\x01\x00\x01\x05\x00") + b"\x00" * 8
    return photo[:-2] + empty * count + photo[-2:]


def png_with(*chunks: bytes) -> bytes:
    return corpus.png(32, 32, 8, 0, (b"\0" + b"\x80" * 32) * 32, before=b"".join(chunks))


def profile(inflated_bytes: int) -> bytes:
    return corpus.chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(inflated_bytes), 9))


def exif_of(size_bytes: int) -> bytes:
    """EXIF in which each of many entries points to the whole of it."""
    count = min(0xFFFF, size_bytes // 12 - 10)
    entries = [(number + 1, 7, size_bytes - 20, 8) for number in range(count)]
    return corpus.tiff(entries).ljust(size_bytes, b"\0")


def webp_with(kind: bytes, content: bytes) -> bytes:
    picture = corpus.encoded(Image.fromarray(corpus.scene()), "WEBP")[12:]
    flag = {b"EXIF": 8, b"ICCP": 32}[kind]
    parts = [corpus.canvas(96, 64, flag), (picture[:4], picture[8:])]
    parts.insert(1 if kind == b"ICCP" else 2, (kind, content))
    return corpus.riff(parts)


def gif_with_comment(size_bytes: int) -> bytes:
    photo = corpus.encoded(Image.fromarray(corpus.scene()), "GIF")
    start = 13 + (3 << (photo[10] & 7) + 1)
    comment = b"!\xfe" + (b"\xff" + b"c" * 255) * (size_bytes // 255) + b"\0"
    return photo[:start] + comment + photo[start:]


def palette_without_colours() -> bytes:
    """A palette PNG without its PLTE chunk; Pillow 13 meets an assertion of its own at it."""
    return corpus.png(32, 32, 8, 3, (b"\0" + bytes(32)) * 32)


def largest_16_bit() -> bytes:
    """A PNG of 40 megapixels with 16-bit colours and transparency: 311 kB, and half a gigabyte on its way to RGB."""
    rows = zlib.compressobj()
    pixels = b"".join(rows.compress(bytes(1 + 8_000 * 8)) for _ in range(5_000)) + rows.flush()
    header = corpus.chunk(b"IHDR", struct.pack(">IIBBBBB", 8_000, 5_000, 16, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + corpus.chunk(b"IDAT", pixels) + corpus.chunk(b"IEND", b"")


@cache
def too_complex() -> dict[str, bytes]:
    """Photos that are refused by their outline."""
    out = io.BytesIO()
    Image.fromarray(corpus.scene()).save(out, "WEBP")
    return {
        "1,000 empty scans": with_scans(1_000),
        "65 scans": with_scans(55, width=64, height=64),
        "1,001 comments": with_segments(1_001, segment(0xFE, b"")),
        "100,000 application segments": with_segments(100_000, segment(0xE4, b"x")),
        "EXIF in 33 segments": with_segments(33, segment(0xE1, b"Exif\0\0" + bytes(4_096))),
        "256 profile segments": with_segments(256, segment(0xE2, b"ICC_PROFILE\0\1\1")),
        "4 MB of profile": with_segments(70, segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000))),
        "2 profiles": png_with(profile(100), profile(100)),
        "9,000 profiles": png_with(*[profile(1 << 20)] * 9_000),
        "201 texts": png_with(*[corpus.chunk(b"tEXt", b"k\0v")] * 201),
        "201 compressed texts": png_with(*[corpus.chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 20)))] * 201),
        "1,001 unknown chunks": png_with(*[corpus.chunk(b"abCd", b"")] * 1_001),
        "tiny pixel chunks": png_with(*[corpus.chunk(b"fdAT", b"")] * 2_000),
        "2 MB of EXIF in a PNG": png_with(corpus.chunk(b"eXIf", exif_of(2_000_000))),
        "2 MB of EXIF in a WebP": webp_with(b"EXIF", exif_of(2_000_000)),
        "5 MB of profile in a WebP": webp_with(b"ICCP", bytes(5_000_000)),
        "20,001 frames": corpus.animated_webp(20_001),
        "2 MB of comment in a GIF": gif_with_comment(2_000_000),
    }
