"""Networks that shops bring to find things in photos: their descriptions, and the boxes that they tell."""

from engine.detectors.boxes import read_boxes
from engine.detectors.description import (
    FILE,
    FOLDER,
    BoxOutput,
    OwnDetector,
    damaged_detectors,
    is_own,
    read_folder,
    read_own,
)
from engine.detectors.detector import Detector

__all__ = [
    "FILE",
    "FOLDER",
    "BoxOutput",
    "Detector",
    "OwnDetector",
    "damaged_detectors",
    "is_own",
    "read_boxes",
    "read_folder",
    "read_own",
]
