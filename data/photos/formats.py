"""The image formats that are read: how the bytes tell them apart, and Pillow's decoder of each."""

import io
import re
from collections.abc import Callable

import pillow_heif
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from data.errors import InvalidImage, UnsupportedImage

ACCEPTED = "JPEG, PNG, WebP, GIF, HEIC, AVIF or BMP"

# The decoders are called directly: `Image.open` fills a global registry, follows JPEG files into further formats
# (MPO), and answers large images with a warning whose filter is process-wide and so not safe between threads.
_DECODERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "HEIC": pillow_heif.HeifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# An image laid over others, which may be laid over others again: no camera writes it, and it can cost without bound.
_OVERLAY = re.compile(rb"infe.{8,10}iovl", re.DOTALL)
_NOT_READ = {
    b"II*\0": "a TIFF or camera raw file", b"MM\0*": "a TIFF or camera raw file", b"%PDF": "a PDF", b"8BPS": "a PSD",
}  # fmt: skip


def sniff(content: bytes) -> str:
    """Returns the format, one of `ACCEPTED`, by the first bytes; the file's name is never trusted.

    Raises:
        InvalidImage: there are no bytes (code `empty_image`).
        UnsupportedImage: the bytes have another format.
    """
    if not content:
        raise InvalidImage("image must hold bytes; got an empty file. Export it again.", code="empty_image")
    if content[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if content[4:8] == b"ftyp" and (kind := _media_kind(content)):
        return kind
    # Run-length coded BMPs are decoded in Python, slowly; the plain ones are what programs write.
    if content[:2] == b"BM" and not content[30:34].strip(b"\0"):
        return "BMP"
    got = _NOT_READ.get(content[:4]) or ("a video" if content[4:8] == b"ftyp" else "")
    got = got or f"bytes that start with {content[:8]!r}"
    raise UnsupportedImage(f"image must be {ACCEPTED}; got {got}. Save it as JPEG.")


def open_image(content: bytes, kind: str) -> ImageFile:
    """Returns the first image of a file with its size known and its pixels not yet decoded.

    Raises:
        InvalidImage: the file is built so that its pixels would cost far more than its size says.
        Whatever Pillow's decoder raises on damaged bytes.
    """
    if kind == "HEIC" and _OVERLAY.search(content):
        raise InvalidImage("image must not be laid together from several; got such a HEIC file. Save it as JPEG.")
    image = _DECODERS[kind](io.BytesIO(content))
    if tiling := image.info.get("tiling"):
        width, height = tiling["image_width"], tiling["image_height"]
        beside = (tiling["num_columns"] - 1) * tiling["tile_width"], (tiling["num_rows"] - 1) * tiling["tile_height"]
        if beside[0] >= width or beside[1] >= height:  # tiles that no pixel of the image shows
            raise InvalidImage("image must not have more tiles than it shows; got such a HEIC file. Save it as JPEG.")
    return image


def is_cut(content: bytes, kind: str) -> bool:
    """Returns whether the file's end is missing; for JPEG and GIF, which may have bytes after it, a good guess."""
    if kind == "PNG":
        return content.rfind(b"IEND\xaeB`\x82") < 0
    if kind == "WebP":
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    if kind == "JPEG":
        return not content.endswith(b"\xff\xd9")
    if kind == "BMP":
        return len(content) < int.from_bytes(content[2:6], "little")
    if kind in ("HEIC", "AVIF"):
        return _lacks_boxes(content)
    return content.rstrip(b"\0")[-1:] != b";"


def _media_kind(content: bytes) -> str:
    """Returns HEIC, AVIF or "" by the brands of an ISO media file (ISO/IEC 14496-12): its own, then the compatible."""
    end = min(int.from_bytes(content[:4], "big"), 256)
    brands = {content[place : place + 4] for place in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""


def _lacks_boxes(content: bytes) -> bool:
    """Returns whether a HEIC or AVIF file ends within a box, or before the box with the pixels."""
    place, kinds = 0, set()
    while place < len(content):
        kinds.add(content[place + 4 : place + 8])
        size = int.from_bytes(content[place : place + 4], "big")
        if size == 1:
            size = int.from_bytes(content[place + 8 : place + 16], "big")
        place = max(place + size, place + 8) if size else len(content)  # 0: up to the end of the file
    return place > len(content) or b"mdat" not in kinds
