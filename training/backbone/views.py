"""Runs the frozen layers once for every view of every photo, and stores what they give for the trained layers.

View 0 is the photo itself. Each epoch of the training has a view of its own, a varied copy, which is dropped after it.
A view's row holds the cut's output, flattened, and pool_3 as it was before training.
"""

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from data.database import forget_home
from data.features import FeatureStore
from data.settings import Settings
from engine.backbones import KerasBackbone, OpenVinoBackbone, export, precision_policy, resolve_spec, to_openvino
from engine.protocols import Backbone, BackboneSpec, Floats
from training.backbone.network import CutNetwork, base_settings, load_cut
from training.backbone.options import BackboneOptions
from training.errors import NotEnoughData
from training.photos import LabelledPhotos, PhotoReader, embed_missing, reader_of, varied_key

Read = Callable[[Sequence[str]], Floats]
_BLOCK = 64


class StoredViews:
    """The stored rows of views.

    Args:
        settings: where photos are read from and what computes the frozen layers.
        folder: where the rows are kept.
        cut: the network; its lower part makes the rows.
        options: how the backbone is trained.
    """

    def __init__(self, settings: Settings, folder: Path, cut: CutNetwork, options: BackboneOptions) -> None:
        self._settings, self._folder, self._cut, self._options = settings, folder, cut, options
        self._spec = _row_spec(settings, cut)
        self._store = self._store_in(folder)

    def fill(self, photos: LabelledPhotos) -> dict[str, str]:
        """Computes the missing rows of photos as they are.

        Returns:
            The photos that could not be read, with the reason.
        """
        return self._embed(self._store, reader_of(self._settings, photos), list(dict.fromkeys(photos.keys)))

    @contextmanager
    def epoch(self, photos: LabelledPhotos, keys: Sequence[str], number: int) -> Iterator[Read]:
        """Makes an epoch's view of the photos in `keys`, gives what reads the trained part's inputs, then drops it.

        After an interruption the rows stay, so that the same epoch continues with them.

        Raises:
            NotEnoughData: a photo is not readable any more.
        """
        folder = self._folder / f"epoch-{number}"
        store = self._store_in(folder)
        wanted = [view_key(sha256, number + 1) for sha256 in dict.fromkeys(keys)]
        if failed := self._embed(store, reader_of(self._settings, photos), wanted):
            raise NotEnoughData(f"photos must stay readable during training; got {next(iter(failed.values()))}")
        yield lambda shown: self._inputs(store.read(shown))
        shutil.rmtree(folder)
        forget_home(folder)

    def read(self, keys: Sequence[str]) -> Floats:
        """Returns the trained part's inputs: the cut's outputs (n, *cut_shape), or pool_3 (n, dim) without a cut."""
        return self._inputs(self._store.read(keys))

    def pooled(self, keys: Sequence[str]) -> Floats:
        """Returns pool_3 before training, float32 (n, dim), read block by block to save memory."""
        blocks = [keys[start : start + _BLOCK] for start in range(0, len(keys), _BLOCK)]
        return np.concatenate([self._store.read(block)[:, self._cut.cut_size :] for block in blocks])

    def _store_in(self, folder: Path) -> FeatureStore:
        return FeatureStore(folder, self._spec.fingerprint, self._spec.dim)

    def _embed(self, store: FeatureStore, reader: PhotoReader, wanted: Sequence[str]) -> dict[str, str]:
        return embed_missing(self._settings, store, reader, store.missing(wanted), lambda: self._lower)

    def _inputs(self, rows: Floats) -> Floats:
        if self._cut.upper is None:
            return rows
        return rows[:, : self._cut.cut_size].reshape(len(rows), *self._cut.cut_shape)

    @cached_property
    def _lower(self) -> Backbone:
        spec = self._spec
        if spec.runtime == "keras":
            return KerasBackbone(spec, self._cut.row_network())
        export(self._folder, spec, partial(_export, self._settings, self._options))
        return OpenVinoBackbone(self._folder, spec, threads=self._settings.cores)


def view_key(sha256: str, view: int) -> str:
    """Returns the key of a view's row: the photo's sha256, or its varied copy's key."""
    return varied_key(sha256, view - 1) if view else sha256


def _row_spec(settings: Settings, cut: CutNetwork) -> BackboneSpec:
    # int8 is for search: layers trained on rounded activations would not fit the network that is published.
    precision = "auto" if settings.precision == "int8" else settings.precision
    base = resolve_spec(base_settings(settings, cut.architecture.name).replace(precision=precision))
    return dataclasses.replace(
        base,
        name=f"{base.name} until {cut.cut or 'pool_3'}",
        dim=cut.cut_size + cut.architecture.dim,
        input_size=cut.input_size,
    )


def _export(settings: Settings, options: BackboneOptions) -> Any:
    # OpenVINO chooses its number format itself; it cannot read a network that casts between two formats.
    with precision_policy("f32"):
        cut = load_cut(settings, options.base, options.first_layer, input_size=options.input_size, dtype="uint8")
        return to_openvino(cut.row_network())
