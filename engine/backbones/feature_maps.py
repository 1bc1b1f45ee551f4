"""Finds the maps of a network that lie over the photo, and makes them outputs: a middle one, and the last one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.backbones.joined import SHORTEST, joined_rows
from engine.protocols import Floats

FINEST, COARSEST = 12, 20  # pixels of the input to a place of the map that boxes are read from
_MEANS = ("ReduceMean", "AvgPool", "AdaptiveAvgPool")
_RESHAPING = ("Reshape", "Squeeze", "Convert", "FakeQuantize")  # what may stand between a mean and the features


def with_map(model: Any) -> Any | None:
    """Returns a model that answers the map of a middle layer beside the features.

    Args:
        model: `openvino.Model`, uint8 (n, size, size, 3) -> float32 (n, dim).

    Returns:
        None where the network has no middle layer that lies over the photo as a grid, as transformers have none.
    """
    import openvino

    size = model.input(0).get_partial_shape()[1].get_length()
    maps = [each for each in model.get_ordered_ops() if is_middle_map(_shape(each), size)]
    if not maps:
        return None
    outputs = [model.get_results()[0].input_value(0), maps[-1].output(0)]
    return openvino.Model(outputs, model.get_parameters(), model.get_friendly_name())


def of_last_map(model: Any) -> Any | None:
    """Returns a model that answers the map whose mean over all places is the features.

    Args:
        model: `openvino.Model`, uint8 (n, size, size, 3) -> float32 (n, dim).

    Returns:
        None where the features are no such mean, as those of transformers are not, or where networks are joined whose
        maps have different sides.
    """
    import openvino
    from openvino import opset13

    rows = model.get_results()[0].input_value(0)
    if parts := joined_rows(rows):
        maps = [_scaled_map(part) for part in parts]
        sides = {0 if each is None else _shape(each)[1] for each in maps}
        found = opset13.concat(maps, 3).output(0) if len(sides) == 1 and 0 not in sides else None
    else:
        found = _map_of(rows)
    return found and openvino.Model([found], model.get_parameters(), model.get_friendly_name())


def is_last_map(shape: Sequence[int], dim: int) -> bool:
    """Returns whether an output of this shape is a square map of several places with `dim` channels."""
    return len(shape) == 4 and shape[2] > 1 and sorted(shape[1:]) == sorted((shape[2], shape[2], dim))


def is_middle_map(shape: Sequence[int], size: int) -> bool:
    """Returns whether an output of this shape is a square map with 12 to 20 pixels of the input to a place.

    Args:
        shape: of one output, -1 where a side may vary, as that of the batch does.
        size: side of the network's input in pixels.
    """
    if len(shape) != 4 or shape[0] != -1:
        return False
    side = shape[2]  # a side of the map, whether the channels are its second or its last axis
    return side in (shape[1], shape[3]) and side > 0 and FINEST <= size / side <= COARSEST


def strength_of(found: Floats) -> Floats:
    """Returns how strong a middle layer's response is at each place, float32 (n, g, g).

    Args:
        found: float32 (n, c, g, g) or (n, g, g, c). Square roots keep a few strong channels from hiding all others.
    """
    channels = 1 if found.shape[2] == found.shape[3] else 3
    return np.asarray(np.sqrt(np.maximum(found, 0)).sum(axis=channels), np.float32)


def channels_last(found: Floats, dim: int) -> Floats:
    """Returns a map float32 (n, dim, g, g) or (n, g, g, dim) as the latter."""
    return found if found.shape[3] == dim else np.moveaxis(found, 1, 3)


def _map_of(rows: Any) -> Any | None:
    """Returns the output of a network whose mean over all places is `rows`, one of its outputs of (n, dim)."""
    node = rows.get_node()
    (_, dim) = _shape(node)
    while node.get_type_name() in _RESHAPING:
        node = node.input_value(0).get_node()
    is_mean = node.get_type_name() in _MEANS
    return node.input_value(0) if is_mean and is_last_map(_shape(node.input_value(0).get_node()), dim) else None


def _scaled_map(rows: Any) -> Any | None:
    """Returns the map (n, g, g, dim) whose mean over all places is `rows` with length 1."""
    from openvino import opset13

    found = _map_of(rows)
    if found is None:
        return None
    shape = _shape(found.get_node())
    last = found if shape[1] == shape[2] else opset13.transpose(found, [0, 2, 3, 1])
    lengths = opset13.reshape(opset13.reduce_l2(rows, [1], True), [-1, 1, 1, 1], False)
    return opset13.divide(last, opset13.maximum(lengths, np.float32(SHORTEST)))


def _shape(node: Any) -> tuple[int, ...]:
    """Returns the shape of a node's first output, -1 for sides that may vary; () where nothing is known."""
    if not node.get_output_size():
        return ()
    shape = node.output(0).get_partial_shape()
    return () if shape.rank.is_dynamic else tuple(-1 if side.is_dynamic else side.get_length() for side in shape)
