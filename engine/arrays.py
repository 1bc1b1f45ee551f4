"""Reads files of plain arrays that somebody else may have written: nothing in them can run code or fill the memory.

An array is read only after its size was compared with the file's, so that reading never takes more memory than the file
has bytes.
"""

import json
import math
import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel

# What numpy and zipfile raise where a file is not of their format.
_UNREADABLE = (
    OSError, ValueError, TypeError, EOFError, OverflowError, RuntimeError, SyntaxError, MemoryError, IndexError,
    TokenError, zipfile.BadZipFile,
)  # fmt: skip
MOST_HEADER_BYTES = 32_000_000  # of a safetensors file; a million names fit
Arrays = dict[str, NDArray[Any]]


def check_safetensors(path: Path) -> None:
    """Checks that a file is plain and that a safetensors header in it would be of a reasonable length.

    Raises:
        InvalidModel: it is not so; the message names the file.
    """
    try:
        with _plain(path) as file:
            length = int.from_bytes(file.read(8), "little")
            size_bytes = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InvalidModel(f"{path.name} must be a readable file; got {error}.") from error
    if not 0 < length <= min(MOST_HEADER_BYTES, size_bytes - 8):
        raise InvalidModel(f"{path.name} must be a safetensors file; it says that its header has {length:,} bytes.")


def read_safetensors(path: Path, names: Iterable[str] | None = None) -> tuple[Arrays, dict[str, str]]:
    """Returns arrays and the metadata of a safetensors file.

    Args:
        names: the arrays wanted; by default all.

    Raises:
        InvalidModel: the file is missing, is no safetensors file, or lacks a name.
    """
    from safetensors import SafetensorError, safe_open

    check_safetensors(path)
    try:
        with safe_open(path, framework="numpy") as source:
            wanted = list(source.keys()) if names is None else list(names)
            arrays = {name: source.get_tensor(name) for name in wanted}
            metadata = source.metadata() or {}
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidModel(f"{path.name} must be a safetensors file with what is needed; got {error}.") from error
    return arrays, metadata


def map_bytes(path: Path, name: str) -> NDArray[np.uint8]:
    """Returns an array of bytes of a safetensors file, memory-mapped: its pages are read when they are needed.

    Raises:
        InvalidModel: the file is missing or is no safetensors file, or has no bytes of this name.
    """
    read_safetensors(path, ())  # the library compares what the header says with the file
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length)).get(name, {})
    if entry.get("dtype") != "U8" or not all(entry["shape"]):
        raise InvalidModel(f"{path.name} must hold {name} as bytes; it does not. Rebuild.")
    start = 8 + length + entry["data_offsets"][0]
    return np.asarray(np.memmap(path, np.uint8, "r", start, tuple(entry["shape"])))


def map_rows(path: Path, shape: tuple[int, int], dtype: type[np.generic]) -> NDArray[Any]:
    """Returns the array of an `.npy` file as `np.save` writes it, memory-mapped.

    Raises:
        InvalidModel: the file is missing, or holds something else than rows of this shape and kind.
    """
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise InvalidModel(f"{path.name} must be a file of rows; got {error}. Rebuild.") from error
    wanted = f"{shape[0]} rows of {shape[1]} numbers of {np.dtype(dtype)}"
    if not isinstance(mapped, np.ndarray) or (mapped.dtype, mapped.shape) != (dtype, shape):
        raise InvalidModel(f"{path.name} must hold {wanted}; it does not. Rebuild.")
    if not mapped.flags.c_contiguous:
        raise InvalidModel(f"{path.name} must hold {wanted}, row after row; got them in columns. Rebuild.")
    return np.asarray(mapped)


def read_npz(path: Path) -> Arrays:
    """Returns the arrays of an `.npz` file as `np.savez` writes it: not compressed, and without Python objects.

    Raises:
        InvalidModel: the file is missing or something else; the message says what.
    """
    try:
        with _plain(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("a compressed member")
            if sum(member.file_size for member in members) > os.fstat(file.fileno()).st_size:
                raise ValueError("members that overlap")
            if len({member.filename for member in members}) < len(members):
                raise ValueError("two members of one name")
            arrays = {member.filename.removesuffix(".npy"): _read(archive, member) for member in members}
    except _UNREADABLE as error:
        raise InvalidModel(f"{path.name} must be an .npz file of plain arrays; got {error}.") from error
    return arrays


def check_finite(path: Path, arrays: Arrays) -> None:
    """Raises InvalidModel, which names the file and the array, if a number is NaN or infinite."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InvalidModel(f"{path.name} must hold finite numbers; {name} has NaN or infinity. Rebuild.")


@dataclass(frozen=True)
class _Form:
    """What the header of an array says: its shape, whether it lies in columns, and the kind of its values."""

    shape: tuple[int, ...]
    in_columns: bool
    dtype: np.dtype[Any]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def formed(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(self.shape, order="F" if self.in_columns else "C")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as source:
        form = _form(source, member)
        return form.formed(np.frombuffer(source.read(), form.dtype, form.count))


def _form(source: IO[bytes], member: zipfile.ZipInfo) -> _Form:
    version = np.lib.format.read_magic(source)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    form = _Form(*read(source))
    if form.dtype.hasobject:
        raise ValueError(f"Python objects in {member.filename}")
    if form.count < 0 or source.tell() + form.count * form.dtype.itemsize != member.file_size:
        raise ValueError(f"{member.filename} of shape {form.shape}, which has not the bytes for it")
    return form


def _plain(path: Path) -> IO[bytes]:
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError("no plain file")
