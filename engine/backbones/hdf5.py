"""Checks weights files in HDF5 before Keras reads them: the format can lead to other files and promise too much."""

from pathlib import Path
from typing import Any

from engine.errors import InvalidModel


def check_hdf5(path: Path) -> None:
    """Checks that a file holds plain numbers of its own, and no more of them than it has bytes.

    Raises:
        InvalidModel: it is no HDF5 file, links to another file, or says that it holds more; the message names it.
    """
    import h5py

    found: list[str] = []

    def look(name: str, link: Any) -> None:
        if not isinstance(link, h5py.HardLink):
            found.append(f"{name} leads to another place")

    def measure(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.extend(_faults(name, item))
            sizes.append(0 if item.dtype.hasobject else item.size * item.dtype.itemsize)

    sizes: list[int] = []
    if not path.is_file():
        raise InvalidModel(f"{path} must be a plain file of weights; it is not.")
    try:
        with h5py.File(path, "r") as source:
            source.visititems_links(look)
            if not found:
                source.visititems(measure)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InvalidModel(f"{path} must be an HDF5 file of weights; got {error}.") from error
    if sum(sizes) > path.stat().st_size:
        found.append(f"arrays of {sum(sizes):,} bytes in a file of {path.stat().st_size:,}")
    if found:
        raise InvalidModel(f"{path} must hold plain arrays of its own; {found[0]}. Take another file.")


def _faults(name: str, dataset: Any) -> list[str]:
    if dataset.external or dataset.is_virtual:
        return [f"{name} lies in another file"]
    if dataset.dtype.hasobject or dataset.dtype.kind not in "fiub":
        return [f"{name} holds {dataset.dtype}, no numbers"]
    return []
