"""Reads files of plain arrays that somebody else may have written: nothing in them can run code or fill the memory.

An array is read only after its size was compared with the file's, so that reading never takes more memory than the file
has bytes.
"""

import os
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel

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
            arrays = {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}
    except (OSError, ValueError, TypeError, EOFError, OverflowError, RuntimeError, zipfile.BadZipFile) as error:
        raise InvalidModel(f"{path.name} must be an .npz file of plain arrays; got {error}.") from error
    return arrays


def check_finite(path: Path, arrays: Arrays) -> None:
    """Raises InvalidModel, which names the file and the array, if a number is NaN or infinite."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InvalidModel(f"{path.name} must hold finite numbers; {name} has NaN or infinity. Rebuild.")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as source:
        version = np.lib.format.read_magic(source)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, in_columns, dtype = read(source)
        if dtype.hasobject:
            raise ValueError(f"Python objects in {member.filename}")
        count = 1
        for side in shape:
            count *= side
        if count < 0 or source.tell() + count * dtype.itemsize != member.file_size:
            raise ValueError(f"{member.filename} of shape {shape}, which has not the bytes for it")
        values: NDArray[Any] = np.frombuffer(source.read(), dtype, count)
    return values.reshape(shape, order="F" if in_columns else "C")


def _plain(path: Path) -> IO[bytes]:
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError("no plain file")
