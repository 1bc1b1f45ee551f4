"""A joint model small enough to be read: photos and words in one space of colours, as two ONNX files.

The image tower answers the mean colour, less the ground, of each quarter of a photo; the text tower the mean colour of
the words it knows. So "red" lies beside red photos, and nothing has to be trained.
"""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

SIZE, LENGTH = 32, 8
DIM = 12
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
WORDS = {
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "gold": (255, 215, 0),
    "purple": (128, 0, 128),
    "cyan": (0, 255, 255),
    "orange": (255, 165, 0),
}
_GREY = np.float32(240 / 255)  # the ground of the shapes that `shape_catalogue` draws


def write_joint(folder: Path, *, channels: str = "RGB", **image: Any) -> Path:
    """Writes the model with its `backbone.toml`; returns the folder.

    Args:
        channels: what the file says of their order; the network itself reads RGB.
        image: further entries of the table `image`, instead of the right ones.
    """
    folder.mkdir(parents=True)
    image_tower(folder / "image.onnx")
    text_tower(folder / "text.onnx")
    tokenizer(folder / "tokenizer.json")
    squares = np.random.default_rng(2).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(squares).resize((96, 64), Image.Resampling.NEAREST).save(folder / "reference.png")
    table = {"onnx": "image.onnx", "input": "pixels", "output": "features", "dim": DIM, "input_size": SIZE}
    table |= {"mean": list(MEAN), "std": list(STD), "channels": channels, "fit": "whole", "shown": 1.0}
    lines = ["version = 1", 'licence = "MIT"', 'source = "tests"', "", "[image]"]
    lines += [f"{name} = {_toml(value)}" for name, value in (table | image).items()]
    lines += ["", "[text]", 'onnx = "text.onnx"', 'tokenizer = "tokenizer.json"', 'output = "features"']
    lines += [f"length = {LENGTH}", "pad_id = 0", 'mask = "attention_mask"']
    vector = expected(np.asarray(Image.open(folder / "reference.png")))
    lines += ["", "[reference]", 'photo = "reference.png"', f"vector = {vector.tolist()}"]
    (folder / "backbone.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def expected(pixels: np.ndarray) -> np.ndarray:
    """Returns what the image tower should answer of RGB pixels uint8 (h, w, 3), by numpy alone, float32 (12,)."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    quarters = pixels.reshape(2, height, 2, width, 3).mean(axis=(1, 3)) / 255
    return np.asarray((quarters - _GREY).transpose(2, 0, 1).reshape(-1), np.float32)


def image_tower(path: Path, **changes: Any) -> None:
    """Writes normalised pixels (n, 3, 32, 32) -> features (n, 12)."""
    std, shift = np.array(STD, np.float32), np.array(MEAN, np.float32) - _GREY
    nodes = [
        helper.make_node("Mul", ["pixels", "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["colours"]),
        helper.make_node("AveragePool", ["colours"], ["quarters"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["quarters", "flat"], ["features"], **changes),
    ]
    weights = {"std": std.reshape(3, 1, 1), "shift": shift.reshape(3, 1, 1), "flat": np.array([-1, DIM], np.int64)}
    _save(path, nodes, {"pixels": (TensorProto.FLOAT, ["n", 3, SIZE, SIZE])}, weights)


def text_tower(path: Path) -> None:
    """Writes numbers of words and their mask (n, 8) -> features (n, 12)."""
    colours = np.array([(240, 240, 240)] * 2 + list(WORDS.values()), np.float32) / 255 - _GREY
    table = np.repeat(colours, 4, axis=1)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["words", "wide"], ["kept"]),
        helper.make_node("ReduceMean", ["kept", "first"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "little"], ["features"]),
    ]
    weights = {
        "table": table,
        "last": np.array([2], np.int64),
        "first": np.array([1], np.int64),
        "little": np.full(DIM, 1e-4, np.float32),  # so that unknown words have a direction
    }
    inputs = {name: (TensorProto.INT64, ["n", LENGTH]) for name in ("input_ids", "attention_mask")}
    _save(path, nodes, inputs, weights)


def tokenizer(path: Path) -> None:
    numbers = {"[PAD]": 0, "[UNK]": 1} | {word: place for place, word in enumerate(WORDS, 2)}
    words = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    words.save(str(path))


def _save(path: Path, nodes: list[Any], inputs: dict[str, Any], weights: dict[str, Any]) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIM])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), str(path))


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
