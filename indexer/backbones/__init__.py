"""Takes networks that users bring into a home, checks them, lists and removes them."""

from indexer.backbones.adding import BackboneNotes, add, copy_described, new_folder
from indexer.backbones.conformance import Conformance, check
from indexer.backbones.listing import KeptBackbone, list_backbones, remove, remove_folder
from indexer.backbones.onnx_drafts import PREPROCESSINGS

__all__ = [
    "PREPROCESSINGS",
    "BackboneNotes",
    "Conformance",
    "KeptBackbone",
    "add",
    "check",
    "copy_described",
    "list_backbones",
    "new_folder",
    "remove",
    "remove_folder",
]
