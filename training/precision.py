"""Which numbers a training multiplies."""

import importlib.util

PRECISIONS = ("auto", "f32", "bf16")


def training_precision(precision: str) -> str:
    """Returns `f32` or `bf16`; `auto` is bf16 on a GPU, and on a processor that multiplies bf16 in hardware.

    Weights, their optimizer's moments and sums stay float32 either way.
    """
    if precision != "auto":
        return precision
    import keras

    return "bf16" if keras.distribution.list_devices("gpu") or _processor_has_bf16() else "f32"


def _processor_has_bf16() -> bool:
    if importlib.util.find_spec("openvino") is None:
        return False
    from engine.openvino_runtime import processor_has_bf16

    return processor_has_bf16()
