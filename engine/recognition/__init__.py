"""Recognises what a photo shows: three voters judge its pool_3 features, and a vote combines them."""

from engine.recognition.files import VOTERS_FILE, load_recogniser, save_recogniser
from engine.recognition.recogniser import FeatureMap, Recogniser, Recognition
from engine.recognition.vote import RULES, Vote
from engine.recognition.voters import (
    NAMES,
    TRANSFORMS,
    KnnVoter,
    LinearVoter,
    calibrated,
    neighbour_shares,
    softmax,
    transform_rows,
)

__all__ = [
    "NAMES",
    "RULES",
    "TRANSFORMS",
    "VOTERS_FILE",
    "FeatureMap",
    "KnnVoter",
    "LinearVoter",
    "Recogniser",
    "Recognition",
    "Vote",
    "calibrated",
    "load_recogniser",
    "neighbour_shares",
    "save_recogniser",
    "softmax",
    "transform_rows",
]
