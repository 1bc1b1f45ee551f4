"""Finds thumbnails that are missing or damaged, and makes them anew from the photos' originals."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from data.errors import InvalidImage
from data.photos.intake import Intake, thumbnail_path
from data.progress import track

_BLOCK = 1000


def lost_thumbnails(home: Path, photos: Iterable[str], *, threads: int) -> list[str]:
    """Returns those of the photos, by sha256, whose thumbnail is missing or cannot be decoded."""
    names, lost = list(photos), []
    with ThreadPoolExecutor(threads) as pool:
        for start in track(range(0, len(names), _BLOCK), "thumbnails", -(-len(names) // _BLOCK), "blocks"):
            block = names[start : start + _BLOCK]
            whole = pool.map(_is_whole, [thumbnail_path(home, name) for name in block])
            lost += [name for name, is_whole in zip(block, whole, strict=True) if not is_whole]
    return lost


def mend_thumbnails(intake: Intake, lost: Iterable[str]) -> list[str]:
    """Makes thumbnails anew from the originals; returns the photos whose original cannot be used either."""
    hopeless = []
    for sha256 in lost:
        try:
            intake.remake_thumbnail(sha256)
        except InvalidImage:
            hopeless.append(sha256)
    return hopeless


def _is_whole(path: Path) -> bool:
    try:
        with Image.open(path, formats=("WEBP",)) as image:
            image.load()
    # whatever a decoder raises on damaged bytes, the thumbnail is not whole
    except Exception:
        return False
    return True
