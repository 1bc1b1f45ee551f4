"""Features of labelled photos: read from the feature store, embedded once if they are missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.errors import InvalidImage, LookalikeError
from data.features import FeatureStore
from data.photos import Intake, Pixels, decode_within_borders
from data.settings import Settings
from engine.backbones import decode_target, looked_at
from engine.protocols import Backbone, BackboneSpec, Floats
from engine.recognition import VIEWS
from training.errors import NotEnoughData
from training.photos.augmentation import VARIED, augment, copy_key, look_key, vary
from training.photos.labelled import Exclusion, LabelledPhotos
from training.photos.rows import TrainingRows

GetBackbone = Callable[[], Backbone]


class PhotoReader:
    """Reads photos from the files that they were labelled in, and all others from the catalogue.

    Args:
        files: sha256 -> file.
    """

    def __init__(self, settings: Settings, files: Mapping[str, Path] | None = None) -> None:
        self._files = files or {}
        self._intake = Intake(settings, Catalogue(settings.home))

    def read(self, sha256: str) -> bytes:
        """Returns the photo's bytes.

        Raises:
            InvalidImage: the photo is gone or was changed.
        """
        if sha256 not in self._files:
            return self._intake.original(sha256)
        try:
            return self._files[sha256].read_bytes()
        except OSError as error:
            raise InvalidImage(f"{self._files[sha256]} must be readable; got {error}.", code="source_gone") from error


def reader_of(settings: Settings, photos: LabelledPhotos) -> PhotoReader:
    """Returns a reader of labelled photos, whether they are in files or in the catalogue."""
    return PhotoReader(settings, dict(zip(photos.keys, photos.sources, strict=True)) if photos.sources else {})


@dataclass(frozen=True, kw_only=True)
class BackboneLoader:
    """Loads the backbone when called, so that it is loaded only if needed."""

    settings: Settings
    spec: BackboneSpec

    def __call__(self) -> Backbone:
        from engine.backbones import load_backbone

        return load_backbone(self.settings, self.spec)


def gather(
    settings: Settings,
    spec: BackboneSpec,
    photos: LabelledPhotos,
    *,
    copies: int = 0,
    looks: Sequence[str] = ("photo",),
    get_backbone: GetBackbone,
) -> tuple[LabelledPhotos, TrainingRows]:
    """Returns the usable photos and their features; embeds what the feature store lacks.

    Args:
        copies: augmented copies of each photo.
        looks: those at each photo that are recognised together, `photo` first.
        get_backbone: called only if something must be embedded.

    Raises:
        NotEnoughData: fewer than 2 labels are left with 2 photos.
    """
    store = FeatureStore(settings.home, spec.fingerprint, spec.dim)
    names: list[Callable[[str], str]] = [partial(look_key, look=look) for look in looks]
    names += [partial(copy_key, number=number) for number in range(copies)]
    wanted = [name(sha256) for name in names for sha256 in dict.fromkeys(photos.keys)]
    failed = embed_missing(settings, store, reader_of(settings, photos), store.missing(wanted), get_backbone)
    if failed:
        photos = without(photos, failed)
    columns = [store.read([name(sha256) for sha256 in photos.keys]) for name in names]
    empty = np.zeros((0, len(photos), spec.dim), np.float32)
    rows = TrainingRows(
        views=np.stack(columns[: len(looks)]),
        copies=np.stack(columns[len(looks) :]) if copies else empty,
        y=photos.y,
        view_names=tuple(looks),
    )
    return photos, rows


def gather_known(
    settings: Settings, spec: BackboneSpec, photos: LabelledPhotos, *, looks: Sequence[str], get_backbone: GetBackbone
) -> tuple[LabelledPhotos, Floats]:
    """Returns the photos to measure on that can be read, and their pool_3 features, float32 (views, n, dim)."""
    store = FeatureStore(settings.home, spec.fingerprint, spec.dim)
    wanted = [look_key(sha256, look) for look in looks for sha256 in dict.fromkeys(photos.keys)]
    failed = embed_missing(settings, store, reader_of(settings, photos), store.missing(wanted), get_backbone)
    keep = np.flatnonzero([key not in failed for key in photos.keys])
    excluded = tuple(Exclusion(what=key, reason=reason) for key, reason in failed.items())
    photos = replace(photos.subset(keep), excluded=(*photos.excluded, *excluded))
    return photos, np.stack([store.read([look_key(sha256, look) for sha256 in photos.keys]) for look in looks])


def without(photos: LabelledPhotos, failed: dict[str, str]) -> LabelledPhotos:
    """Returns the photos without those in `failed` (sha256 -> reason).

    Raises:
        NotEnoughData: a label is left with fewer than 2 photos.
    """
    keep = np.flatnonzero([key not in failed for key in photos.keys])
    excluded = tuple(Exclusion(what=key, reason=reason) for key, reason in failed.items())
    left = photos.subset(keep)
    counts = np.bincount(left.y, minlength=len(left.labels))
    if (counts < 2).any():
        small = [name for name, count in zip(left.labels, counts.tolist(), strict=True) if count < 2]
        raise NotEnoughData(
            f"every label needs 2 usable photos; {', '.join(small[:5])} has fewer: {len(failed)} could not be read "
            f"({next(iter(failed.values()))}). Add photos or remove the label."
        )
    return replace(left, excluded=(*photos.excluded, *excluded))


def embed_missing(
    settings: Settings, store: FeatureStore, reader: PhotoReader, missing: Sequence[str], get_backbone: GetBackbone
) -> dict[str, str]:
    """Embeds the views and copies that are missing; returns the photos that could not be read, with the reason."""
    if not missing:
        return {}
    from engine.backbones import embed_photos

    backbone = get_backbone()
    target = partial(decode_target, backbone.spec.input_size, backbone.spec.preprocessing)
    failed: dict[str, str] = {}

    def read(key: str) -> bytes | Pixels:
        sha256, _, variant = key.partition("+")
        content = reader.read(sha256)
        if not variant:
            return content
        pixels = decode_within_borders(content, settings, target=target(variant))
        if variant in VIEWS:
            return looked_at(pixels, variant)
        version, _, number = variant.partition(".")
        return (vary if version == VARIED else augment)(pixels, sha256, int(number))

    def give_up(key: str, error: LookalikeError) -> None:
        failed.setdefault(key.partition("+")[0], str(error))

    embed_photos(backbone, list(missing), read, settings, store.append, give_up)
    return failed
