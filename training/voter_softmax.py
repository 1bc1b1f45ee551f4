"""The softmax voter: a fully connected network trained with Adam, served as plain arrays.

scikit-learn's network is used: on a few thousand rows its epochs take milliseconds, where Keras needs a tenth of a
second an epoch before any arithmetic, and a nightly rebuild need not load TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.voters import LinearVoter
from training.calibration import negative_log_likelihood

MAX_EPOCHS = 150
PATIENCE = 8
# an epoch of a small catalogue goes over its photos several times: early stopping looks no more often than this
_LEAST_STEPS_AN_EPOCH = 10
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions:
    """How the network is built and trained.

    Attributes:
        hidden: width of a hidden layer; 0: one fully connected layer from features to labels.
        penalty: L2 penalty of the weights, per photo.
    """

    hidden: int = 0
    learning_rate: float = 0.001
    batch: int = 100
    penalty: float = 2.0


def fit_softmax(
    rows: Floats,
    y: Numbers,
    label_count: int,
    options: SoftmaxOptions,
    *,
    copies: int = 1,
    held: tuple[Floats, Numbers] | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> tuple[LinearVoter, int]:
    """Trains the network with class weights.

    Args:
        rows: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers.
        copies: how many rows show each photo; an epoch is over as many rows as there are photos, at least 10 batches.
        held: rows and labels for early stopping; None: all `epochs` are run.
        epochs: most epochs; None: 150.
        seed: of weights and order.

    Returns:
        The voter, and the epochs after which it was best.
    """
    # Adam's steps are of one size whatever the input's: unit rows are brought to unit variance, and back afterwards.
    scale = np.float32(np.sqrt(rows.shape[1]))
    share = epoch_rows(len(rows) // copies, options)
    most = epochs or MAX_EPOCHS
    best, best_epoch, best_loss = _as_voter(None, rows.shape[1], label_count, scale), 0, np.inf
    for epoch, network in _epochs(rows * scale, y, label_count, options, share, most, seed):
        if held is None and epoch < most:
            continue
        voter = _as_voter(network, rows.shape[1], label_count, scale)
        if held is None:
            return voter, most
        loss = negative_log_likelihood(voter.probabilities(held[0]), held[1])
        if loss < best_loss:
            best, best_epoch, best_loss = voter, epoch, loss
        elif epoch - best_epoch >= PATIENCE:
            break
    return best, best_epoch


def epoch_rows(photos: int, options: SoftmaxOptions) -> int:
    """Returns how many rows an epoch goes over."""
    return max(photos, _LEAST_STEPS_AN_EPOCH * options.batch)


def _epochs(
    rows: Floats, y: Numbers, label_count: int, options: SoftmaxOptions, share: int, most: int, seed: int
) -> Iterator[tuple[int, Any]]:
    """Yields the network after each pass over `share` rows."""
    from threadpoolctl import threadpool_limits

    network = _network(options, seed)
    weights = class_weights(y, label_count)[y]
    random = np.random.default_rng(seed)
    order = random.permutation(len(rows))
    # batches of 100 rows are too small to share among threads
    with threadpool_limits(1):
        for epoch in range(1, most + 1):
            while len(order) < share:
                order = np.concatenate([order, random.permutation(len(rows))])
            turn, order = order[:share], order[share:]
            network.partial_fit(rows[turn], y[turn], weights[turn], classes=np.arange(label_count))
            yield epoch, network


def class_weights(y: Numbers, label_count: int) -> NDArray[np.float32]:
    """Weighs each label by the inverse of its share, so that a small label counts as much as a large one."""
    counts = np.bincount(y, minlength=label_count)
    present = max(int((counts > 0).sum()), 1)
    return (len(y) / (present * np.maximum(counts, 1))).astype(np.float32)


def _network(options: SoftmaxOptions, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(options.hidden,) if options.hidden else (),
        solver="adam",
        learning_rate_init=options.learning_rate,
        batch_size=options.batch,
        alpha=options.penalty,
        random_state=seed,
    )


def _as_voter(network: Any, dim: int, label_count: int, scale: np.float32) -> LinearVoter:
    if network is None:
        return LinearVoter(layers=((np.zeros((dim, label_count), np.float32), np.zeros(label_count, np.float32)),))
    layers = [
        (weights.astype(np.float32), bias.astype(np.float32))
        for weights, bias in zip(network.coefs_, network.intercepts_, strict=True)
    ]
    layers[0] = (layers[0][0] * scale, layers[0][1])
    last, bias = layers[-1]
    if label_count == 2:  # scikit-learn keeps one output for two labels
        layers[-1] = (np.hstack([-last / 2, last / 2]), np.hstack([-bias / 2, bias / 2]))
    return LinearVoter(layers=tuple(layers))
