"""Converts the towers of a network that a user brought to OpenVINO, preprocessing included."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidModel
from engine.own_backbones.description import ImageSide, OwnBackbone, TextSide
from engine.own_backbones.files import check_files, check_onnx
from engine.own_backbones.tables import OwnNetwork, PixelInput

_MOST_VALUES = 2**28  # that one operator may make of one photo or text: 1 GiB of float32
# What OpenVINO raises on files and shapes that it cannot work with.
FAILURES = (RuntimeError, ValueError, TypeError, OSError)


def convert_image(own: OwnBackbone, image: ImageSide | None = None) -> Any:
    """Returns the image tower as `openvino.Model`: uint8 RGB (n, size, size, 3) -> float32 (n, dim).

    Args:
        image: how to prepare photos, instead of as the description says.

    Raises:
        InvalidModel: its files were changed, or it does not read and answer what its description says.
    """
    image = image or own.image
    try:
        model = _part(own, image.onnx, (image.input,), image.output)
        size = image.input_size
        model.reshape([-1, 3, size, size] if image.layout == "NCHW" else [-1, size, size, 3])
        return _checked(with_pixels(_pooled(model, image), image), image.dim, own)
    except FAILURES as error:
        raise InvalidModel(f"{own.folder / image.onnx} must fit its description; got {error!s:.500}.") from error


def convert_text(own: OwnBackbone, text: TextSide) -> Any:
    """Returns the text tower as `openvino.Model`: numbers of pieces int64 (n, length) [, mask] -> float32 (n, dim).

    Raises:
        InvalidModel: as of `convert_image`.
    """
    inputs = (text.ids, text.mask) if text.mask else (text.ids,)
    try:
        model = _part(own, text.onnx, inputs, text.output)
        model.reshape({model.input(place): [-1, text.length] for place in range(len(inputs))})
        return _checked(_of_integers(model), own.image.dim, own)
    except FAILURES as error:
        raise InvalidModel(f"{own.folder / text.onnx} must fit its description; got {error!s:.500}.") from error


def _part(own: OwnBackbone, file: str, inputs: Sequence[str], output: str) -> Any:
    path: Path = own.folder / file
    check_files(own)
    check_onnx(path, {name: (own.folder / name).stat().st_size for name in own.files if name != file})
    return part_of(own, file, inputs, [output])


def part_of(own: OwnNetwork, file: str, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Returns what computes these outputs of an ONNX file from these inputs, an `openvino.Model`."""
    import openvino

    path: Path = own.folder / file
    model = openvino.Core().read_model(path)
    parameters = {name: each for each in model.get_parameters() for name in each.output(0).get_names()}
    results = {name: each for each in model.get_results() for name in each.input_value(0).get_names()}
    for kind, wanted, found in (("input", inputs, parameters), ("output", outputs, results)):
        if missing := [name for name in wanted if name not in found]:
            raise InvalidModel(f"{path} must have the {kind} {missing[0]!r}; it has {', '.join(sorted(found))}.")
    if len({results[name].get_friendly_name() for name in outputs}) < len(outputs):  # which crashes OpenVINO
        raise InvalidModel(f"{path} must answer different outputs; {' and '.join(outputs)} are one.")
    return openvino.Model([results[name] for name in outputs], [parameters[name] for name in inputs], own.name)


def _pooled(model: Any, image: ImageSide) -> Any:
    if image.pooling == "none":
        return model
    import openvino
    from openvino import opset13 as ops

    rows = model.get_results()[0].input_value(0)
    rank = len(rows.get_partial_shape())
    if image.pooling == "first":
        pooled = ops.gather(rows, ops.constant(0), ops.constant(1))
    else:
        axes = [1] if rank == 3 else [2, 3] if image.layout == "NCHW" else [1, 2]
        pooled = ops.reduce_mean(rows, ops.constant(axes), keep_dims=False)
    return openvino.Model([pooled.output(0)], model.get_parameters(), model.get_friendly_name())


def with_pixels(model: Any, image: PixelInput) -> Any:
    """Returns a model that answers the same in float32 and reads uint8 RGB pixels, (n, h, w, 3) or (h, w, 3)."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    prepared = PrePostProcessor(model)
    photos = prepared.input()
    photos.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"[-len(image.layout) :]))
    photos.model().set_layout(Layout(image.layout))
    steps = photos.preprocess().convert_element_type(Type.f32)
    if image.channels == "BGR":
        steps.reverse_channels()
    steps.mean([255 * each for each in image.mean]).scale([255 * each for each in image.std])
    for place in range(len(model.outputs)):
        prepared.output(place).tensor().set_element_type(Type.f32)
    return prepared.build()


def _of_integers(model: Any) -> Any:
    from openvino import Type
    from openvino.preprocess import PrePostProcessor

    prepared = PrePostProcessor(model)
    for place in range(len(model.inputs)):
        prepared.input(place).tensor().set_element_type(Type.i64)
    prepared.output().tensor().set_element_type(Type.f32)
    return prepared.build()


def _checked(model: Any, dim: int, own: OwnBackbone) -> Any:
    """Returns `model`, after checking what it answers and how much memory one photo or text takes."""
    shape = model.output(0).get_partial_shape()
    if len(shape) != 2 or shape[1].is_dynamic or shape[1].get_length() != dim or shape[0].is_static:
        raise InvalidModel(
            f"{own.name} must answer (n, {dim}) for any n; got {shape}. Correct dim, output and pooling, or export it "
            "with a batch of any size."
        )
    single = model.clone()
    single.reshape({each: [1, *list(each.get_partial_shape())[1:]] for each in single.inputs})
    check_steps(single, own)
    return model


def check_steps(model: Any, own: OwnNetwork) -> None:
    """Raises InvalidModel if a step of the model makes too many values at once."""
    for operator in model.get_ops():
        for result in operator.outputs():
            shape = result.get_partial_shape()
            if shape.is_static and math.prod(result.get_shape()) > _MOST_VALUES:
                raise InvalidModel(f"{own.name} must need at most {_MOST_VALUES:,} values in a step; got {shape}.")
