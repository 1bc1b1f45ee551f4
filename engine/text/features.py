"""What the text tower reads of a text: a sentence embedding, and its letters beside it.

A sentence encoder knows words. To it a stock number, a new brand or a word of a language that it never saw is a row of
unknown pieces, and two of them may have one and the same embedding. Their letters still differ: all runs of 3 to 5
characters, hashed with a sign into a fixed width (Weinberger et al., "Feature Hashing for Large Scale Multitask
Learning", 2009), keep them apart.
"""

import unicodedata
import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.protocols import Floats

CHARACTERS = 512  # width of the hashed part
_SHARE = 0.2  # of the letters in the likeness of two texts; the sentence has the rest
_RUNS = (3, 4, 5)
_LONGEST = 500


class Encoder(Protocol):
    """A sentence encoder, see `engine.text.tower.TextEncoder`."""

    name: str
    digest: str

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns sentence embeddings float32 (n, dim), L2 norm 1."""
        ...


def text_features(encoder: Encoder, texts: Sequence[str], characters: int = CHARACTERS) -> Floats:
    """Returns sentence embeddings and letters side by side, float32 (n, encoder.dim + characters), L2 norm 1.

    Args:
        characters: width of the hashed letters; 0: the sentence embeddings alone.
    """
    sentences = encoder.embed(texts)
    if not characters:
        return sentences
    letters = character_features(texts, characters)
    return np.hstack([np.float32((1 - _SHARE) ** 0.5) * sentences, np.float32(_SHARE**0.5) * letters])


def character_features(texts: Sequence[str], width: int = CHARACTERS) -> Floats:
    """Returns hashed runs of 3 to 5 characters, float32 (n, width), L2 norm 1.

    Words are taken as between two spaces, so that a run also tells where a word starts and ends; case and Unicode form
    do not count. A text without any letter, digit or sign is taken as one space.
    """
    rows = np.zeros((len(texts), width), np.float32)
    for row, text in zip(rows, texts, strict=True):
        hashes = np.array([zlib.crc32(run) for run in _runs_of(text)], np.uint32)
        # the lowest bit gives the sign, the others the place
        np.add.at(row, (hashes >> 1) % width, np.where(hashes & 1, 1.0, -1.0))
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    blank = norms[:, 0] == 0  # runs that cancel out
    rows[blank, 0], norms[blank] = 1.0, 1.0
    return np.asarray(rows / norms, np.float32)


def _runs_of(text: str) -> list[bytes]:
    tidy = f" {' '.join(unicodedata.normalize('NFKC', text).casefold().split())[:_LONGEST]} "
    runs = [tidy[at : at + size] for size in _RUNS for at in range(max(1, len(tidy) - size + 1))]
    return [run.encode("utf-8", "surrogatepass") for run in runs]
