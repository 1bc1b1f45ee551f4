"""The match model: how likely the shop holds what was asked for, and how likely each hit is it.

For each kind of question there are two logistic regressions. The first reads the signs of the whole answer and gives
the chance that any of the first hits is right; the second reads each hit beside the best one and gives the chance that
this hit is right if any is. Their product is the hit's match probability. So no probability exceeds the chance of the
answer, and `no_match`, a chance below one half, never contradicts a hit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json, write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space import read_tensors

MATCH_FILE = "match_model.safetensors"
_FARTHEST = 3.0  # a sign further from its mean, in standard deviations, counts as this far: nothing was learned there
_ARRAYS = ("shop", "strangers")
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """A logistic regression over named signs; one that is missing (NaN) counts as its mean.

    Attributes:
        signs: the names.
        mean, scale, weights: float64 (f,); scale is above 0.
        bias: the log odds where every sign has its mean.
    """

    signs: tuple[str, ...]
    mean: Doubles
    scale: Doubles
    weights: Doubles
    bias: float

    def chances(self, signs: Mapping[str, Any]) -> Doubles:
        """Returns probabilities float64 (n,) of signs, each a number or float (n,)."""
        rows = np.empty((max(getattr(signs[name], "size", 1) for name in self.signs), len(self.signs)))
        for column, name in enumerate(self.signs):
            rows[:, column] = signs[name]
        return np.asarray(1 / (1 + np.exp(-(self.standard(rows) @ self.weights + self.bias))))

    def standard(self, rows: Floats | Doubles) -> Doubles:
        """Returns rows of signs, float (n, f), as distances from the mean in standard deviations, float64 (n, f)."""
        away = (np.asarray(rows, np.float64) - self.mean) / self.scale
        return np.where(np.isnan(away), 0.0, np.clip(away, -_FARTHEST, _FARTHEST))

    def to_json(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weights")}
        return {"signs": list(self.signs), **arrays, "bias": self.bias}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Returns the regression in JSON fields.

        Raises:
            ValueError, KeyError, TypeError: they are none.
        """
        arrays = {name: np.array(fields[name], np.float64) for name in ("mean", "scale", "weights")}
        signs, bias = tuple(str(name) for name in fields["signs"]), float(fields["bias"])
        if not signs or {array.shape for array in arrays.values()} != {(len(signs),)} or arrays["scale"].min() <= 0:
            raise ValueError("arrays that do not fit the signs")
        if not np.isfinite([bias, *np.concatenate(list(arrays.values()))]).all():
            raise ValueError("numbers that are not finite")
        return cls(signs=signs, **arrays, bias=bias)


@dataclass(frozen=True)
class KindModel:
    """The model of one kind of question.

    Attributes:
        answer, hit: the regressions over the whole answer, and over each hit.
        farthest: a photo that lies farther outside what the shop's photos fill shows nothing that it sells.
    """

    answer: Logistic
    hit: Logistic
    farthest: float = np.inf

    def to_json(self) -> dict[str, Any]:
        far = self.farthest if np.isfinite(self.farthest) else None
        return {"answer": self.answer.to_json(), "hit": self.hit.to_json(), "farthest": far}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Returns the model in JSON fields.

        Raises:
            ValueError, KeyError, TypeError: they are none.
        """
        far = np.inf if fields["farthest"] is None else float(fields["farthest"])
        return cls(Logistic.from_json(fields["answer"]), Logistic.from_json(fields["hit"]), far)


@dataclass(frozen=True)
class WordMap:
    """Words that the shop uses, and words for things it does not sell.

    Attributes:
        shop, strangers: sentence embeddings float32 (n, d), L2 norm 1.
    """

    shop: Floats
    strangers: Floats

    def nearest(self, embedding: Floats) -> tuple[float, float]:
        """Returns the highest cosine of a query's embedding float32 (d,) to either kind of words; 0: there are none."""
        return _highest(self.shop, embedding), _highest(self.strangers, embedding)


@dataclass(frozen=True, kw_only=True)
class MatchModel:
    """The match models of a generation.

    Attributes:
        kinds: one for each kind of question that could be measured.
        words: the shop's words and strangers.
        space: digest of the product space, see `engine.space.space_digest`; the models are valid in no other.
    """

    kinds: Mapping[str, KindModel]
    words: WordMap
    space: str

    def save(self, folder: Path) -> None:
        """Writes `match_model.safetensors`."""
        from safetensors.numpy import save

        kinds = {kind: of.to_json() for kind, of in self.kinds.items()}
        facts = json.dumps({"kinds": kinds, "space": self.space}, sort_keys=True)
        tensors = {name: np.ascontiguousarray(getattr(self.words, name), np.float32) for name in _ARRAYS}
        write_bytes(folder / MATCH_FILE, save(tensors, metadata={"match": facts}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads the file.

        Raises:
            InvalidModel: it does not hold match models.
        """
        tensors, metadata = read_tensors(path, _ARRAYS)
        try:
            facts = parse_json(metadata["match"])
            kinds = {str(kind): KindModel.from_json(of) for kind, of in facts["kinds"].items()}
            space = str(facts["space"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidModel(f"{path.name} must hold match models; got {error}. Rebuild.") from error
        words = WordMap(**tensors)
        flat = words.shop.ndim == words.strangers.ndim == 2 and words.shop.shape[1] == words.strangers.shape[1]
        if not flat or not all(np.isfinite(array).all() for array in tensors.values()):
            raise InvalidModel(f"{path.name} must hold finite embeddings of one width. Rebuild.")
        return cls(kinds=kinds, words=words, space=space)


def _highest(rows: Floats, embedding: Floats) -> float:
    return float((rows @ embedding).max(initial=0.0)) if len(rows) else 0.0
