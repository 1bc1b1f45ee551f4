"""Records which photos a fine-tuned backbone learned from: it tells those apart far better than any others."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.catalogue import Snapshot
from data.settings import backbone_parts
from training.errors import InvalidTraining
from training.measures import may_be_held_out
from training.photos.labelled import LabelledPhotos
from training.photos.splits import Fold, Numbers

PHOTOS = "photos.csv"
_COLUMNS = ("sha256", "label", "side")
_LEARNED, _HELD_OUT, _SPARED = "learned", "held_out", "spared"


def spare(photos: LabelledPhotos, fold: Fold, snapshot: Snapshot) -> tuple[Fold, Numbers]:
    """Takes the photos that measure every generation's photo search out of training.

    A backbone that had learned them would be measured, and its match probability calibrated, on photos that it finds
    far better than a shopper's photo. A label that would lose all its photos keeps them.

    Args:
        photos, fold: labelled photos, and which of them would be learned.
        snapshot: the catalogue; how many of its photos measure depends on its size, so all that may are spared.

    Returns:
        The fold without them, and their rows, int64.
    """
    picked = may_be_held_out(snapshot.product_keys, snapshot.image_sha256)
    measuring = {snapshot.image_sha256[row] for row in np.flatnonzero(picked)}
    spared = np.array([photos.keys[row] in measuring for row in fold.train], np.bool_)
    left = np.bincount(photos.y[fold.train[~spared]], minlength=len(photos.labels))
    spared &= left[photos.y[fold.train]] > 0
    return replace(fold, train=fold.train[~spared]), fold.train[spared]


def photos_text(photos: LabelledPhotos, fold: Fold, spared: Numbers) -> str:
    """Returns the photos as CSV: sha256, label, and `learned`, `held_out` or `spared`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for side, rows in ((_LEARNED, fold.train), (_HELD_OUT, fold.held), (_SPARED, spared)):
        writer.writerows((photos.keys[row], photos.labels[photos.y[row]], side) for row in np.sort(rows))
    return out.getvalue()


def learned_photos(home: Path, name: str) -> frozenset[str]:
    """Returns the sha256 of the photos that a backbone, or any it joins, was trained on; none for a pretrained one.

    Spared photos count too: other photos of their products were learned, so they are recognised more easily than photos
    of a new product.

    Raises:
        InvalidTraining: the backbone's list of photos is damaged.
    """
    return frozenset().union(*(_learned(home / "backbones" / part / PHOTOS) for part in backbone_parts(name)))


def _learned(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        if tuple(lines.fieldnames or ()) != _COLUMNS:
            raise InvalidTraining(f"{path} must have the columns {', '.join(_COLUMNS)}; got {lines.fieldnames}.")
        return frozenset(line["sha256"] for line in lines if line["side"] != _HELD_OUT)
