"""EfficientNet-Lite2 in Keras: the published architecture, with weights from a PyTorch state dict.

Source: Tan and Le, "EfficientNet" (ICML 2019), table 1, in its Lite variant (Google, 2020): no squeeze-and-excitation,
ReLU6 in place of Swish, stem and head not scaled, first and last stage not repeated.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel

INPUT_SIZE = 260
DIM = 1280
_WIDTH, _DEPTH = 1.1, 1.2
_STEM_FILTERS = 32


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class _Block(NamedTuple):
    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int


def build(input_size: int = INPUT_SIZE) -> Any:
    """Returns a `keras.Model` with random weights: normalised RGB -> pooled features float32 (n, 1280)."""
    import keras

    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = _conv(inputs, "stem", _STEM_FILTERS, kernel=3, stride=2)
    for number, block in enumerate(_blocks()):
        x = _inverted_residual(x, f"block{number}", block)
    x = _conv(x, "head", DIM, kernel=1)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="efficientnet_lite2")


def load_state(model: Any, state: Mapping[str, NDArray[np.float32]]) -> None:
    """Sets `model`'s weights from the arrays of a PyTorch state dict with the names of `efficientnet-lite2`.

    Raises:
        InvalidModel: an array is missing or has another shape.
    """
    for torch_name, layer_name, is_norm in _layer_names():
        layer = model.get_layer(layer_name)
        if is_norm:
            arrays = [state.get(f"{torch_name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        else:
            kernel = state.get(f"{torch_name}.weight")
            # PyTorch keeps kernels as (out, in / groups, h, w). Keras keeps them as (h, w, in, out), and depthwise ones
            # as (h, w, in, 1), where `in` is PyTorch's `out`.
            order = (2, 3, 0, 1) if layer_name.endswith("_depthwise") else (2, 3, 1, 0)
            arrays = [None if kernel is None else kernel.transpose(order)]
        expected = [tuple(weight.shape) for weight in layer.weights]
        got = [None if array is None else array.shape for array in arrays]
        if got != expected:
            raise InvalidModel(
                f"weights of {torch_name} must have shapes {expected}; got {got}. "
                "Install the package that holds them again."
            )
        layer.set_weights(arrays)


def _layer_names() -> Iterator[tuple[str, str, bool]]:
    """Yields (name in the state dict, layer name, whether it is a batch norm)."""
    yield from (("_conv_stem", "stem_conv", False), ("_bn0", "stem_norm", True))
    for number, block in enumerate(_blocks()):
        torch_block, ours = f"_blocks.{number}", f"block{number}"
        if block.expand != 1:
            yield from ((f"{torch_block}._expand_conv", f"{ours}_expand_conv", False),)
            yield from ((f"{torch_block}._bn0", f"{ours}_expand_norm", True),)
        yield from ((f"{torch_block}._depthwise_conv", f"{ours}_depthwise", False),)
        yield from ((f"{torch_block}._bn1", f"{ours}_depthwise_norm", True),)
        yield from ((f"{torch_block}._project_conv", f"{ours}_project_conv", False),)
        yield from ((f"{torch_block}._bn2", f"{ours}_project_norm", True),)
    yield from (("_conv_head", "head_conv", False), ("_bn1", "head_norm", True))


def _blocks() -> Iterator[_Block]:
    inputs = _STEM_FILTERS
    for number, stage in enumerate(_STAGES):
        outputs = _scaled_filters(stage.filters)
        is_fixed = number in (0, len(_STAGES) - 1)
        for repeat in range(stage.repeats if is_fixed else math.ceil(stage.repeats * _DEPTH)):
            yield _Block(stage.kernel, stage.stride if repeat == 0 else 1, stage.expand, inputs, outputs)
            inputs = outputs


def _scaled_filters(filters: int) -> int:
    """Returns filters times the width factor, rounded to a multiple of 8, but never down by more than 10 %."""
    scaled = filters * _WIDTH
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8


def _inverted_residual(inputs: Any, name: str, block: _Block) -> Any:
    import keras

    x = inputs
    if block.expand != 1:
        x = _conv(x, f"{name}_expand", block.inputs * block.expand, kernel=1)
    x = keras.layers.DepthwiseConv2D(
        block.kernel, block.stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = keras.layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_norm(x, f"{name}_depthwise"))
    x = keras.layers.Conv2D(block.outputs, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _norm(x, f"{name}_project")
    if block.stride == 1 and block.inputs == block.outputs:
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _conv(x: Any, name: str, filters: int, *, kernel: int, stride: int = 1) -> Any:
    import keras

    x = keras.layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(_norm(x, name))


def _norm(x: Any, name: str) -> Any:
    import keras

    return keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_norm")(x)
