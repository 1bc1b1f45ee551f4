"""A text encoder without a model: each word is a direction of its own."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.protocols import Floats
from engine.text import TextEncoder


class WordEncoder(TextEncoder):
    """Gives each word its own hashed direction, so texts that share words are near each other."""

    name, digest, dim = "words", "c" * 64, 64

    def __init__(self, name: str = "", threads: int = 1, home: Path | None = None, digest: str = "") -> None:
        """Loads no model."""

    def embed(self, texts: Sequence[str]) -> Floats:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dim] += 1
        lengths: Floats = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return rows / lengths


class WideWordEncoder(WordEncoder):
    """A `WordEncoder` with so many directions that two words rarely share one."""

    dim = 512
