"""Model files that somebody made to do harm: refused by name, at once, and without memory for what they promise."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save

from engine.arrays import MOST_HEADER_BYTES, read_npz
from engine.backbones.hdf5 import check_hdf5
from engine.errors import InvalidModel
from engine.generation import RowTable
from engine.recognition.files import VOTERS_FILE, load_recogniser
from engine.space import PROJECTION_FILE, Projection
from engine.text.model_folders import model_folder
from training.checkpoints import UNREADABLE, read_checkpoint

pytestmark = pytest.mark.usefixtures("within_bounds")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(shape: tuple[int, ...], dtype: str = "<i8", content: bytes = b"") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def bomb(folder: Path) -> Path:
    with (
        zipfile.ZipFile(folder / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("product_keys.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy((10**9,)))
        for _ in range(200):  # of the 8 GB that it promises
            member.write(bytes(1_000_000))
    return folder / "x.npz"


def overlapping(folder: Path) -> Path:
    """An archive whose directory names one member 1,000 times."""
    path = npz(folder / "x.npz", product_keys=npy((100_000,), content=bytes(800_000)))
    content = path.read_bytes()
    start, size = content.index(b"PK\x01\x02"), len(content) - 22 - content.index(b"PK\x01\x02")
    entry = content[start : start + size]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, size * 1000, start, 0)
    path.write_bytes(content[:start] + entry * 1000 + end)
    return path


def pickled(folder: Path) -> Path:
    content = io.BytesIO()
    np.save(content, np.array([Touch(folder / "ran")], object), allow_pickle=True)
    return npz(folder / "x.npz", product_keys=content.getvalue(), image_keys=npy((0,)), image_sha256=npy((0,), "|S64"))


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "x.npz")
    return folder / "x.npz"


NPZ: dict[str, Callable[[Path], Path]] = {
    "a bomb": bomb,
    "members that overlap": overlapping,
    "Python objects": pickled,
    "a pipe": pipe,
    "a shape beyond the file": lambda folder: npz(folder / "x.npz", product_keys=npy((10**12,))),
    "a shape beyond all numbers": lambda folder: npz(folder / "x.npz", product_keys=npy((10**30,))),
    "a negative shape": lambda folder: npz(folder / "x.npz", product_keys=npy((-1,), content=bytes(8))),
    "a width beyond the file": lambda folder: npz(folder / "x.npz", product_keys=npy((1,), "|S2000000000")),
    "no array": lambda folder: npz(folder / "x.npz", product_keys=b"\x80\x04N."),
    "a header that is code": lambda folder: npz(
        folder / "x.npz", product_keys=npy((1,)).replace(b"(1,)", b"abs(1)")
    ),
    "no archive": lambda folder: written(folder / "x.npz", b"PK\x03\x04"),
    "nothing": lambda folder: folder / "x.npz",
    "encrypted": lambda folder: encrypted(folder),
}  # fmt: skip


def encrypted(folder: Path) -> Path:
    path = npz(folder / "x.npz", product_keys=npy((1,), content=bytes(8)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", NPZ)
def test_a_hostile_npz_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = NPZ[kind](tmp_path)
    with pytest.raises(InvalidModel, match=r"x\.npz"):
        RowTable.load(path)
    with pytest.raises(UNREADABLE):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_what_numpy_writes_is_read(tmp_path: Path) -> None:
    arrays = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.array("text"), "c": np.zeros((0, 4), "S64"),
              "d": np.array(7, np.uint8), "e": np.array([True])}  # fmt: skip
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    found = read_npz(tmp_path / "x.npz")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def header(path: Path, text: bytes, length: int | None = None, content: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + content)
    return path


def long_header(path: Path, length: int) -> Path:
    header(path, b"{", length)
    with path.open("r+b") as file:
        file.truncate(8 + length)
    return path


def tensors(shape: list[int], end: int) -> bytes:
    return json.dumps({"mean": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()


SAFETENSORS: dict[str, Callable[[Path], Path]] = {
    "a header of 100 MB": lambda path: long_header(path, 100_000_000),
    "a header beyond the file": lambda path: header(path, b"{}", 2**63),
    "a header just too long": lambda path: long_header(path, MOST_HEADER_BYTES + 1),
    "no header": lambda path: header(path, b"", 0),
    "a shape beyond the file": lambda path: header(path, tensors([10**12], 8), content=bytes(8)),
    "a shape beyond all numbers": lambda path: header(path, tensors([2**62, 2**62], 8), content=bytes(8)),
    "offsets beyond the file": lambda path: header(path, tensors([10**12], 4 * 10**12), content=bytes(8)),
    "names twice": lambda path: header(path, b"{" + tensors([2], 8)[1:-1] + b"," + tensors([1], 4)[1:]),
    "deep JSON": lambda path: header(path, b'{"mean":' * 100_000),
    "a pickle": lambda path: written(path, pickle.dumps(Touch(path.with_name("ran")))),
    "nothing": lambda path: path,
}  # fmt: skip


@pytest.mark.parametrize("kind", SAFETENSORS)
@pytest.mark.parametrize(("name", "load"), [(PROJECTION_FILE, Projection.load), (VOTERS_FILE, load_recogniser)])
def test_hostile_safetensors_are_refused_by_name(
    tmp_path: Path, kind: str, name: str, load: Callable[[Path], Any]
) -> None:
    with pytest.raises(InvalidModel, match=name):
        load(SAFETENSORS[kind](tmp_path / name))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, number: float) -> None:
    matrix = np.eye(3, dtype=np.float32)
    matrix[1, 1] = number
    path = tmp_path / PROJECTION_FILE
    path.write_bytes(save({"mean": np.zeros(3, np.float32), "matrix": matrix}, metadata={"transform": "none"}))
    with pytest.raises(InvalidModel, match=f"{PROJECTION_FILE}.*finite"):
        Projection.load(path)
    voters = tmp_path / VOTERS_FILE
    voters.write_bytes(save({"mean": matrix}, metadata={"recogniser": "{}"}))
    with pytest.raises(InvalidModel, match=f"{VOTERS_FILE}.*finite"):
        load_recogniser(voters)


def test_deep_json_in_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / VOTERS_FILE
    path.write_bytes(save({"mean": np.zeros(1, np.float32)}, metadata={"recogniser": "[" * 100_000}))
    with pytest.raises(InvalidModel, match=VOTERS_FILE):
        load_recogniser(path)


def h5(path: Path, fill: Callable[[h5py.File], Any]) -> Path:
    with h5py.File(path, "w") as file:
        fill(file.create_group("layers/conv/vars"))
    return path


HDF5: dict[str, Callable[[Any], Any]] = {
    "an external link": lambda group: group.__setitem__("0", h5py.ExternalLink("/etc/other.h5", "/x")),
    "a soft link": lambda group: group.__setitem__("0", h5py.SoftLink("/layers")),
    "external storage": lambda group: group.create_dataset("0", (4,), "u1", external=[("/etc/passwd", 0, 4)]),
    "a virtual array": lambda group: group.create_virtual_dataset("0", virtual()),
    "an array without its bytes": lambda group: group.create_dataset("0", (10**12,), "f4", chunks=(1024,)),
    "a compressed bomb": lambda group: group.create_dataset(
        "0", data=np.zeros(10_000_000, np.float32), compression="gzip"
    ),
    "texts": lambda group: group.create_dataset("0", data=["x"], dtype=h5py.string_dtype()),
    "objects": lambda group: group.create_dataset("0", (1,), dtype=h5py.ref_dtype),
}  # fmt: skip


def virtual() -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(4,))
    return layout


@pytest.mark.parametrize("kind", HDF5)
def test_hostile_weights_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = h5(tmp_path / "x.weights.h5", HDF5[kind])
    with pytest.raises(InvalidModel, match=r"x\.weights\.h5"):
        check_hdf5(path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.weights.h5").write_bytes(content)
    with pytest.raises(InvalidModel, match=r"x\.weights\.h5"):
        check_hdf5(tmp_path / "x.weights.h5")


def test_plain_weights_pass(tmp_path: Path) -> None:
    check_hdf5(h5(tmp_path / "x.h5", lambda group: group.create_dataset("0", data=np.zeros((3, 4), np.float32))))


def encoder(folder: Path, **files: bytes) -> Path:
    folder.mkdir()
    (folder / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Transformer", "path": ""}]))
    (folder / "model.safetensors").write_bytes(save({"x": np.zeros(1, np.float32)}))
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.mark.parametrize("name", [
    "pytorch_model.bin", "1_Dense__pytorch_model.bin", "deep__x.pt", "optimizer.PTH", "x.pkl", "x.pickle",
    "tf_model.h5", "x.joblib", "x.ckpt", "x.keras",
])  # fmt: skip
def test_a_pickled_encoder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = encoder(tmp_path / "encoder", **{name: pickle.dumps(Touch(tmp_path / "ran"))})
    with pytest.raises(InvalidModel, match=name.rpartition("__")[2]):
        model_folder(str(folder))
    assert not (tmp_path / "ran").exists()


def test_an_encoder_of_other_classes_or_with_a_long_header_is_refused(tmp_path: Path) -> None:
    folder = encoder(tmp_path / "a", **{"modules.json": b'[{"type": "os.system", "path": "x"}]'})
    with pytest.raises(InvalidModel, match=r"modules\.json.*os\.system"):
        model_folder(str(folder))
    folder = encoder(tmp_path / "b", **{"modules.json": b"[" * 100_000})
    with pytest.raises(InvalidModel, match=r"modules\.json"):
        model_folder(str(folder))
    folder = encoder(tmp_path / "c")
    long_header(folder / "model.safetensors", 100_000_000)
    with pytest.raises(InvalidModel, match=r"model\.safetensors"):
        model_folder(str(folder))
    assert model_folder(str(encoder(tmp_path / "d"))) == tmp_path / "d"
