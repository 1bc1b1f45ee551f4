"""Fits the softmax voter: a fully connected network, trained with Adam by scikit-learn, served as plain arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import LinearVoter
from training.measures import negative_log_likelihood

MAX_EPOCHS = 150
PATIENCE = 8
# one epoch passes over a small catalogue several times, so that early stopping does not check too often
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
        copies: how many rows show each photo. An epoch uses as many rows as there are photos, but at least 10 batches.
        held: rows and labels for early stopping; None: all `epochs` are run.
        epochs: most epochs; None: 150.
        seed: random seed of the weights and of the order of rows.

    Returns:
        The voter, and the epochs after which it was best.
    """
    from sklearn.neural_network import MLPClassifier

    # Adam's step size ignores the scale of its input, so unit rows are scaled to unit variance, and back afterwards.
    scale = np.float32(np.sqrt(rows.shape[1]))
    scaled, weights = rows * scale, class_weights(y, label_count)[y]
    network = MLPClassifier(
        hidden_layer_sizes=(options.hidden,) if options.hidden else (),
        alpha=options.penalty * options.batch,  # scikit-learn divides it by the batch
        batch_size=options.batch,
        learning_rate_init=options.learning_rate,
        shuffle=False,
        random_state=seed,
    )
    random, labels, order = np.random.default_rng(seed), np.arange(label_count), np.zeros(0, np.int64)
    share, most = epoch_rows(len(rows) // copies, options), epochs or MAX_EPOCHS
    best: LinearVoter | None = None
    best_epoch, best_loss = 0, np.inf
    for epoch in range(1, most + 1):
        while len(order) < share:
            order = np.concatenate([order, random.permutation(len(rows))])
        turn, order = order[:share], order[share:]
        network.partial_fit(scaled[turn], y[turn], weights[turn], labels)
        if held is None:
            continue
        voter = _as_voter(network, scale)
        loss = negative_log_likelihood(voter.probabilities(held[0]), held[1])
        if best is None or loss < best_loss:
            best, best_epoch, best_loss = voter, epoch, loss
        elif epoch - best_epoch >= PATIENCE:
            break
    return (_as_voter(network, scale), most) if best is None else (best, best_epoch)


def epoch_rows(photos: int, options: SoftmaxOptions) -> int:
    """Returns how many rows an epoch uses."""
    return max(photos, _LEAST_STEPS_AN_EPOCH * options.batch)


def class_weights(y: Numbers, label_count: int) -> NDArray[np.float32]:
    """Returns the inverse share of each label, float32 (label_count,): a small label counts as much as a large one."""
    counts = np.bincount(y, minlength=label_count)
    present = max(int((counts > 0).sum()), 1)
    return (len(y) / (present * np.maximum(counts, 1))).astype(np.float32)


def _as_voter(network: Any, scale: np.float32) -> LinearVoter:
    """Returns a copy of a scikit-learn network as a voter, for rows that are not scaled."""
    layers = [(weights.copy(), bias.copy()) for weights, bias in zip(network.coefs_, network.intercepts_, strict=True)]
    layers[0] = (layers[0][0] * scale, layers[0][1])
    if len(network.classes_) == 2:  # one output, for the second of two labels
        layers[-1] = (np.pad(layers[-1][0], ((0, 0), (1, 0))), np.pad(layers[-1][1], (1, 0)))
    return LinearVoter(layers=tuple(layers))
