"""Recognises what a photo shows: three voters judge its pool_3 features, and a vote combines them; also attributes."""

from engine.recognition.attribute_files import ATTRIBUTES_FILE, load_attribute_voters, save_attribute_voters
from engine.recognition.attributes import (
    MOST_OTHERS,
    AttributeVoter,
    AttributeVoters,
    ValueGuess,
    chances_of,
    leads_of,
    voter_input,
)
from engine.recognition.broader import Level, levels_of
from engine.recognition.files import VOTERS_FILE, load_recogniser, save_recogniser
from engine.recognition.recogniser import VIEWS, BroaderLabel, FeatureMap, Recogniser, Recognition
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
    "ATTRIBUTES_FILE",
    "MOST_OTHERS",
    "NAMES",
    "RULES",
    "TRANSFORMS",
    "VIEWS",
    "VOTERS_FILE",
    "AttributeVoter",
    "AttributeVoters",
    "BroaderLabel",
    "FeatureMap",
    "KnnVoter",
    "Level",
    "LinearVoter",
    "Recogniser",
    "Recognition",
    "ValueGuess",
    "Vote",
    "calibrated",
    "chances_of",
    "leads_of",
    "levels_of",
    "load_attribute_voters",
    "load_recogniser",
    "neighbour_shares",
    "save_attribute_voters",
    "save_recogniser",
    "softmax",
    "transform_rows",
    "voter_input",
]
