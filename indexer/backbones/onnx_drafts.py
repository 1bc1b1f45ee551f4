"""Describes an ONNX file that comes without a `backbone.toml`, from what it says itself and a named preprocessing."""

from pathlib import Path
from typing import Any

from engine.errors import InvalidModel

_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_CLIP = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
_HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
_UNIT = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
# name -> how that family of networks was trained to see photos
PREPROCESSINGS: dict[str, dict[str, Any]] = {
    "imagenet": {**_IMAGENET, "fit": "centre", "shown": 0.875, "resample": "bilinear"},
    "clip": {**_CLIP, "fit": "centre", "shown": 1.0, "resample": "bicubic"},
    "siglip": {**_HALF, "fit": "whole", "shown": 1.0, "resample": "bicubic"},
    "mobileclip": {**_UNIT, "fit": "centre", "shown": 1.0, "resample": "bilinear"},
}
_SIZE = 224  # of networks that read photos of any size


def draft(path: Path, preprocessing: str) -> dict[str, dict[str, Any]]:
    """Returns the tables of a `backbone.toml` for the image tower in an ONNX file.

    Args:
        path: the file, already checked.
        preprocessing: a name of `PREPROCESSINGS`.

    Raises:
        InvalidModel: the preprocessing is not named, or the file does not say enough; a `backbone.toml` must.
    """
    import onnx

    if preprocessing not in PREPROCESSINGS:
        raise InvalidModel(
            f"--preprocessing must be one of {', '.join(PREPROCESSINGS)} for an ONNX file alone; got "
            f"{preprocessing!r:.80}. Or write a backbone.toml, see docs/backbones.md."
        )
    graph = onnx.load(path, load_external_data=False).graph
    weights = {each.name for each in graph.initializer}
    inputs = {each.name: _shape(each) for each in graph.input if each.name not in weights}
    outputs = {each.name: _shape(each) for each in graph.output}
    photos = [(name, shape) for name, shape in inputs.items() if len(shape) == 4]
    rows = [(name, shape) for name, shape in outputs.items() if len(shape) in (2, 3, 4)]
    if len(inputs) != 1 or len(photos) != 1 or len(rows) != 1:
        raise InvalidModel(
            f"{path.name} must have one input (of four dimensions) and one output to be added alone; it has "
            f"{', '.join(inputs)} and {', '.join(outputs)}. Write a backbone.toml, see docs/backbones.md."
        )
    (name, shape), (output, result) = photos[0], rows[0]
    layout = "NHWC" if shape[3] == 3 else "NCHW"
    dim = result[1] if len(result) == 4 and layout == "NCHW" else result[-1]
    size = shape[1 if layout == "NHWC" else 2]
    pooling = "none" if len(result) == 2 else "average" if len(result) == 4 else "first"
    facts = {"onnx": path.name, "input": name, "output": output, "dim": dim, "input_size": size or _SIZE}
    return {"image": {**facts, "layout": layout, "pooling": pooling, **PREPROCESSINGS[preprocessing]}}


def _shape(value: Any) -> list[int]:
    """Returns the sizes of an input or output; 0 where any is allowed."""
    return [int(size.dim_value) for size in value.type.tensor_type.shape.dim]
