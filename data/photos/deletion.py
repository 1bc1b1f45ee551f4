"""Deletes the files of photos that no product needs any more: thumbnails, and originals that the home keeps."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from data.catalogue import Catalogue
from data.photos.intake import LARGER_SIDES, deletions_held, larger_path, note_deletion, thumbnail_path, upload_path

# A photo's files are written before the product that shows it. A file this young may belong to one being written now.
_YOUNG_S = 7 * 86_400.0


def sweep(catalogue: Catalogue) -> int:
    """Deletes the files that belong to no photo of the catalogue, as after a refused upload; returns how many.

    Files younger than a week stay, and so does everything where the catalogue has never held a product: its database
    is then more likely lost than empty.
    """
    if catalogue.seq() == 0:
        return 0
    home = catalogue.home
    folders = sorted([*home.glob("uploads/*/"), *home.glob("thumbs/*/")])
    return sum(_sweep_folder(folder, catalogue) for folder in folders)


def erase_product(catalogue: Catalogue, product_id: str) -> bool:
    """Deletes a product, and erases its facts and the files of photos that no other product needs, at once.

    Returns:
        False if there is nothing of such a product.
    """
    home = catalogue.home
    with deletions_held(home):
        erased = catalogue.erase_product(product_id)
        _delete(home, [path for sha256 in erased or () for path in _files(home, sha256)])
    return erased is not None


def _files(home: Path, sha256: str) -> list[Path]:
    """Returns the files that a photo may have."""
    larger = [larger_path(home, sha256, side) for side in LARGER_SIDES]
    return [upload_path(home, sha256), thumbnail_path(home, sha256), *larger]


def _sweep_folder(folder: Path, catalogue: Catalogue) -> int:
    with deletions_held(catalogue.home):
        paths = {
            path: re.split("[.-]", path.name)[0] for path in folder.iterdir() if path.is_file()
        }  # also a killed writer's .part file
        known = catalogue.photos(set(paths.values()))
        old = time.time() - _YOUNG_S
        gone = [path for path, name in paths.items() if name not in known and _last_used(path) < old]
        return _delete(catalogue.home, gone)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a .part file that has got its name meanwhile
        return time.time()


def _delete(home: Path, paths: Sequence[Path]) -> int:
    if paths:
        note_deletion(home)
    deleted = 0
    for path in paths:
        try:
            path.unlink()
            deleted += 1
        except FileNotFoundError:  # a photo of a feed has no upload
            continue
    return deleted
