"""Rivals: the names of the shop's categories, which words must outdo before a photo counts as theirs.

Some photos lie near many texts and would answer every question. So a photo is judged by how much better it fits the
words than the category that it fits best, much as a classifier's softmax would ("inverted softmax", Smith et al.,
"Offline bilingual word vectors, orthogonal transformations and the inverted softmax", ICLR 2017).

Words of a language that the shop does not use lie further from their photos than the category's own name does, so they
compete more gently. Which language it is shows in the script.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InvalidModel
from engine.known_queries.files import PointsFile
from engine.protocols import Floats

RIVALS_FILE = "rivals.safetensors"
MOST_RIVALS = 512  # a search compares its best photos with each of them
_FILE = PointsFile(name=RIVALS_FILE, tensor="points", entry="texts")


@dataclass(frozen=True)
class _Contest:
    """How hard words compete.

    Attributes:
        share: how much of the rivals' soft maximum is subtracted.
        width: of the soft maximum, in cosine.
    """

    share: float
    width: float


# docs/query-embedder.md says how these were chosen
_SAME_SCRIPT, _OTHER_SCRIPT = _Contest(1.0, 0.04), _Contest(0.8, 0.1)


class Rivals:
    """The names of the shop's categories.

    Args:
        texts: (n,), 2 to 512 names.
        points: float32 (n, d), L2 norm 1.
        space: digest of the points' product space, see `engine.space.space_digest`.
    """

    def __init__(self, texts: Sequence[str], points: Floats, space: str = "") -> None:
        if points.ndim != 2 or len(points) != len(texts) or not 2 <= len(texts) <= MOST_RIVALS:
            raise InvalidModel(
                f"rivals must be 2 to {MOST_RIVALS}, each with a point; got {len(texts)} and {points.shape}. Rebuild."
            )
        self.texts, self.points, self.space = tuple(texts), points, space
        self._scripts = _scripts_of(texts)

    def lead(self, words: str, scores: Floats, photos: Floats) -> Floats:
        """Returns by how much photos fit words better than the shop's categories, float32, shape of `scores`.

        Args:
            words: what was asked for.
            scores: float32 (..., m), the cosines of the words and the photos.
            photos: float32 (m, d), L2 norm 1.
        """
        contest = _SAME_SCRIPT if _scripts_of([words]) <= self._scripts else _OTHER_SCRIPT
        cosines = photos @ self.points.T
        best = cosines.max(axis=1, keepdims=True, initial=-1.0)
        soft = np.log(np.exp((cosines - best) / contest.width).sum(axis=1))
        return np.asarray(scores - contest.share * (best[:, 0] + contest.width * soft), np.float32)

    def save(self, folder: Path) -> None:
        """Writes `rivals.safetensors`."""
        _FILE.save(folder, self.points, self.texts, self.space)

    @classmethod
    def load(cls, path: Path) -> "Rivals":
        """Reads the file.

        Raises:
            InvalidModel: it does not hold rivals.
        """
        return _FILE.load(path, lambda texts, points, space: cls([str(text) for text in texts], points, space))


def _scripts_of(texts: Iterable[str]) -> frozenset[str]:
    """Returns the scripts of all letters, as the first words of their Unicode names: `LATIN`, `HANGUL`, `CJK`."""
    letters = {letter for text in texts for letter in text if letter.isalpha()}
    return frozenset(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
