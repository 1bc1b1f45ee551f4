"""Text features, the text tower's input: a sentence embedding joined with hashed runs of characters and of sounds.

A sentence encoder knows words. It splits a stock number, a new brand or a word of an unknown language into unknown
pieces, and two such texts may get the same embedding. Their letters still differ: all runs of 3 to 5 characters keep
them apart. Their sounds bring together what Hangul and Latin letters spell differently, see `sounds`.
"""

import unicodedata
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.protocols import Floats
from engine.text.hashing import hashed_runs
from engine.text.sounds import SOUNDS, sound_features

CHARACTERS = 512  # width of the hashed characters
# Shares in the similarity of two texts; the sentence embedding has the rest.
_CHARACTERS_SHARE = 0.1
_SOUNDS_SHARE = 0.2
_CHARACTERS_SHARE_ALONE = 0.2  # in generations without sounds
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


def text_features(encoder: Encoder, texts: Sequence[str], characters: int = CHARACTERS, sounds: int = SOUNDS) -> Floats:
    """Returns sentence embeddings joined with hashed characters and sounds, float32 (n, width), L2 norm 1.

    Args:
        characters, sounds: widths of the hashed characters and sounds; 0: none. The row's width is their sum and
            `encoder.dim`.
    """
    parts = [(1.0, encoder.embed(texts))]
    if characters:
        share = _CHARACTERS_SHARE if sounds else _CHARACTERS_SHARE_ALONE
        parts.append((share, character_features(texts, characters)))
    if sounds:
        parts.append((_SOUNDS_SHARE, sound_features(texts, sounds)))
    parts[0] = (1 - sum(share for share, _ in parts[1:]), parts[0][1])
    return np.hstack([np.float32(share**0.5) * rows for share, rows in parts])


def text_width(encoder: Encoder) -> int:
    """Returns the width of the rows that `text_features` makes with an encoder."""
    return encoder.dim + CHARACTERS + SOUNDS


def character_features(texts: Sequence[str], width: int = CHARACTERS) -> Floats:
    """Returns hashed runs of 3 to 5 characters, float32 (n, width), L2 norm 1.

    Every word stands between spaces, so that a run also shows where a word starts or ends. Case and Unicode form are
    ignored, and only the first 500 characters count. A text of white space counts as the empty text.
    """
    return hashed_runs([_tidy(text) for text in texts], _RUNS, width)


def _tidy(text: str) -> str:
    return f" {' '.join(unicodedata.normalize('NFKC', text).casefold().split())[:_LONGEST]} "
