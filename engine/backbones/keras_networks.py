"""The backbones as Keras networks: the reference for other runtimes, the form that is trained, the runtime on a GPU.

Every network takes RGB values 0..255 and normalises them itself; its weights live in one inner model, the trunk. No
operation is bound to one Keras backend.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.backbones import efficientnet_lite
from engine.backbones.feature_maps import is_middle_map, strength_of
from engine.backbones.hdf5 import check_hdf5
from engine.errors import BackboneUnavailable, InvalidModel
from engine.protocols import BackboneSpec, Floats, Look

_BATCH = 32
_POLICIES = {"f32": "float32", "bf16": "mixed_bfloat16"}
_TRUNK = "trunk"


@dataclass(frozen=True)
class Architecture:
    """One network architecture.

    Attributes:
        name: its value in `Settings.backbone`.
        dim: width of its pool_3 features.
        input_size: side in pixels of the square it reads.
        scale, offset: the network sees `x * scale + offset`, x in 0..255.
        build_trunk: makes the inner `keras.Model` for an input size, with random weights.
    """

    name: str
    dim: int
    input_size: int
    scale: float
    offset: float
    build_trunk: Callable[[int], Any]


def _inception_v3(size: int) -> Any:
    import keras

    return keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))


def _xception(size: int) -> Any:
    import keras

    return keras.applications.Xception(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("inception_v3", 2048, 299, 1 / 127.5, -1.0, _inception_v3),
        Architecture("xception", 2048, 299, 1 / 127.5, -1.0, _xception),
        Architecture(
            "efficientnet_lite2",
            efficientnet_lite.DIM,
            efficientnet_lite.INPUT_SIZE,
            1 / 128,
            -127 / 128,
            efficientnet_lite.build,
        ),
    )
}


def build_network(architecture: Architecture, input_size: int, *, dtype: str = "float32") -> Any:
    """Builds a network with random weights.

    Args:
        architecture: what to build.
        input_size: side of its square input in pixels; `architecture.input_size` unless it was fine-tuned at another.
        dtype: type of the input, `float32`, or `uint8` for export; values are 0..255 with both.

    Returns:
        `keras.Model`, (n, input_size, input_size, 3) -> unnormalised pool_3 features (n, architecture.dim).
    """
    import keras

    trunk = architecture.build_trunk(input_size)
    trunk.name = _TRUNK
    image = keras.Input((input_size, input_size, 3), dtype=dtype, name="image")
    normalised = keras.layers.Rescaling(architecture.scale, offset=architecture.offset, name="normalise")(image)
    return keras.Model(image, trunk(normalised), name=architecture.name)


def trunk_of(network: Any) -> Any:
    """Returns the inner model of `network`, whose weights the weights files hold."""
    return network.get_layer(_TRUNK)


def load_weights(network: Any, path: Path) -> None:
    """Reads a `.weights.h5` file, or one in Keras's older `.h5` layout, into `network`'s trunk.

    Raises:
        InvalidModel: the file is not weights of this network.
    """
    if not path.name.endswith((".weights.h5", ".h5")):
        raise InvalidModel(f"weights must be a .weights.h5 file; got {path}. Save them with save_weights.")
    check_hdf5(path)
    try:
        trunk_of(network).load_weights(str(path))
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise InvalidModel(
            f"{path} must hold the weights of {network.name} without its classifier; got a file that does not fit "
            f"({error}). Check backbone and weights."
        ) from error


def to_openvino(network: Any) -> Any:
    """Converts a network whose input is uint8 to an `openvino.Model` with a dynamic batch.

    Raises:
        BackboneUnavailable: Keras runs on another backend than TensorFlow.
    """
    import keras
    import openvino

    if keras.backend.backend() != "tensorflow":
        raise BackboneUnavailable(
            f"export to OpenVINO needs Keras on TensorFlow; got {keras.backend.backend()}. Unset KERAS_BACKEND for one "
            "run, or set runtime to keras."
        )
    import tensorflow

    # One trace takes a third of the time of keras.Model.export, which makes three.
    signature = [tensorflow.TensorSpec(network.inputs[0].shape, tensorflow.uint8, name="image")]
    traced = tensorflow.function(lambda image: network(image, training=False), input_signature=signature)
    return openvino.convert_model(traced)


class KerasBackbone:
    """A backbone run by Keras itself, on whatever device its backend uses.

    Args:
        spec: describes the network.
        network: a model made by `build_network`, weights loaded.
    """

    def __init__(self, spec: BackboneSpec, network: Any) -> None:
        self._spec = spec
        self._network = network
        self._lock = threading.Lock()

    @property
    def spec(self) -> BackboneSpec:
        return self._spec

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        """Returns pool_3 features float32 (n, dim) of RGB images uint8 (n, input_size, input_size, 3)."""
        if not len(images):
            return np.zeros((0, self._spec.dim), np.float32)
        with self._lock:
            rows = self._network.predict(images.astype(np.float32), batch_size=_BATCH, verbose=0)
        return np.asarray(rows, np.float32)

    def look(self, images: NDArray[np.uint8]) -> Look:
        """Returns what the network saw in RGB images uint8 (n, input_size, input_size, 3)."""
        with self._lock:
            found = self._with_map.predict(images.astype(np.float32), batch_size=_BATCH, verbose=0)
        features, middle = (np.asarray(each, np.float32) for each in found)
        return Look(features, strength_of(middle))

    def last_map(self, images: NDArray[np.uint8]) -> Floats:
        """Returns the map whose mean over its places is the features, float32 (n, g, g, dim)."""
        with self._lock:
            found = self._last_map.predict(images.astype(np.float32), batch_size=_BATCH, verbose=0)
        return np.asarray(found, np.float32)

    @cached_property
    def _last_map(self) -> Any:
        import keras

        trunk = trunk_of(self._network)
        inner = keras.Model(trunk.inputs, trunk.layers[-1].input)  # its last layer takes the mean
        image = self._network.inputs[0]
        return keras.Model(image, inner(self._network.get_layer("normalise")(image)))

    @cached_property
    def _with_map(self) -> Any:
        import keras

        trunk = trunk_of(self._network)
        size = self._spec.input_size
        maps = [layer for layer in trunk.layers if is_middle_map(_free(layer.output.shape), size)]
        inner = keras.Model(trunk.inputs, [trunk.output, maps[-1].output])
        image = self._network.inputs[0]
        return keras.Model(image, inner(self._network.get_layer("normalise")(image)))


def _free(shape: Sequence[int | None]) -> tuple[int, ...]:
    """Returns a layer's shape with -1 for what may vary."""
    return tuple(-1 if side is None else side for side in shape)


@contextlib.contextmanager
def precision_policy(precision: str) -> Iterator[None]:
    """Makes networks built inside the `with` block compute in `precision`, `f32` or `bf16`; weights stay float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
