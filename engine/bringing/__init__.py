"""Takes networks that users bring into a home, checks them, lists and removes them."""

from engine.bringing.adding import Bringing, add
from engine.bringing.conformance import Conformance, check
from engine.bringing.kept import KeptBackbone, list_backbones, remove
from engine.bringing.onnx_drafts import PREPROCESSINGS

__all__ = [
    "PREPROCESSINGS",
    "Bringing",
    "Conformance",
    "KeptBackbone",
    "add",
    "check",
    "list_backbones",
    "remove",
]
