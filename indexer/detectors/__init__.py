"""Takes networks that find things in photos into a home, checks them, lists and removes them."""

from indexer.detectors.conformance import DetectorReport, SeenBox, check
from indexer.detectors.keeping import KeptDetector, add, list_detectors, remove

__all__ = ["DetectorReport", "KeptDetector", "SeenBox", "add", "check", "list_detectors", "remove"]
