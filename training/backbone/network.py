"""Cuts a network in two: a frozen part, computed once per view, and a part trained on its stored output."""

from dataclasses import dataclass
from typing import Any

from data.settings import Settings
from engine.backbones import (
    ARCHITECTURES,
    Architecture,
    Weights,
    build_network,
    find_weights,
    import_keras,
    lite2_state,
    load_state,
    load_weights,
    trunk_of,
)
from training.errors import InvalidTraining


@dataclass(frozen=True, kw_only=True)
class CutNetwork:
    """A pretrained network and where it is cut.

    Attributes:
        architecture: the network's architecture.
        input_size: side of its square input in pixels.
        weights: the pretrained weights that it starts from.
        network: images 0..255 (n, input_size, input_size, 3) -> pool_3 (n, dim).
        cut: name of the layer whose output is stored; empty: only pool_3 is stored.
        cut_shape: shape of that output, without the batch axis.
        upper: the layers above the cut, `cut_shape` -> pool_3, sharing their weights with `network`; None: no layer is
            trained.
    """

    architecture: Architecture
    input_size: int
    weights: Weights
    network: Any
    cut: str
    cut_shape: tuple[int, ...]
    upper: Any | None

    @property
    def cut_size(self) -> int:
        """How many numbers the cut's output has; 0 if no layer is trained."""
        size = 1
        for side in self.cut_shape:
            size *= side
        return size if self.upper is not None else 0

    def row_network(self) -> Any:
        """Returns the network images -> (n, cut_size + dim): the cut's flattened output, pool_3 before training."""
        import keras

        if self.upper is None:
            return self.network
        trunk = trunk_of(self.network)
        both = keras.Model(trunk.input, [trunk.get_layer(self.cut).output, trunk.output])
        images = keras.Input(self.network.input_shape[1:], dtype=self.network.input.dtype, name="image")
        activations, pooled = both(self.network.get_layer("normalise")(images))
        return keras.Model(images, keras.layers.Concatenate()([keras.layers.Flatten()(activations), pooled]))


def load_cut(
    settings: Settings, base: str, first_layer: str, *, input_size: int = 0, dtype: str = "float32"
) -> CutNetwork:
    """Loads a pretrained network and cuts it below `first_layer`.

    Args:
        first_layer: the first layer to train; this layer and all after it in the network's order are trainable, all
            others are not. Empty: no layer is.
        input_size: side of the input in pixels; 0: the architecture's own.
        dtype: dtype of the input: `float32`, or `uint8` for export.

    Raises:
        BackboneUnavailable: the pretrained weights are not available.
        InvalidTraining: there is no such layer, or nothing to train from it on; the message says what to choose.
    """
    architecture = ARCHITECTURES[base]
    size = input_size or architecture.input_size
    weights = find_weights(base_settings(settings, base))
    import_keras()
    network = build_network(architecture, size, dtype=dtype)
    trunk = trunk_of(network)
    if weights.path.suffix == ".pth":
        load_state(trunk, lite2_state())
    else:
        load_weights(network, weights.path)
    cut, upper = _split(trunk, first_layer, base) if first_layer else ("", None)
    shape = tuple(trunk.get_layer(cut).output.shape[1:]) if cut else ()
    return CutNetwork(
        architecture=architecture,
        input_size=size,
        weights=weights,
        network=network,
        cut=cut,
        cut_shape=shape,
        upper=upper,
    )


def base_settings(settings: Settings, base: str) -> Settings:
    """Returns settings for `base`; configured weights are kept only if they belong to `base`."""
    return settings.replace(backbone=base, weights=settings.weights if base == settings.backbone else "imagenet")


def _split(trunk: Any, first_layer: str, base: str) -> tuple[str, Any]:
    """Returns the name of the layer to cut after, and the model of the layers above it."""
    import keras

    names = [layer.name for layer in trunk.layers]
    if first_layer not in names[1:]:
        raise InvalidTraining(
            f"--from-layer must name a layer of {base}; got {first_layer!r}. Choose one of: {', '.join(names[1:])}."
        )
    first = names.index(first_layer)
    for layer in trunk.layers[:first]:
        layer.trainable = False
    if not any(layer.trainable_weights for layer in trunk.layers[first:]):
        raise InvalidTraining(
            f"--from-layer must leave something to train; no layer from {first_layer!r} on has weights. "
            "Choose an earlier one."
        )
    cut = _bottleneck(trunk, first)
    return names[cut], keras.Model(trunk.layers[cut].output, trunk.output, name="upper")


def _bottleneck(trunk: Any, first: int) -> int:
    """Returns the number of the layer whose output alone feeds all layers from `first` (or an earlier layer) on.

    Inside a block with branches, several tensors cross from below to above; the cut moves down to where only one does.
    """
    import keras

    producer = {id(layer.output): number for number, layer in enumerate(trunk.layers)}
    edges = [
        (producer[id(tensor)], number)
        for number, layer in enumerate(trunk.layers)
        if number
        for tensor in keras.tree.flatten(layer.input)
    ]
    for position in range(first, 0, -1):
        crossing = {source for source, target in edges if source < position <= target}
        if len(crossing) == 1:
            return crossing.pop()
    return 0
