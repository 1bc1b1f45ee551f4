"""Index files that somebody made to do harm: refused by name, at once, and without memory for what they promise."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.errors import InvalidModel
from engine.index.flat import INDEX_FILE, FlatIndex
from engine.index.lists import LISTS_FILE
from engine.index.partitioned import PartitionedIndex
from engine.index.stored_rows import ROWS_FILE as LIST_ROWS_FILE

pytestmark = pytest.mark.usefixtures("within_bounds")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def flat(path: Path, *, dim: int = 4, count: int = 3, stored: int | None = None, rows: bytes = bytes(48)) -> Path:
    """Writes an index as FAISS does: kind, width, count, two unused numbers, is_trained, metric, floats."""
    start = b"IxFI" + struct.pack("<iqqqBi", dim, count, 1 << 20, 1 << 20, 1, 0)
    path.write_bytes(start + struct.pack("<Q", len(rows) // 4 if stored is None else stored) + rows)
    return path


def test_what_faiss_writes_is_read(tmp_path: Path) -> None:
    assert FlatIndex.load(flat(tmp_path / INDEX_FILE)).count == 3


INDEXES: dict[str, Callable[[Path], Path]] = {
    "10^12 vectors": lambda path: flat(path, count=10**12),
    "10^12 vectors, and so many numbers": lambda path: flat(path, count=10**12, stored=4 * 10**12),
    "a huge width": lambda path: flat(path, dim=2**31 - 1),
    "a negative width": lambda path: flat(path, dim=-4),
    "a negative count": lambda path: flat(path, count=-1),
    "NaN": lambda path: flat(path, rows=struct.pack("<12f", *[0.5] * 11, float("nan"))),
    "infinity": lambda path: flat(path, rows=struct.pack("<12f", float("-inf"), *[0.5] * 11)),
    "another kind": lambda path: written(path, b"IxPT" + bytes(100)),
    "a kind with files elsewhere": lambda path: written(path, b"IwFl" + bytes(100)),
    "cut short": lambda path: written(path, b"IxFI" + bytes(9)),
    "empty": lambda path: written(path, b""),
    "nothing": lambda path: path,
}  # fmt: skip


@pytest.mark.parametrize("kind", INDEXES)
def test_a_hostile_index_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InvalidModel, match=INDEX_FILE):
        FlatIndex.load(INDEXES[kind](tmp_path / INDEX_FILE))


FACTS = {"version": 1, "learned_from": 3, "ten": 1, "hundred": 1, "thousand": 2, "factor": 0.5}


def lists(folder: Path, facts: Any = None, **changed: Any) -> Path:
    """Writes the files of an index in lists, of three rows in two lists, with changes."""
    arrays = {
        "centres": np.eye(2, 4, dtype=np.float32), "ranges": np.ones(8, np.float32), "sizes": np.array([1, 2]),
        "rows": np.array([2, 0, 1], np.int32), "codes": np.zeros((3, 4), np.uint8), **changed,
    }  # fmt: skip
    told = FACTS if facts is None else facts
    save_file(arrays, folder / LISTS_FILE, metadata={"index": told if isinstance(told, str) else json.dumps(told)})
    np.save(folder / LIST_ROWS_FILE, np.ones((3, 4), np.int16))
    return folder


def test_what_an_index_in_lists_writes_is_read(tmp_path: Path) -> None:
    assert PartitionedIndex.load(lists(tmp_path)).search(np.ones((1, 4), np.float32), 3)[0].rows.tolist() == [0, 1, 2]


LISTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "a newer version": ({**FACTS, "version": 3}, {}),
    "no version": ({"ten": 1}, {}),
    "no facts": ("", {}),
    "facts in a list": ([1], {}),
    "facts that are a number": (7, {}),
    "facts that are a text": ('"version"', {}),
    "lists that nothing was learned for": ({**FACTS, "learned_from": 0}, {}),
    "deep JSON": ("[" * 100_000, {}),
    "no lists to look through": ({**FACTS, "ten": 0}, {}),
    "no lists under a filter": ({**FACTS, "filtered": {"ten": 1, "hundred": -1, "thousand": 2}}, {}),
    "a text under a filter": ({**FACTS, "filtered": "ten"}, {}),
    "10^12 lists to look through": ({**FACTS, "thousand": 10**12}, {}),
    "lists that are no number": ({**FACTS, "hundred": True}, {}),
    "a factor of NaN": ({**FACTS, "factor": float("nan")}, {}),
    "an infinite factor": ({**FACTS, "factor": float("inf")}, {}),
    "NaN in a centre": (None, {"centres": np.full((2, 4), np.nan, np.float32)}),
    "infinity in a range": (None, {"ranges": np.full(8, np.inf, np.float32)}),
    "centres of another width": (None, {"centres": np.eye(2, 5, dtype=np.float32)}),
    "no centre": (None, {"centres": np.zeros((0, 4), np.float32), "sizes": np.zeros(0, np.int64)}),
    "a list of 10^18 rows": (None, {"sizes": np.array([10**18, 3 - 10**18])}),
    "lists that hold too much": (None, {"sizes": np.array([2, 2])}),
    "sizes that overflow": (None, {"sizes": np.array([2**63 - 1, -(2**63) + 4])}),
    "a row twice": (None, {"rows": np.array([2, 2, 1], np.int32)}),
    "a row out of range": (None, {"rows": np.array([2, 3, 1], np.int32)}),
    "a negative row": (None, {"rows": np.array([2, -1, 1], np.int32)}),
    "rows of another kind": (None, {"rows": np.array([2, 0, 1], np.int64)}),
    "codes in one side": (None, {"codes": np.zeros(12, np.uint8)}),
    "too few codes": (None, {"codes": np.zeros((2, 4), np.uint8)}),
    "codes of another kind": (None, {"codes": np.zeros((3, 4), np.int8)}),
    "no codes": (None, {"codes": np.zeros((0, 4), np.uint8)}),
    "too few rests": ({**FACTS, "version": 2}, {"rests": np.zeros((2, 4), np.uint8)}),
    "rests of another kind": ({**FACTS, "version": 2}, {"rests": np.zeros((3, 4), np.int8)}),
    "no rests": ({**FACTS, "version": 2}, {}),
}


@pytest.mark.parametrize("kind", LISTS)
def test_hostile_lists_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    facts, changed = LISTS[kind]
    with pytest.raises(InvalidModel, match=LISTS_FILE):
        PartitionedIndex.load(lists(tmp_path, facts, **changed))


LIST_ROWS: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "a zip file": lambda path: np.savez(path.open("wb"), np.ones((3, 4), np.int16)),
    "pickled objects": lambda path: np.save(path, np.array([[print]]), allow_pickle=True),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "another number of rows": lambda path: np.save(path, np.ones((2, 4), np.int16)),
    "another kind of number": lambda path: np.save(path, np.ones((3, 4), np.float16)),
    "in columns": lambda path: np.save(path, np.asfortranarray(np.ones((3, 4), np.int16))),
    "10^12 rows": lambda path: path.write_bytes(header((10**12, 4))),
    "a negative number of rows": lambda path: path.write_bytes(header((-3, 4))),
    "a header that is code": lambda path: path.write_bytes(header("__import__('os').abort()")),
    "a header that does not end": lambda path: path.write_bytes(header("(" * 9000)),
    "a header of empty brackets": lambda path: path.write_bytes(header("()").replace(b"'<i2'", b"((),)")),
    "a header that is deep": lambda path: path.write_bytes(header("~" * 3000 + "1")),
    "a header of 4 GB": lambda path: path.write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 99),
}


def header(shape: Any) -> bytes:
    text = f"{{'descr': '<i2', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(24)


@pytest.mark.parametrize("kind", LIST_ROWS)
def test_hostile_rows_of_an_index_in_lists_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    LIST_ROWS[kind](lists(tmp_path) / LIST_ROWS_FILE)
    with pytest.raises(InvalidModel, match=LIST_ROWS_FILE):
        PartitionedIndex.load(tmp_path)
