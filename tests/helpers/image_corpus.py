"""Images as strangers send them, odd but good ones and hostile ones, each made by a few lines of code."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from functools import cache

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageChops

from data.errors import ImageTooLarge, InvalidImage, UnsupportedImage

SCRIPT = b"*/=1;alert(document.cookie)//<script>alert(1)</script>"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """A smooth picture with a red, a green, a blue and a yellow corner: no two orientations look alike."""
    corners = np.array([[[220, 30, 30], [30, 160, 40]], [[40, 60, 210], [230, 210, 40]]], dtype=np.uint8)
    return np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR))


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes, *, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A PNG of packed `rows`, with further chunks before and after its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def riff(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", struct.pack("<I", flags) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]


def animated_webp(frames: int) -> bytes:
    """One small first frame, red, and many more, blue, as the format's container allows."""
    red, blue = (encoded(Image.new("RGB", (32, 32), colour), "WEBP")[12:] for colour in ("red", "blue"))
    place = b"\0" * 6 + struct.pack("<I", 31)[:3] * 2 + struct.pack("<I", 10)[:3] + b"\0"
    pictures = ((b"ANMF", place + (red if number == 0 else blue)) for number in range(frames))
    return riff([canvas(32, 32, flags=2), (b"ANIM", b"\0" * 6), *pictures])


def animated_gif(frames: int) -> bytes:
    first, *others = [Image.new("RGB", (32, 32), "red")] + [
        Image.new("RGB", (32, 32), (0, 0, number % 256)) for number in range(frames - 1)
    ]
    return encoded(first, "GIF", save_all=True, append_images=others, duration=10)


def exif(orientation: int) -> bytes:
    return b"Exif\0\0" + tiff([(0x0112, 3, 1, orientation)])


def tiff(entries: list[tuple[int, int, int, int]], next_directory: int = 0) -> bytes:
    """A little-endian TIFF directory at offset 8: what EXIF is made of."""
    fields = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + fields + struct.pack("<I", next_directory)
    )


def stored_as(orientation: int, kind: str = "JPEG") -> bytes:
    """`scene()` as a camera stores it: where row 0 and column 0 of the file lie in the picture is EXIF's own table
    (JEITA CP-3451, tag 0x0112): 1 top left, 2 top right, 3 bottom right, 4 bottom left, 5 left top, 6 right top,
    7 right bottom, 8 left bottom."""
    seen, turned = scene(), scene().transpose(1, 0, 2)
    stored = {
        1: seen, 2: seen[:, ::-1], 3: seen[::-1, ::-1], 4: seen[::-1],
        5: turned, 6: turned[::-1], 7: turned[::-1, ::-1], 8: turned[:, ::-1],
    }[orientation]  # fmt: skip
    picture = Image.fromarray(np.ascontiguousarray(stored))
    if kind == "HEIC":
        return heic(picture, exif=exif(orientation))
    return encoded(picture, kind, quality=95, exif=exif(orientation))


def without_segment(jpeg: bytes, marker: int) -> bytes:
    """The JPEG without its segments of that marker."""
    kept, place = jpeg[:2], 2
    while jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        kept += b"" if jpeg[place + 1] == marker else jpeg[place:end]
        place = end
    return kept + jpeg[place:]


def cmyk(adobe: bool) -> bytes:
    """`scene()` in CMYK, stored inverted with Adobe's mark (as Photoshop does), or plain without it."""
    picture = Image.fromarray(scene()).convert("CMYK")
    if adobe:
        return encoded(picture, "JPEG", quality=95)
    return without_segment(encoded(ImageChops.invert(picture), "JPEG", quality=95), 0xEE)


def ycck() -> bytes:
    """A red photo in Adobe's YCCK. Its inks are C, M, Y, K = 0, 255, 255, 0, stored inverted as 255, 0, 0, 255; the
    first three are coded as the YCbCr of R = 255 - C and so on (libjpeg, jdcolor.c): 179, 171, 0 for (0, 255, 255)."""
    raw = Image.merge("CMYK", [Image.new("L", (32, 32), 255 - value) for value in (179, 171, 0, 255)])
    jpeg = encoded(raw, "JPEG", quality=95)
    place = jpeg.index(b"Adobe") + 11
    return jpeg[:place] + b"\2" + jpeg[place + 1 :]


def palette(transparent: bool) -> bytes:
    picture = Image.fromarray(scene()).quantize(64)
    return encoded(picture, transparency=bytes(64)) if transparent else encoded(picture)


def with_alpha(mode: str, kind: str = "PNG") -> bytes:
    """`scene()` whose left half cannot be seen, with black hidden beneath."""
    pixels = scene().copy()
    pixels[:, :48] = 0
    alpha = np.full(pixels.shape[:2], 255, dtype=np.uint8)
    alpha[:, :48] = 0
    picture = Image.fromarray(np.dstack([pixels, alpha]))
    return encoded(picture.convert(mode), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, **{"quality": 95, **options})
    return out.getvalue()


def with_sizes(content: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """A HEIC or AVIF file that names another size in its header (box `ispe`), and in the header of its tiles."""
    content = content.replace(b"ispe\0\0\0\0" + struct.pack(">II", *old), b"ispe\0\0\0\0" + struct.pack(">II", *new))
    return content.replace(struct.pack(">HH", *old), struct.pack(">HH", *new))


def packed_bmp() -> bytes:
    bmp = encoded(Image.fromarray(scene()).convert("L"), "BMP")
    return bmp[:30] + b"\1" + bmp[31:]  # says that it is run-length coded


def two_images() -> bytes:
    """A HEIC file of two images, red and blue, of which the red one is the photo."""
    both = pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red"))
    both.add_from_pillow(Image.new("RGB", (64, 64), "blue"))
    out = io.BytesIO()
    both.save(out, primary_index=0)
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.sh", SCRIPT)
    return out.getvalue()


@cache
def good() -> dict[str, bytes]:
    """Images that must decode."""
    jpeg = encoded(Image.fromarray(scene()), "JPEG", quality=95)
    gif = encoded(Image.fromarray(scene()), "GIF")
    return {
        "jpeg": jpeg,
        "progressive jpeg": encoded(Image.fromarray(scene()), "JPEG", progressive=True, quality=95),
        "grey jpeg": encoded(Image.fromarray(scene()).convert("L"), "JPEG"),
        "png": encoded(Image.fromarray(scene())),
        "16-bit rgb png": png(32, 32, 16, 2, (b"\0" + b"\xff\x00\x80\x00\x40\x00" * 32) * 32),
        "16-bit grey png": encoded(Image.fromarray(np.full((32, 32), 0xC0FF, dtype=np.uint16))),
        "1-bit png": encoded(Image.fromarray(scene()).convert("1")),
        "la png": with_alpha("LA"),
        "rgba png": with_alpha("RGBA"),
        "palette png": palette(transparent=False),
        "palette with alpha": palette(transparent=True),
        "webp": encoded(Image.fromarray(scene()), "WEBP", lossless=True),
        "webp with alpha": with_alpha("RGBA", "WEBP"),
        "gif": gif,
        "heic": heic(Image.fromarray(scene())),
        "tiled heic": heic(Image.fromarray(scene()), tile_size=64),
        "avif": encoded(Image.fromarray(scene()), "AVIF", quality=95),
        "bmp": encoded(Image.fromarray(scene()), "BMP"),
        "heic of two": two_images(),
        "animated webp": animated_webp(10_000),
        "animated gif": animated_gif(50),
        "adobe cmyk": cmyk(adobe=True),
        "plain cmyk": cmyk(adobe=False),
        "ycck": ycck(),
        "broken icc": encoded(Image.fromarray(scene()), "JPEG", icc_profile=b"\0\1\2broken" * 9),
        "exif garbage": encoded(Image.fromarray(scene()), "JPEG", exif=b"Exif\0\0" + bytes(range(200))),
        "exif loop": encoded(
            Image.fromarray(scene()), "JPEG", exif=b"Exif\0\0" + tiff([(0x8769, 4, 1, 8)], next_directory=8)
        ),
        "jpeg and zip": jpeg + zipped(),
        "gif and script": gif + SCRIPT,
        "png with text": png(32, 32, 8, 0, (b"\0" + b"\x80" * 32) * 32, after=chunk(b"tEXt", b"Comment\0" + SCRIPT)),
        "more pixels than said": png(32, 32, 8, 0, b"\0" * 50_000_000),
    }


_REFUSED = (InvalidImage, "undecodable_image")
_OTHER = (UnsupportedImage, "unsupported_image")
_TOO_LARGE = (ImageTooLarge, "image_too_large")


@cache
def bad() -> dict[str, tuple[bytes, type[InvalidImage], str]]:
    """Images that must be refused: bytes, error, code."""
    bomb = zlib.compress(b"A" * 50_000_000, 9)
    grey = (b"\0" + b"\x80" * 32) * 32
    short_gif = struct.pack("<6sHHBBB", b"GIF89a", 65_535, 65_535, 0, 0, 0)
    frame = struct.pack("<cHHHHB", b",", 0, 0, 65_535, 65_535, 0) + b"\2\1\0\0;"
    return {
        "bomb png": (png(30_000, 30_000, 1, 0, b"\0" * (30_000 * 3_751)), *_TOO_LARGE),
        "just over": (png(6_400, 6_400, 1, 0, b""), *_TOO_LARGE),
        "bomb gif": (short_gif + frame, *_TOO_LARGE),
        "bomb webp": (riff([canvas(16_000, 16_000), (b"VP8L", b"\x2f")]), InvalidImage, ""),
        "giant webp canvas": (riff([canvas(1 << 24, 64), (b"VP8L", b"\x2f")]), InvalidImage, ""),
        "ztxt bomb": (png(32, 32, 8, 0, grey, before=chunk(b"zTXt", b"k\0\0" + bomb)), *_REFUSED),
        "itxt bomb": (
            png(32, 32, 8, 0, grey, after=chunk(b"iTXt", b"k\0\1\0\0\0" + bomb)), *_REFUSED,
        ),
        "icc bomb": (png(32, 32, 8, 0, grey, before=chunk(b"iCCP", b"k\0\0" + bomb)), *_REFUSED),
        "1x1": (encoded(Image.new("RGB", (1, 1))), InvalidImage, "image_too_small"),
        "15x15": (encoded(Image.new("RGB", (15, 15)), "JPEG"), InvalidImage, "image_too_small"),
        "20000x10": (encoded(Image.new("RGB", (20_000, 10)), "JPEG"), *_TOO_LARGE),
        "1x65500": (encoded(Image.new("L", (1, 65_500)), "JPEG"), *_TOO_LARGE),
        "narrow": (encoded(Image.new("RGB", (16, 400))), InvalidImage, "image_too_narrow"),
        "zero bytes": (b"", InvalidImage, "empty_image"),
        "text": (b"hello, I am a photo\n" * 9, *_OTHER),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', *_OTHER),
        "bomb heic": (with_sizes(heic(Image.new("RGB", (64, 64))), (64, 64), (30_000, 30_000)), *_TOO_LARGE),
        "heic of unseen tiles": (
            with_sizes(heic(Image.new("RGB", (512, 448)), tile_size=64), (512, 448), (64, 64)), *_REFUSED,
        ),
        "heic larger than said": (with_sizes(heic(Image.new("RGB", (512, 448))), (512, 448), (64, 64)), *_REFUSED),
        "heic of layers": (heic(Image.fromarray(scene())).replace(b"hvc1\0", b"iovl\0", 1), *_REFUSED),
        "bomb avif": (with_sizes(encoded(Image.new("RGB", (64, 64)), "AVIF"), (64, 64), (9_000, 9_000)), *_TOO_LARGE),
        "packed bmp": (packed_bmp(), *_OTHER),
        "video": (b"\0\0\0\x18ftypisom\0\0\0\0mp41isom" + bytes(99), *_OTHER),
        "tiff": (encoded(Image.fromarray(scene()), "TIFF"), *_OTHER),
        "magic alone": (b"\xff\xd8\xff", InvalidImage, "truncated"),
        "png magic alone": (b"\x89PNG\r\n\x1a\n", InvalidImage, "truncated"),
        "pdf called jpeg": (b"%PDF-1.7\n" + b"\xff\xd8\xff", *_OTHER),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", *_OTHER),
    }  # fmt: skip
