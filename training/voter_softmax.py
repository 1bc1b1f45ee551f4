"""The softmax voter: a fully connected network trained with Adam, served as plain arrays.

It is written out in numpy because a step on 100 rows is a fifth of a millisecond of arithmetic: Keras adds a tenth of a
second to every epoch and scikit-learn a millisecond to every step, and a rebuild need not load TensorFlow.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.voters import LinearVoter, softmax
from training.adam import Adam
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
        penalty: weight of the L2 penalty beside the mean cross-entropy.
    """

    hidden: int = 0
    learning_rate: float = 0.001
    batch: int = 100
    penalty: float = 0.02


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
    best: LinearVoter | None = None
    best_epoch, best_loss = 0, np.inf
    for epoch, arrays in _epochs(rows * scale, y, label_count, options, share, most, seed):
        if held is None and epoch < most:
            continue
        voter = _as_voter(arrays, scale)
        if held is None:
            return voter, most
        loss = negative_log_likelihood(voter.probabilities(held[0]), held[1])
        if best is None or loss < best_loss:
            best, best_epoch, best_loss = voter, epoch, loss
        elif epoch - best_epoch >= PATIENCE:
            break
    return best or voter, best_epoch


def epoch_rows(photos: int, options: SoftmaxOptions) -> int:
    """Returns how many rows an epoch goes over."""
    return max(photos, _LEAST_STEPS_AN_EPOCH * options.batch)


def _epochs(
    rows: Floats, y: Numbers, label_count: int, options: SoftmaxOptions, share: int, most: int, seed: int
) -> Iterator[tuple[int, list[Floats]]]:
    """Yields the network's weights and biases, layer by layer, after each pass over `share` rows."""
    random = np.random.default_rng(seed)
    arrays = _initial(rows.shape[1], label_count, options, random)
    adam = Adam(arrays, options.learning_rate)
    weights, targets = class_weights(y, label_count)[y], np.eye(label_count, dtype=np.float32)
    order = random.permutation(len(rows))
    for epoch in range(1, most + 1):
        while len(order) < share:
            order = np.concatenate([order, random.permutation(len(rows))])
        turn, order = order[:share], order[share:]
        for start in range(0, share, options.batch):
            batch = turn[start : start + options.batch]
            adam.step(_gradients(arrays, rows[batch], targets[y[batch]], weights[batch], options.penalty))
        yield epoch, arrays


def _initial(dim: int, label_count: int, options: SoftmaxOptions, random: np.random.Generator) -> list[Floats]:
    widths = [dim, *([options.hidden] if options.hidden else []), label_count]
    arrays: list[Floats] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        arrays.append((random.normal(size=(fan_in, fan_out)) * (2 / (fan_in + fan_out)) ** 0.5).astype(np.float32))
        arrays.append(np.zeros(fan_out, np.float32))
    return arrays


def _gradients(arrays: list[Floats], rows: Floats, targets: Floats, weights: Floats, penalty: float) -> list[Floats]:
    """Returns the gradient of the weighted mean cross-entropy plus penalty / 2 |weights|^2, array by array."""
    inputs = [rows]
    for at in range(0, len(arrays) - 2, 2):
        inputs.append(np.maximum(inputs[-1] @ arrays[at] + arrays[at + 1], 0))
    error = (softmax(inputs[-1] @ arrays[-2] + arrays[-1]) - targets) * (weights / len(rows))[:, None]
    gradients: list[Floats] = []
    for at in range(len(arrays) - 2, -1, -2):
        layer = inputs[at // 2]
        gradients = [layer.T @ error + penalty * arrays[at], error.sum(axis=0), *gradients]
        error = (error @ arrays[at].T) * (layer > 0)
    return gradients


def class_weights(y: Numbers, label_count: int) -> NDArray[np.float32]:
    """Weighs each label by the inverse of its share, so that a small label counts as much as a large one."""
    counts = np.bincount(y, minlength=label_count)
    present = max(int((counts > 0).sum()), 1)
    return (len(y) / (present * np.maximum(counts, 1))).astype(np.float32)


def _as_voter(arrays: list[Floats], scale: np.float32) -> LinearVoter:
    """Copies the network for rows that are not scaled."""
    layers = [(arrays[at].copy(), arrays[at + 1].copy()) for at in range(0, len(arrays), 2)]
    layers[0] = (layers[0][0] * scale, layers[0][1])
    return LinearVoter(layers=tuple(layers))
