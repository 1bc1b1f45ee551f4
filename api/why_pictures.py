"""Draws which parts of two photos make them alike: the rest is dimmed, and a box is drawn around the part."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from data.errors import LookalikeError
from data.photos import decode, photo_bytes, thumbnail_path
from data.settings import Settings
from engine.answers import PhotoPart
from engine.search import Hit

_SIDE, _GAP = 320, 12  # pixels
_DIMMED = 0.65  # how dark a place becomes that does not count
_DARK, _LINE = (18, 22, 20), (255, 212, 92)


def veil(part: PhotoPart) -> str:
    """Returns a `data:` address of a small PNG that dims a photo it is stretched over, most where nothing counts."""
    out = io.BytesIO()
    Image.merge("LA", (Image.new("L", _shade(part).size, _DARK[0]), _shade(part))).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def why_picture(photo: bytes | None, hits: tuple[Hit, ...], settings: Settings) -> Image.Image:
    """Returns a picture with a row for each hit that is explained: the photo searched by, and the hit's.

    Args:
        photo: the one that was sent; None: a product was searched by.

    Raises:
        LookalikeError: no hit is explained.
    """
    rows = [
        [_dimmed(_photo(part, photo, settings), part) for part in (hit.why_map.query, hit.why_map.hit)]
        for hit in hits
        if hit.why_map is not None
    ]
    if not rows:
        raise LookalikeError("no hit has parts that could be drawn. Search by one photo or product that has hits.")
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (2 * step + _GAP, len(rows) * step + _GAP), "white")
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            spare = _SIDE - picture.width, _SIDE - picture.height
            sheet.paste(picture, (_GAP + across * step + spare[0] // 2, _GAP + down * step + spare[1] // 2))
    return sheet


def save_picture(picture: Image.Image, path: Path) -> None:
    """Writes a picture in the format that the file's suffix names.

    Raises:
        LookalikeError: the suffix names none, or the file cannot be written.
    """
    try:
        picture.save(path)
    except (ValueError, OSError) as error:
        raise LookalikeError(
            f"{path} must be a file that can be written and ends in .png, .jpg or .webp; got {error}."
        ) from error


def _photo(part: PhotoPart, sent: bytes | None, settings: Settings) -> Image.Image:
    if part.image_id is None:
        return Image.fromarray(decode(sent or b"", settings))
    return Image.fromarray(decode(photo_bytes(thumbnail_path(settings.home, part.image_id), settings), settings))


def _dimmed(photo: Image.Image, part: PhotoPart) -> Image.Image:
    picture = photo.copy()
    picture.thumbnail((_SIDE, _SIDE))
    shade = _shade(part).resize(picture.size, Image.Resampling.BILINEAR)
    picture.paste(Image.new("RGB", picture.size, _DARK), mask=shade)
    across, down = picture.width / part.width, picture.height / part.height
    x0, y0, x1, y1 = part.box
    ImageDraw.Draw(picture).rectangle((x0 * across, y0 * down, x1 * across - 1, y1 * down - 1), outline=_LINE, width=2)
    return picture


def _shade(part: PhotoPart) -> Image.Image:
    """Returns how dark each place of the grid becomes, in grey values."""
    counts = np.array(part.grid)
    return Image.fromarray(((1 - counts) * _DIMMED * 255).round().astype(np.uint8))
