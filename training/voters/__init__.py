"""Trains the three voters that recognise photos, and the vote that combines them."""

from training.voters.feature_map import fit_axes, whitening
from training.voters.fit import choose
from training.voters.part import Trained, VoterOptions, capped, train, train_voters
from training.voters.softmax import SoftmaxOptions, class_weights, fit_softmax
from training.voters.svm import fit_svm

__all__ = [
    "SoftmaxOptions",
    "Trained",
    "VoterOptions",
    "capped",
    "choose",
    "class_weights",
    "fit_axes",
    "fit_softmax",
    "fit_svm",
    "train",
    "train_voters",
    "whitening",
]
