"""Stores networks that were converted for OpenVINO, and reads them after checking that they are whole.

An exported model is a folder `$LOOKALIKE_HOME/runtime/<hex digits>/` with `model.xml`, `model.bin`, what else is needed
to run it, and `model.json`, which holds the sha256 of the others.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.storage import fsync_path, parse_json, read_small, sha256_file, sweep_abandoned
from engine.errors import InvalidModel

XML = "model.xml"
RECORD = "model.json"
_ROOT = "runtime"
_BIN = "model.bin"
_STAGED = ".export-"


def export_folder(home: Path, digits: str) -> Path:
    """Returns where the export of this name lies in a home, whether or not it is there."""
    return home / _ROOT / digits


def is_exported(folder: Path) -> bool:
    return (folder / RECORD).exists()


def drop_export(home: Path, digits: str) -> None:
    """Deletes the export of this name, if there is one; a process that has loaded it keeps what it has."""
    folder = export_folder(home, digits)
    if is_exported(folder):
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_STAGED, ignore_cleanup_errors=True) as removed:
            folder.rename(Path(removed) / folder.name)  # so that half of it is never seen


def publish_export(folder: Path, model: Any, files: Mapping[str, str] | None = None) -> None:
    """Writes a model beside `folder` and renames it into place; of two processes that do so at once the first wins.

    Args:
        model: an `openvino.Model`.
        files: texts of further files, by their name.
    """
    import openvino

    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep_abandoned(folder.parent, f"{_STAGED}*")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_STAGED, ignore_cleanup_errors=True) as temporary:
        staged = Path(temporary) / folder.name
        staged.mkdir()
        openvino.save_model(model, staged / XML, compress_to_fp16=False)
        for name, text in (files or {}).items():
            (staged / name).write_text(text, encoding="utf-8")
        record = {path.name: sha256_file(path) for path in staged.iterdir()}
        (staged / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        for path in (*staged.iterdir(), staged):
            fsync_path(path)
        try:
            staged.rename(folder)
        except OSError:
            if not is_exported(folder):
                raise
    fsync_path(folder.parent)


def verified_export(folder: Path) -> Path:
    """Returns `folder`, after checking the sha256 of its files.

    Raises:
        InvalidModel: a file is missing or was changed.
    """
    try:
        record = parse_json(read_small(folder / RECORD))
        digests = {XML: record[XML], _BIN: record[_BIN], **record}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / RECORD) from error
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file() or sha256_file(path) != digest:
            raise _damaged(path)
    return folder


def read_export(folder: Path) -> Any:
    """Returns the `openvino.Model` of an export, after checking its files.

    Raises:
        InvalidModel: a file is missing or was changed.
    """
    import openvino

    return openvino.Core().read_model(verified_export(folder) / XML)


def processor_has_bf16() -> bool:
    """Returns whether this processor multiplies bf16 numbers in hardware."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def processor_options(threads: int, precision: str, hint: str = "LATENCY") -> dict[str, Any]:
    """Returns how OpenVINO is to run a network on the processor.

    Its threads are not pinned to cores. Several networks, decoders and other programs share the cores, and a pinned
    thread waits for its own while another is free.

    Args:
        threads: that the network may use.
        precision: `f32` or `bf16`.
        hint: `LATENCY`, or `THROUGHPUT` for as many requests at once as pay.
    """
    return {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }


def damaged_exports(home: Path) -> dict[Path, str]:
    """Returns the folders of exported models that are damaged, each with what is wrong; a load refuses them."""
    found = {}
    for record in sorted((home / _ROOT).glob(f"*/{RECORD}")):
        try:
            verified_export(record.parent)
        except InvalidModel as error:
            found[record.parent] = str(error)
    return found


def _damaged(path: Path) -> InvalidModel:
    return InvalidModel(
        f"{path} must be what was exported; it is missing or was changed. Delete the folder {path.parent}: "
        "the next run exports it again."
    )
