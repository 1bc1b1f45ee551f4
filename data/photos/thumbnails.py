"""Finds thumbnails that are missing or damaged, and makes them anew from the photos' originals."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from data.errors import InvalidImage
from data.photos.intake import Intake, thumbnail_path
from data.photos.thumbnail_file import is_whole
from data.progress import track

_BLOCK = 1000


def lost_thumbnails(home: Path, photos: Iterable[str], *, threads: int) -> list[str]:
    """Returns those of the photos, by sha256, whose thumbnail is missing or damaged."""
    names, lost = list(photos), []
    with ThreadPoolExecutor(threads) as pool:
        for start in track(range(0, len(names), _BLOCK), "thumbnails", -(-len(names) // _BLOCK), "blocks"):
            block = names[start : start + _BLOCK]
            found = pool.map(is_whole, [thumbnail_path(home, name) for name in block])
            lost += [name for name, whole in zip(block, found, strict=True) if not whole]
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
