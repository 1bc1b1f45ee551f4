"""Checks the files of a network that a user brought, before any library parses them."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data.storage import sha256_file
from engine.errors import InvalidModel, MissingExtra
from engine.own_backbones.tables import MOST_BYTES, OwnNetwork

_STANDARD = ("", "ai.onnx")  # domains of operators that ONNX itself defines
_MOST_NODES = 200_000


def check_files(own: OwnNetwork) -> None:
    """Checks that a network's folder holds the files that its description names, as they were when it was added.

    Raises:
        InvalidModel: a file is missing, a link, too large or was changed; or there is one that is not named.
    """
    others = sorted({path.name for path in own.folder.iterdir()} - {*own.files, own.description})
    if others:
        raise InvalidModel(
            f"{own.folder} must hold the files that {own.description} names only; got {others[0]!r:.80} too."
        )
    for name, digest in own.files.items():
        path = own.folder / name
        check_plain(path, own.most_bytes(name))
        if sha256_file(path) != digest:
            raise InvalidModel(f"{path} must have sha256 {digest}; it was changed. Add the network again.")


def check_plain(path: Path, most_bytes: int = MOST_BYTES) -> None:
    """Raises InvalidModel unless `path` is a plain file, no link, of at most `most_bytes`."""
    try:
        status = os.lstat(path)
    except OSError as error:
        raise InvalidModel(f"{path} must be a plain file; got {error.strerror}. Add the network again.") from error
    if not stat.S_ISREG(status.st_mode):
        raise InvalidModel(f"{path} must be a plain file; it is a link, a folder or a device.")
    if status.st_size > most_bytes:
        raise InvalidModel(f"{path} must have at most {most_bytes:,} bytes; got {status.st_size:,}.")


def check_onnx(path: Path, beside: Mapping[str, int]) -> list[str]:
    """Checks that an ONNX file has standard operators only, and weights in itself or in files beside it.

    Args:
        path: the file, already checked to be plain.
        beside: name -> size in bytes of the files beside it that weights may lie in.

    Returns:
        The names of the files that weights lie in.

    Raises:
        InvalidModel: it is no ONNX file, or breaks one of these rules.
        MissingExtra: the package `onnx` is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{path.name} must be checked once, which needs the extra `train`.") from error
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise InvalidModel(f"{path} must be an ONNX file; got {error!r:.200}.") from error
    if model.functions:
        raise InvalidModel(f"{path} must use ONNX's own operators; it brings the function {_named(model.functions)}.")
    found: set[str] = set()
    for number, node in enumerate(_nodes(model.graph)):
        if node.domain not in _STANDARD:
            raise InvalidModel(
                f"{path} must use ONNX's own operators; got {node.op_type!r:.80} of {node.domain!r:.80}."
            )
        if number > _MOST_NODES:
            raise InvalidModel(f"{path} must have at most {_MOST_NODES:,} operators; it has more.")
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            found.add(_external(path, tensor, beside))
    return sorted(found)


def _named(functions: Any) -> str:
    return f"{functions[0].name!r:.80}"


def _external(path: Path, tensor: Any, beside: Mapping[str, int]) -> str:
    """Returns the file beside `path` that holds the tensor's values."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    place = str(entries.get("location", ""))
    if place not in beside:
        raise InvalidModel(f"{path} must keep its weights in itself or in files beside it; got {place!r:.80}.")
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0))
    except ValueError:
        offset = length = -1
    if min(offset, length) < 0 or offset + length > beside[place]:
        raise InvalidModel(f"{path} must name weights that {place} holds; it names some beyond its end.")
    return place


def _graphs(graph: Any) -> Iterator[Any]:
    """Yields a graph and those inside its nodes (of If and Loop)."""
    waiting = [graph]
    while waiting:
        yield (current := waiting.pop())
        for node in current.node:
            for attribute in node.attribute:
                waiting += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]


def _nodes(graph: Any) -> Iterator[Any]:
    for each in _graphs(graph):
        yield from each.node


def _tensors(graph: Any) -> Iterator[Any]:
    for each in _graphs(graph):
        yield from each.initializer
        for sparse in each.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in each.node:
            for attribute in node.attribute:
                yield from attribute.tensors
                if attribute.HasField("t"):
                    yield attribute.t
