"""The only image decoder: import, indexing and queries all take this one safe way from bytes to pixels."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from data.errors import ImageTooLarge, InvalidImage
from data.photos.formats import is_cut, open_image, sniff
from data.photos.icc import to_srgb
from data.photos.truncation import END, MOST_MISSING, cut_at, missing_share
from data.settings import Settings

MIN_SIDE, MAX_SIDE, MAX_ASPECT = 16, 16_384, 20
Pixels = NDArray[np.uint8]

# What the plugins raise on damaged bytes; anything else is a defect that should be seen.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, ArithmeticError, MemoryError,
    AttributeError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Photo:
    """A decoded photo.

    Attributes:
        pixels: uint8 (h, w, 3), RGB, upright; may be a reduced copy where a target was given. Read-only.
        width, height: size of the whole photo as shown (orientation applied), before any reduction.
        missing_lines: lines of the stored picture that are missing at its end, grey in `pixels`, where `is_truncated`.
        is_truncated: whether the file ends early; by at most 5 % of its lines.
        colours: names of the main colours within its borders, as `colours.dominant_colours` gives them; empty where
            they were not asked for.
    """

    pixels: Pixels
    width: int
    height: int
    missing_lines: int = 0
    is_truncated: bool = False
    colours: tuple[str, ...] = ()


def decode_photo(
    content: bytes,
    settings: Settings,
    *,
    target: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    fit: int | None = None,
) -> Photo:
    """Returns the first frame of a photo, decoded to upright RGB.

    The result depends on these arguments alone, so that a photo gives the same pixels as product and as query.
    Colours become sRGB where the profile is of an ordinary RGB space (`icc.py`); transparent parts become white.

    Args:
        content: the file's bytes.
        target: pixels the caller needs on the shorter side. A photo at least twice as large is decoded at 1/2, 1/4 or
            1/8 of its size, the smallest at which the shorter side still has `target` pixels. None: full size.
        crop: left, top, right and bottom of the only part wanted, in pixels of the decoded photo, none below 0.
        fit: the longer side is shrunk to so many pixels, after all else.

    Raises:
        ImageTooLarge: over `max_image_bytes`, `max_pixels` or 16,384 pixels on a side.
        UnsupportedImage: of another format than `data.photos.formats.ACCEPTED`.
        InvalidImage: damaged; `code` is one of empty_image, truncated, image_too_small, image_too_narrow,
            undecodable_image.
    """
    kind = _sniff_capped(content, settings)
    cut = cut_at(content) if kind == "JPEG" else None
    missing = 0.0
    try:
        with open_image(content if cut is None else content[:cut] + END, kind) as image:
            width, height = image.size
            _check_size(width, height, settings)
            missing = missing_share(content[:cut]) if cut is not None else 0.0
            if missing > MOST_MISSING:
                raise _damaged(content, kind)
            reduction = _reduction(width, height, target)
            if kind == "JPEG" and reduction > 1:
                image.draft(None, (width // reduction, height // reduction))
                reduction = 1
            image.load()
            if kind == "HEIC":  # libheif knows the size for sure only once the pixels are there
                width, height = image.size
            orientation, profile = _orientation(image), _profile(image)
            rgb = _to_rgb(image)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(settings) from error
    except _DAMAGE as error:
        raise _damaged(content, kind) from error
    if reduction > 1:
        rgb = rgb.reduce(reduction)
    rgb = to_srgb(rgb, profile)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    missing_lines = round(missing * height)
    if orientation >= 5:
        width, height = height, width
    return Photo(np.asarray(_part(rgb, crop, fit)), width, height, missing_lines, cut is not None)


def encode_png(image: Image.Image, settings: Settings) -> bytes:
    """Returns a PIL image as PNG, of which `decode` makes the same upright RGB as of the image's own file.

    Raises:
        ImageTooLarge, InvalidImage: its size is refused as `decode_photo` would, or its pixels cannot be read.
    """
    _check_size(*image.size, settings)
    out = io.BytesIO()
    try:
        orientation, profile = _orientation(image), _profile(image)
        rgb = to_srgb(_to_rgb(image), profile)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        rgb.save(out, "PNG", compress_level=1, icc_profile=None)
    except _DAMAGE as error:
        raise InvalidImage(
            f"a PIL image must hold readable pixels; got {error}. Open it again, or convert it to RGB."
        ) from error
    return out.getvalue()


def _sniff_capped(content: bytes, settings: Settings) -> str:
    """Returns the format as `sniff` does, after checking what needs no decoder: the byte limit and a missing end."""
    if len(content) > settings.max_image_bytes:
        raise ImageTooLarge(
            f"image must be at most {settings.max_image_bytes:,} bytes; got {len(content):,}. "
            "Resize it or raise LOOKALIKE_MAX_IMAGE_BYTES."
        )
    kind = sniff(content)
    # Pillow accepts a PNG without its end and a WebP shorter than it says when the first frame happens to be whole.
    if kind in ("PNG", "WebP") and is_cut(content, kind):
        raise _damaged(content, kind)
    return kind


def _check_size(width: int, height: int, settings: Settings) -> None:
    """Refuses sizes that cannot be product photos or would cost too much; nothing has been decoded yet."""
    if width * height > settings.max_pixels or max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"image must be at most {settings.max_pixels / 1e6:g} megapixels and {MAX_SIDE} pixels on a side; "
            f"got {width * height / 1e6:.1f} ({width} x {height}). Resize it or raise LOOKALIKE_MAX_PIXELS."
        )
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(
            f"image must be at least {MIN_SIDE} x {MIN_SIDE} pixels; got {width} x {height}. Use a larger photo.",
            code="image_too_small",
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InvalidImage(
            f"image must be at most {MAX_ASPECT} times as long as wide; got {width} x {height}. Crop it.",
            code="image_too_narrow",
        )


def _reduction(width: int, height: int, target: int | None) -> int:
    if not target:
        return 1
    spare = min(width, height) // target
    return next(factor for factor in (8, 4, 2, 1) if spare >= factor or factor == 1)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DAMAGE:
        return 1  # a photo with broken EXIF is still a good photo
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _profile(image: Image.Image) -> bytes | None:
    """Returns the colour profile, if the pixels are of the kind that it would have to describe."""
    profile = image.info.get("icc_profile")
    return profile if image.mode in ("RGB", "RGBA", "P") and isinstance(profile, bytes) else None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow inverts every CMYK JPEG; only Adobe's are stored inverted
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(layer, mask=layer.getchannel("A"))
    return opaque


def _part(rgb: Image.Image, crop: tuple[int, int, int, int] | None, fit: int | None) -> Image.Image:
    if crop is not None:
        right, bottom = min(crop[2], rgb.width), min(crop[3], rgb.height)
        rgb = rgb.crop((min(crop[0], right), min(crop[1], bottom), right, bottom))
    if fit is not None:
        rgb.thumbnail((fit, fit), Image.Resampling.HAMMING)
    return rgb


def _too_many_pixels(settings: Settings) -> ImageTooLarge:
    return ImageTooLarge(
        f"image must be at most {settings.max_pixels / 1e6:g} megapixels; got several times as many. "
        "Resize it or raise LOOKALIKE_MAX_PIXELS."
    )


def _damaged(content: bytes, kind: str) -> InvalidImage:
    if is_cut(content, kind):
        return InvalidImage(
            f"image must be whole; got a {kind} file that ends early after {len(content):,} bytes. Upload it again.",
            code="truncated",
        )
    return InvalidImage(f"image must be a readable {kind} file; got damaged bytes. Export it again.")
