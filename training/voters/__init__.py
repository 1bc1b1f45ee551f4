"""Training of the three voters and of the vote that joins them."""

from training.voters.part import FILES, Trained, VoterOptions, train_voters
from training.voters.softmax import SoftmaxOptions, class_weights, fit_softmax

__all__ = ["FILES", "SoftmaxOptions", "Trained", "VoterOptions", "class_weights", "fit_softmax", "train_voters"]
