"""Builds or reads a generation's index: exact, or in lists where that is measured to pay; on CPU, GPU or in Milvus."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.settings import Settings
from engine.errors import InvalidModel
from engine.index.checks import checked_rows
from engine.index.flat import INDEX_FILE, FlatIndex
from engine.index.gpu import GpuIndex, GpuUnavailable
from engine.index.lists import LISTS_FILE, Learned, Lists
from engine.index.milvus import INDEX_FILE as MILVUS_FILE
from engine.index.milvus import ROWS_FILE as MILVUS_ROWS_FILE
from engine.index.milvus import MilvusIndex, server_of
from engine.index.milvus import build as build_in_milvus
from engine.index.partitioned import PartitionedIndex
from engine.index.stored_rows import ROWS_FILE
from engine.index.tuning import tune
from engine.protocols import Floats, VectorIndex

__all__ = ["INDEX_FILES", "Questions", "build_catalogue_index", "build_in_milvus", "build_index", "load_index"]
INDEX_FILES = (INDEX_FILE, LISTS_FILE, ROWS_FILE, MILVUS_FILE, MILVUS_ROWS_FILE)
Questions = Callable[[], Mapping[str, Floats]]
_ALWAYS_EXACT = 20_000  # rows; measured again and again, such an index is searched in less than a millisecond
_LEAST_ROWS = 2_000  # of an index in lists
_QUICK_MS = 2.0  # an exact search that takes no longer needs nothing else
_TIMED = 20
_TIMED_ROWS = 100_000  # the time of an exact search grows with the rows
_log = logging.getLogger("lookalike.index")


def build_index(vectors: Floats, settings: Settings) -> VectorIndex:
    """Builds an exact index of `vectors`, float32 (n, dim), on the device that `settings.device` names.

    Raises:
        InvalidQuery: the vectors have a wrong shape or dtype, or hold NaN or infinity.
        InvalidModel: `device = gpu` and no GPU passes the smoke test.
    """
    return _place(FlatIndex.of(vectors), settings)


def build_catalogue_index(
    vectors: Floats, settings: Settings, questions: Questions = dict, before: Path | None = None
) -> VectorIndex:
    """Builds the index of a catalogue: exact while that is quick enough, otherwise in lists that are measured.

    Args:
        vectors: float32 (n, dim), L2 norm 1.
        questions: returns kind -> float32 (q, dim), held-out queries besides photos; asked only where lists are tried.
        before: folder of an index of the same space; what its lists learned is used again while the catalogue has grown
            by less than 30 %.

    Raises:
        InvalidQuery, InvalidModel: see `build_index`.
    """
    vectors = checked_rows(vectors)
    least = _LEAST_ROWS if settings.index == "ivf" else _ALWAYS_EXACT
    if settings.index == "exact" or len(vectors) < least:
        return build_index(vectors, settings)
    timed = build_index(vectors[:_TIMED_ROWS], settings)  # an exact index of all rows would be a copy of them
    if timed.kind.endswith("gpu"):
        return build_index(vectors, settings)
    exact_ms = round(_median_ms(timed, vectors) * len(vectors) / timed.count, 3)
    if settings.index == "auto" and exact_ms <= _QUICK_MS:
        return _exact(vectors, settings, {"exact_ms": exact_ms})
    asked, kept = questions(), _kept(vectors, before)
    found = _in_lists(vectors, settings, asked, kept) if kept else None
    if found is None or not found.tuned:
        found = _in_lists(vectors, settings, asked, Learned.of(vectors))
    found.measured = {"exact_ms": exact_ms, **found.measured}
    if found.tuned:
        return found
    _log.warning("the index stays exact: half of the lists find less than %.3f of what they should",
                 settings.index_recall)  # fmt: skip
    return _exact(vectors, settings, found.measured)


def load_index(folder: Path, settings: Settings) -> VectorIndex:
    """Reads the index of a generation's folder, whose files' sha256 were checked already.

    Raises:
        InvalidModel: a file is not what is written here, or `device = gpu` and no GPU passes the smoke test or the
            index is in lists.
        IndexUnavailable: the index is in Milvus, and the settings name no server.
    """
    if (folder / MILVUS_FILE).exists():
        return MilvusIndex.load(folder, server_of(settings))
    if not (folder / LISTS_FILE).exists():
        return _place(FlatIndex.load(folder / INDEX_FILE), settings)
    if settings.device == "gpu":
        raise InvalidModel("device = gpu needs an exact index; got one in lists. Set device to auto, or rebuild.")
    index = PartitionedIndex.load(folder)
    index.reason = "" if settings.device == "cpu" else "cpu because the index is in lists"
    return index


def _exact(vectors: Floats, settings: Settings, measured: dict[str, Any]) -> VectorIndex:
    flat = FlatIndex.of(vectors)
    flat.measured = measured
    return _place(flat, settings)


def _kept(vectors: Floats, before: Path | None) -> Learned | None:
    """Returns what the lists of an index of the same space learned, where it still fits."""
    if before is None or not (before / LISTS_FILE).exists():
        return None
    try:
        learned = Lists.load(before / LISTS_FILE)[0].learned
    except InvalidModel:  # what cannot be read is learned anew
        return None
    return learned if learned.fits(vectors) else None


def _in_lists(
    vectors: Floats, settings: Settings, questions: Mapping[str, Floats], learned: Learned
) -> PartitionedIndex:
    """Returns the tuned index; its `tuned` is None where it does not find enough."""
    index = PartitionedIndex(Lists.of(vectors, learned))
    index.measured = {"learned_from": learned.count, **tune(index, vectors, questions, settings.index_recall)}
    return index


def _median_ms(index: VectorIndex, vectors: Floats) -> float:
    """Returns the processor time of one search, which other work on the machine lengthens less than the clock's."""
    times = []
    for row in np.random.default_rng(3).choice(len(vectors), _TIMED):
        started = time.thread_time()
        index.search(vectors[row][None], 10)
        times.append(time.thread_time() - started)
    return 1000 * float(np.median(times))


def _place(index: FlatIndex, settings: Settings) -> VectorIndex:
    if settings.device == "cpu":
        return index
    try:
        return GpuIndex(index)
    except GpuUnavailable as error:
        if settings.device == "gpu":
            raise InvalidModel(
                f"device = gpu needs a GPU that works; got: {error}. Set device to auto or cpu."
            ) from error
        index.reason = f"cpu because {error}"
        return index
