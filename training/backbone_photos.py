"""Which photos a fine-tuned backbone learned from: it tells those apart far better than any others."""

import csv
import io
from pathlib import Path

import numpy as np

from training.datasets import LabelledPhotos
from training.errors import InvalidTraining
from training.splits import Fold

PHOTOS = "photos.csv"
_COLUMNS = ("sha256", "label", "side")
_LEARNED, _HELD_OUT = "learned", "held_out"


def photos_text(photos: LabelledPhotos, fold: Fold) -> str:
    """Returns the photos as CSV: sha256, label, and `learned` or `held_out`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for side, rows in ((_LEARNED, fold.train), (_HELD_OUT, fold.held)):
        writer.writerows((photos.keys[row], photos.labels[photos.y[row]], side) for row in np.sort(rows))
    return out.getvalue()


def learned_photos(home: Path, name: str) -> frozenset[str]:
    """Returns the sha256 of the photos that the layers of a backbone were trained on; none for a pretrained one.

    Raises:
        InvalidTraining: the backbone's list of photos is damaged.
    """
    path = home / "backbones" / name / PHOTOS
    if not path.exists():
        return frozenset()
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        if tuple(lines.fieldnames or ()) != _COLUMNS:
            raise InvalidTraining(f"{path} must have the columns {', '.join(_COLUMNS)}; got {lines.fieldnames}.")
        return frozenset(line["sha256"] for line in lines if line["side"] == _LEARNED)
