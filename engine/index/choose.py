"""Builds or reads the vector index of a generation, on the CPU or on a GPU as the settings say."""

from pathlib import Path

from data.settings import Settings
from engine.errors import InvalidModel
from engine.index.flat import INDEX_FILE, FlatIndex
from engine.index.gpu import GpuIndex, GpuUnavailable
from engine.protocols import Floats, VectorIndex

__all__ = ["INDEX_FILE", "build_index", "load_index"]


def build_index(vectors: Floats, settings: Settings) -> VectorIndex:
    """Builds the index of `vectors`, float32 (n, dim), on the device that `settings.device` names.

    Raises:
        InvalidQuery: the vectors have a wrong shape or dtype, or hold NaN or infinity.
        InvalidModel: `device = gpu` and no GPU passes the smoke test.
    """
    return _place(FlatIndex.of(vectors), settings)


def load_index(path: Path, settings: Settings) -> VectorIndex:
    """Reads an index file whose sha256 was checked already (`GenerationFolder.path` does that).

    Raises:
        InvalidModel: it is no flat inner-product index, or `device = gpu` and no GPU passes the smoke test.
    """
    return _place(FlatIndex.load(path), settings)


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
