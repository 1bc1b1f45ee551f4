"""The softmax voter: a fully connected network, trained with Keras, served as plain arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.voters import LinearVoter

MAX_EPOCHS = 150
PATIENCE = 8
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions:
    """How the network is built and trained. `hidden` 0: one fully connected layer."""

    hidden: int = 0
    learning_rate: float = 0.001
    batch: int = 100
    dropout: float = 0.3


def fit_softmax(
    rows: Floats,
    y: Numbers,
    label_count: int,
    options: SoftmaxOptions,
    *,
    held: tuple[Floats, Numbers] | None = None,
    epochs: int = MAX_EPOCHS,
    seed: int = 0,
) -> tuple[LinearVoter, int]:
    """Trains the network with Adam and class weights.

    Args:
        rows: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers.
        held: rows and labels for early stopping; None: all `epochs` are run.
        seed: of weights, order and dropout.

    Returns:
        The voter, and the epochs after which it was best.
    """
    import keras

    from engine.keras_backbones import quiet_tensorflow

    quiet_tensorflow()
    keras.utils.set_random_seed(seed)
    # Adam's steps are of one size whatever the input's: unit rows are brought to unit variance, and back afterwards.
    scale = float(np.sqrt(rows.shape[1]))
    network = _network(rows.shape[1], label_count, options)
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=PATIENCE, restore_best_weights=True, start_from_epoch=3
    )
    history = network.fit(
        rows * scale,
        y,
        batch_size=options.batch,
        epochs=epochs,
        class_weight=class_weights(y, label_count),
        validation_data=(held[0] * scale, held[1]) if held else None,
        callbacks=[stop] if held else [],
        verbose=0,
    )
    best = int(np.argmin(history.history["val_loss"])) + 1 if held else epochs
    return _as_voter(network, scale), best


def class_weights(y: Numbers, label_count: int) -> dict[int, float]:
    """Weighs each label by the inverse of its share, so that a small label counts as much as a large one."""
    counts = np.bincount(y, minlength=label_count)
    present = int((counts > 0).sum())
    return {label: len(y) / (present * count) if count else 1.0 for label, count in enumerate(counts.tolist())}


def _network(dim: int, label_count: int, options: SoftmaxOptions) -> Any:
    import keras

    layers: list[Any] = [keras.Input((dim,))]
    if options.dropout:
        layers.append(keras.layers.Dropout(options.dropout))
    if options.hidden:
        layers += [keras.layers.Dense(options.hidden, activation="relu"), keras.layers.Dropout(options.dropout)]
    network = keras.Sequential([*layers, keras.layers.Dense(label_count)])
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=keras.optimizers.Adam(options.learning_rate), loss=loss)
    return network


def _as_voter(network: Any, scale: float) -> LinearVoter:
    dense = [layer.get_weights() for layer in network.layers if layer.get_weights()]
    layers = [(np.asarray(weights, np.float32), np.asarray(bias, np.float32)) for weights, bias in dense]
    layers[0] = (layers[0][0] * np.float32(scale), layers[0][1])
    return LinearVoter(layers=tuple(layers))
