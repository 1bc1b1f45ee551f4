"""Labelled photos for voters and backbones: from the catalogue, from a folder per label or from a CSV."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, PhotoLabels, Snapshot, check_label_kind, label_of
from data.errors import InvalidFeed
from training.errors import NotEnoughData

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif", ".avif", ".bmp"}
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A photo or label that was left out, and why."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LabelledPhotos:
    """Photos with one label each.

    Attributes:
        label_kind: `category` or `attr.<name>`.
        labels: the label names, sorted.
        keys: sha256 of each photo.
        y: int64 (n,), number of each photo's label.
        products: int64 (n,), number of the product that each shows; if unknown, each photo has its own.
        sources: file of each photo; empty for photos of the catalogue.
        excluded: the photos and labels that were left out.
        corrected: how many photos have another label than the catalogue gives them, because the shop corrected it.
    """

    label_kind: str
    labels: tuple[str, ...]
    keys: tuple[str, ...]
    y: Numbers
    products: Numbers
    sources: tuple[Path, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    corrected: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def counts(self) -> dict[str, int]:
        """Number of photos of each label."""
        sizes = np.bincount(self.y, minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, sizes, strict=True))

    @property
    def imbalance(self) -> str:
        """A warning if the largest label has over ten times the photos of the smallest; else empty."""
        counts = self.counts
        small, large = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
        if counts[large] <= 10 * counts[small]:
            return ""
        return f"{large!r} has {counts[large]} photos, {small!r} only {counts[small]}: add photos of the small labels."

    def subset(self, rows: Numbers) -> "LabelledPhotos":
        """Returns some of the photos, with the same labels."""
        return replace(
            self,
            keys=tuple(self.keys[row] for row in rows),
            y=self.y[rows],
            products=self.products[rows],
            sources=tuple(self.sources[row] for row in rows) if self.sources else (),
        )


def from_catalogue(catalogue: Catalogue, snapshot: Snapshot, label_kind: str = "category") -> LabelledPhotos:
    """Labels the snapshot's photos with their product's category or attribute, or as the shop corrected it.

    Args:
        label_kind: `category` or `attr.<name>`.

    Raises:
        InvalidLabel: `label_kind` is neither.
        NotEnoughData: fewer than 2 labels have 2 photos each.
    """
    check_label_kind(label_kind)
    facts = catalogue.facts(np.unique(snapshot.product_keys).tolist())
    corrections = PhotoLabels(catalogue.home, label_kind).corrections()
    rows, corrected = [], set()
    for key, sha256 in zip(snapshot.product_keys.tolist(), snapshot.image_sha256, strict=True):
        label = label_of(facts[key].product, label_kind) if key in facts else ""
        if (sha256, label) in corrections:
            label = corrections[sha256, label]
            corrected.add(sha256)
        rows.append((sha256, label, key, None))
    return replace(_gather(label_kind, rows), corrected=len(corrected))


def from_files(path: Path) -> LabelledPhotos:
    """Returns labelled photos from a folder with one folder per label, or a CSV with the columns `path,label`.

    Paths in the CSV are relative to it.

    Raises:
        InvalidFeed: the path is neither, or a row lacks a column.
        NotEnoughData: fewer than 2 labels have 2 photos each.
    """
    return _gather("category", [*_read_rows(path)])


def label_photos(path: Path, labels: Sequence[str]) -> LabelledPhotos:
    """Returns labelled photos to measure on; photos whose label is not in `labels` are excluded."""
    rows, excluded = [], []
    for row in _read_rows(path):
        if row[1] in labels:
            rows.append(row)
        else:
            excluded.append(Exclusion(what=str(row[3]), reason=f"label {row[1]!r} is unknown to the voters"))
    if not rows:
        raise NotEnoughData(f"{path} must hold photos of labels that the voters know; got none.")
    names = tuple(labels)
    return _build("category", names, rows, excluded)


_Entry = tuple[str, str, int, Path | None]


def _read_rows(path: Path) -> Iterator[_Entry]:
    pairs = _folder_pairs(path) if path.is_dir() else _csv_pairs(path)
    for number, (photo, label) in enumerate(pairs):
        try:
            sha256 = hashlib.sha256(photo.read_bytes()).hexdigest()
        except OSError as error:
            raise InvalidFeed(
                f"every photo must be readable; got {photo} ({error.strerror}). Correct {path}."
            ) from error
        yield sha256, label, -1 - number, photo


def _folder_pairs(root: Path) -> Iterator[tuple[Path, str]]:
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        for photo in sorted(folder.rglob("*")):
            if photo.suffix.lower() in _SUFFIXES and photo.is_file():
                yield photo, folder.name


def _csv_pairs(path: Path) -> Iterator[tuple[Path, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            if not {"path", "label"} <= set(reader.fieldnames or ()):
                raise InvalidFeed(f"{path} must have the columns path,label; got {reader.fieldnames}.")
            for row in reader:
                photo, label = (row["path"] or "").strip(), (row["label"] or "").strip()
                if not photo or not label:
                    raise InvalidFeed(f"{path} line {reader.line_num} must have a path and a label. Correct the line.")
                yield path.parent / photo, label
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFeed(f"{path} must be a folder or a CSV in UTF-8; got {error}.") from error


def _gather(label_kind: str, rows: Sequence[_Entry]) -> LabelledPhotos:
    """Leaves out photos without a label, photos with several labels, and labels with one photo."""
    given: dict[str, set[str]] = {}
    for sha256, label, _, _ in rows:
        given.setdefault(sha256, set()).add(label)
    excluded, kept = [], []
    for row in rows:
        what = str(row[3] or row[0])
        if not row[1]:
            excluded.append(Exclusion(what=what, reason="no label"))
        elif len(given[row[0]] - {""}) > 1:
            excluded.append(Exclusion(what=what, reason=f"same photo under {', '.join(sorted(given[row[0]] - {''}))}"))
        else:
            kept.append(row)
    photos = Counter(label for label, _ in {(row[1], row[0]) for row in kept})
    for label, count in sorted(photos.items()):
        if count < 2:
            excluded.append(Exclusion(what=label, reason="a label needs at least 2 photos; it has 1"))
    kept = [row for row in kept if photos[row[1]] >= 2]
    names = tuple(sorted({row[1] for row in kept}))
    if len(names) < 2:
        raise NotEnoughData(
            f"recognition needs at least 2 labels ({label_kind}) with 2 photos each; got {len(names)}, and "
            f"{len(excluded)} photos or labels were left out. Add photos, or choose another --label."
        )
    return _build(label_kind, names, kept, excluded)


def _build(
    label_kind: str, names: tuple[str, ...], rows: Sequence[_Entry], excluded: Sequence[Exclusion]
) -> LabelledPhotos:
    """Returns the rows as columns, each pair of photo and product once."""
    number = {name: index for index, name in enumerate(names)}
    unique = list({(row[0], row[2]): row for row in rows}.values())
    _, products = np.unique([row[2] for row in unique], return_inverse=True)
    return LabelledPhotos(
        label_kind=label_kind,
        labels=names,
        keys=tuple(row[0] for row in unique),
        y=np.array([number[row[1]] for row in unique], np.int64),
        products=products.astype(np.int64),
        sources=tuple(row[3] for row in unique if row[3] is not None),
        excluded=tuple(excluded),
    )
