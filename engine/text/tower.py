"""Turns words into points of the product space: a sentence encoder and the head fitted on the shop's own texts."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import FingerprintMismatch
from engine.protocols import Floats
from engine.text.exported import Sentences, load_sentences
from engine.text.features import text_features
from engine.text.head import TextHead
from engine.text.joint import JointModel, is_joint, load_joint
from engine.text.multilingual import MULTILINGUAL, MultilingualModel
from engine.text.recent import RecentRows
from engine.text.sentence_transformer import MINILM_NAMES


class TextEncoder:
    """A sentence encoder that remembers recent texts. Safe to use from several threads.

    Args:
        name: `multilingual`, `backbones/<name>` for the text tower of a joint model, or see `load_model`.
        threads: processor threads that the model may use; `multilingual` is quickest with one.
        home: `$LOOKALIKE_HOME`, which holds the tuned encoders and what was exported.
        digest: that of the sentence-transformers model that is meant, if it is known: once it was exported to this
            home, torch and the model's own files are not needed.

    Raises:
        InvalidModel: there is no such model, or its files were changed.
    """

    def __init__(self, name: str = MULTILINGUAL, threads: int = 1, home: Path | None = None, digest: str = "") -> None:
        self.name = name
        self._model = _model(name, threads, home, digest)
        self.digest = self._model.digest
        self._lock = threading.Lock()
        self._recent = RecentRows(self._encode)

    @property
    def dim(self) -> int:
        return self._model.dim

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns sentence embeddings float32 (n, dim), L2 norm 1."""
        return self._recent.of(texts) if texts else np.zeros((0, self.dim), np.float32)

    def _encode(self, texts: list[str]) -> Floats:
        with self._lock:
            return self._model.encode(texts)


def encoder_of_head(head: TextHead, home: Path, threads: int = 1) -> TextEncoder:
    """Loads the encoder that a text head was fitted on.

    Raises:
        InvalidModel: there is no such model, or its files were changed.
    """
    return TextEncoder(head.encoder_name, threads, home, head.encoder_digest)


def _model(name: str, threads: int, home: Path | None, digest: str) -> MultilingualModel | JointModel | Sentences:
    if name == MULTILINGUAL:
        return MultilingualModel()
    if is_joint(name) and home is not None:
        return load_joint(home, name, threads)
    return load_sentences(name, threads, home, digest)


class EncoderTextTower:
    """The `TextTower` made of a sentence encoder and a head.

    Raises:
        FingerprintMismatch: the head was fitted on another encoder.
    """

    def __init__(self, encoder: TextEncoder, head: TextHead) -> None:
        if encoder.digest != head.encoder_digest:
            raise FingerprintMismatch(
                f"the text encoder must be the one the text head was fitted on ({head.encoder_name or 'the default'}, "
                f"digest {head.encoder_digest[:12]}); got {encoder.digest[:12]}. Rebuild, or install it again."
            )
        self._encoder, self._head = encoder, head
        self._recent = RecentRows(self._points)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns points of the product space, float32 (n, d), L2 norm 1."""
        return self._recent.of(texts) if texts else np.zeros((0, self._head.space_dim), np.float32)

    def _points(self, texts: list[str]) -> Floats:
        return self._head.apply(text_features(self._encoder, texts, self._head.characters, self._head.sounds))


def encoder_title(name: str) -> str:
    """Returns how status and doctor call the text encoder of this name."""
    if name == MULTILINGUAL:
        return "universal-sentence-encoder-multilingual-v3"
    if is_joint(name):
        return f"text tower of {name.partition('/')[2]}"
    return "all-MiniLM-L6-v2" if name in MINILM_NAMES else name
