"""Chooses the number format that training computes in: float32 or mixed bfloat16."""

import importlib.util

PRECISIONS = ("auto", "f32", "bf16")


def training_precision(precision: str, *, processor: bool) -> str:
    """Returns `f32` or `bf16`. Weights, optimizer moments and sums stay float32 either way.

    Args:
        precision: one of `PRECISIONS`; `auto` is bf16 on a GPU.
        processor: whether `auto` is also bf16 on a processor that multiplies bf16 in hardware. That speeds up matrix
            products, but not TensorFlow's convolutions.
    """
    if precision != "auto":
        return precision
    from engine.backbones import import_keras

    import_keras()
    import keras

    return "bf16" if keras.distribution.list_devices("gpu") or (processor and _processor_has_bf16()) else "f32"


def _processor_has_bf16() -> bool:
    if importlib.util.find_spec("openvino") is None:
        return False
    from engine.exports import processor_has_bf16

    return processor_has_bf16()
