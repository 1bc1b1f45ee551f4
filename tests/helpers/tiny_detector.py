"""A detector small enough to be read: it answers the box around what is red, what is green and what is blue in a photo.

One ONNX file in each form that common exports have, with the `detector.toml` that says so.
"""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

SIZE = 128
MEAN, STD = 0.5, 0.25  # of each channel
_CONTRAST = 0.3  # by which a channel is brighter than the mean of the others where something has its colour
_ROWS = 3  # boxes: red, green, blue

# form -> what it answers, as `_boxes` and `_scores` name it, and what its description says of it
FORMS: dict[str, dict[str, Any]] = {
    "corners and scores": {"output": "corners", "scores": "chance", "format": "xyxy"},
    "rows first": {"output": "rows_first", "scores": "chance", "format": "yxyx", "unit": "share"},
    "background": {
        "output": "middles", "scores": "logits", "format": "cxcywh", "unit": "share", "activation": "softmax",
        "background": "last",
    },
    "transposed": {"output": "columns", "format": "cxcywh", "transposed": True},
    "objectness": {"output": "rows", "format": "cxcywh", "objectness": True},
    "numbers of classes": {"output": "classed", "format": "xyxy", "score_columns": 1},
}  # fmt: skip


def write_detector(folder: Path, form: str = "corners and scores", **changes: Any) -> Path:
    """Writes the detector with its `detector.toml`; returns the folder.

    Args:
        form: of `FORMS`.
        changes: entries of the tables `image` and `boxes`, instead of the right ones.
    """
    folder.mkdir(parents=True)
    boxes = {"least": 0.3} | FORMS[form]
    image = {"onnx": "detector.onnx", "input": "pixels", "input_size": SIZE, "mean": [MEAN] * 3, "std": [STD] * 3}
    own = {"layout", "channels", "fit", "fill", *image}
    image |= {name: value for name, value in changes.items() if name in own}
    boxes |= {name: value for name, value in changes.items() if name not in own}
    outputs = [FORMS[form][name] for name in ("output", "scores") if name in FORMS[form]]
    _network(folder / "detector.onnx", outputs, str(image.get("layout", "NCHW")))
    lines = ["version = 1", 'licence = "MIT"', "", "[image]", *_lines(image), "", "[boxes]", *_lines(boxes)]
    (folder / "detector.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in table.items()]


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _network(path: Path, outputs: list[str], layout: str) -> None:
    """Writes normalised pixels, as `layout` has them -> the named outputs."""
    shape: dict[str, Any] = {"N": 1, "C": 3, "H": SIZE, "W": SIZE}
    ramp = np.arange(1, SIZE + 1, dtype=np.float32)
    colour = np.full((3, 3), -0.5, np.float32) + 1.5 * np.eye(3, dtype=np.float32)
    weights = {
        "colour": colour.reshape(3, 3, 1, 1) * np.float32(STD), "little": np.array(_CONTRAST, np.float32),
        "up": ramp, "down": ramp[::-1].copy(), "size": np.array(SIZE, np.float32), "half": np.array(0.5, np.float32),
        "steep": np.array(20, np.float32), "shift": np.array(6, np.float32), "one": np.ones((1, _ROWS), np.float32),
        "nothing": np.zeros((1, _ROWS), np.float32), "unlikely": np.full((1, _ROWS), -9, np.float32),
        "last": np.array([2], np.int64), "batch": np.array([0], np.int64), "places": np.array([1], np.int64),
        "rows_axis": np.array([2], np.int64), "both": np.array([2, 3], np.int64), "ends": np.array([-1], np.int64),
        "wanted": np.array([1, 3, SIZE, SIZE], np.int64),
    }  # fmt: skip
    order = [layout.index(axis) for axis in "NCHW" if axis in layout]
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Transpose", ["pixels"], "ordered", {"perm": order}), ("Reshape", ["ordered", "wanted"], "image", {}),
        ("Conv", ["image", "colour"], "contrast", {}), ("Greater", ["contrast", "little"], "inside", {}),
        ("Cast", ["inside"], "mask", {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["mask", "rows_axis"], "across", {"keepdims": 0}),
        ("ReduceMax", ["mask", "ends"], "along", {"keepdims": 0}),
        ("ReduceMax", ["contrast", "both"], "most", {"keepdims": 0}),
        ("Clip", ["most", "", ""], "bare", {}), ("Max", ["bare", "nothing"], "chance", {}),
    ]  # fmt: skip
    for axis, seen in (("x", "across"), ("y", "along")):
        steps += [
            ("Mul", [seen, "up"], f"{axis}_up", {}), ("ReduceMax", [f"{axis}_up", "ends"], f"{axis}1", {"keepdims": 0}),
            ("Mul", [seen, "down"], f"{axis}_down", {}),
            ("ReduceMax", [f"{axis}_down", "ends"], f"{axis}_far", {"keepdims": 0}),
            ("Sub", ["size", f"{axis}_far"], f"{axis}0", {}), ("Sub", [f"{axis}1", f"{axis}0"], f"{axis}_side", {}),
            ("Add", [f"{axis}0", f"{axis}1"], f"{axis}_sum", {}),
            ("Mul", [f"{axis}_sum", "half"], f"{axis}_middle", {}),
        ]  # fmt: skip
    stacks = {
        "corners": ["x0", "y0", "x1", "y1"], "turned": ["y0", "x0", "y1", "x1"],
        "boxes": ["x_middle", "y_middle", "x_side", "y_side"],
        "rows": ["x_middle", "y_middle", "x_side", "y_side", "chance", "one", "nothing"],
        "classed": ["x0", "y0", "x1", "y1", "chance", "steep_row"], "logits": ["logit", "unlikely", "nothing"],
        "scored": ["x_middle", "y_middle", "x_side", "y_side", "chance", "nothing"],
    }  # fmt: skip
    steps += [
        ("Mul", ["chance", "steep"], "steeper", {}), ("Sub", ["steeper", "shift"], "logit", {}),
        ("Mul", ["one", "steep"], "steep_row", {}),
    ]  # fmt: skip
    for name, parts in stacks.items():
        steps += [("Unsqueeze", [part, "last"], f"{name}_{at}", {}) for at, part in enumerate(parts)]
        steps.append(("Concat", [f"{name}_{at}" for at in range(len(parts))], name, {"axis": 2}))
    steps += [
        ("Div", ["boxes", "size"], "middles", {}), ("Div", ["turned", "size"], "rows_first", {}),
        ("Transpose", ["scored"], "columns", {"perm": [0, 2, 1]}),
    ]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **more) for kind, inputs, output, more in steps],
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [shape[axis] for axis in layout])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), str(path))
