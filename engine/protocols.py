"""The engine's interfaces: what a backbone, a tower and an index must offer, and the values they exchange."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from data.filters import Filter
from engine.errors import InvalidModel

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Decoding = Callable[[], AbstractContextManager[None]]  # a context that is held while photos are decoded


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """Everything that decides which features a backbone computes.

    Attributes:
        name: `inception_v3`, `xception`, `efficientnet_lite2`, or a fine-tuned backbone's own name; of joined
            ones, all with `+` between.
        dim: width of its pool_3 features.
        input_size: side in pixels of the square it reads.
        weights_digest: sha256 of the weights.
        preprocessing: version of the rule that turns a decoded photo into network input.
        pooling: how the last feature map becomes one row.
        runtime: `openvino` or `keras`.
        precision: `f32`, `bf16` or `int8`.
    """

    name: str
    dim: int
    input_size: int
    weights_digest: str
    preprocessing: str
    runtime: str
    precision: str
    pooling: str = "avg"

    @property
    def fingerprint(self) -> str:
        """Hex sha256 over all fields. Two vectors may meet only if their fingerprints are equal."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Returns what `to_json` wrote.

        Raises:
            InvalidModel: it is something else.
        """
        known = {field.name: int if field.name in ("dim", "input_size") else str for field in dataclasses.fields(cls)}
        wrong = [name for name, value in fields.items() if type(value) is not known.get(name)]
        missing = sorted(known.keys() - fields.keys() - {"pooling"})
        if wrong or missing or fields["dim"] < 1:
            bad = [*wrong, *missing, "dim"][0]
            raise InvalidModel(f"a backbone must have {', '.join(known)}; {bad} is missing or not right. Rebuild.")
        return cls(**fields)


@dataclass(frozen=True)
class Hits:
    """Rows that one query found, best first; ties ordered by row. Fewer than asked for where fewer exist.

    Attributes:
        rows: int64 (m,), row numbers of the index.
        scores: float32 (m,), inner products, descending.
    """

    rows: NDArray[np.int64]
    scores: Floats


class Backbone(Protocol):
    """A CNN that computes pool_3 features."""

    @property
    def spec(self) -> BackboneSpec: ...

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        """Returns unnormalised pool_3 features float32 (n, dim) of RGB images uint8 (n, input_size, input_size, 3)."""
        ...


@dataclass(frozen=True)
class Look:
    """What a network saw in photos, beside their features.

    Attributes:
        features: float32 (n, dim), as of `Backbone.embed`.
        strength: float32 (n, g, g), how strongly its middle layers respond at each place of its square input; one place
            is 12 to 20 pixels wide.
    """

    features: Floats
    strength: Floats


@runtime_checkable
class LookingBackbone(Backbone, Protocol):
    """A backbone that can say where in a photo it saw something."""

    def look(self, images: NDArray[np.uint8]) -> Look:
        """Returns what it saw in images as of `embed`.

        Raises:
            NoFeatureMap: this network has no map that can be read.
        """
        ...

    def last_map(self, images: NDArray[np.uint8]) -> Floats:
        """Returns the map whose mean over its g x g places is the features of `embed`, float32 (n, g, g, dim).

        Raises:
            NoFeatureMap: the features of this network are no such mean.
        """
        ...


class TextTower(Protocol):
    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns points of the product space, float32 (n, d), L2 norm 1."""
        ...


@dataclass(frozen=True)
class Aim:
    """What a search is for: an index in lists looks no farther than that needs.

    Attributes:
        kind: of the query: `photo`: a row of the index, `text`: words; "": any.
        sure: so many of the best rows are to be found as surely as the index was tuned to; 0: all that are asked for.
    """

    kind: str = ""
    sure: int = 0


ANY = Aim()


@dataclass(frozen=True)
class Where:
    """The filter that a mask of rows was made from, for an index that takes no mask and compares facts of its own.

    Attributes:
        filter: by the facts as they are now, it lets through the rows of the mask.
        edited: int64 (m,), ascending: rows whose product's facts changed since the index was built.
    """

    filter: Filter
    edited: NDArray[np.int64]


class VectorIndex(Protocol):
    """Exact or approximate inner-product search over rows 0..count-1."""

    @property
    def count(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def kind(self) -> str:
        """The kind of index and its device, for example `faiss flat cpu`."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether every search finds the best rows; otherwise it was measured how many of them are found."""
        ...

    @property
    def measured(self) -> Mapping[str, Any]:
        """What was measured when the index was built, as plain JSON values: times, the curve of recall, its target."""
        ...

    @property
    def reason(self) -> str:
        """Why the index is on the CPU although the settings allow a GPU; otherwise empty."""
        ...

    @property
    def memory_bytes(self) -> int: ...

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        """Returns the stored vectors of `rows`, float32 (m, dim)."""
        ...

    def search(
        self,
        queries: Floats,
        k: int,
        allowed: Mask | None = None,
        dead: NDArray[np.int64] | None = None,
        aim: Aim = ANY,
        where: Where | None = None,
    ) -> list[Hits]:
        """Finds the k best allowed rows of each query.

        Args:
            queries: float32 (n, dim).
            k: rows wanted; fewer come back only where fewer are allowed.
            allowed: bool (count,), the rows that may be found; None: all. Honoured exactly, or refused with an error.
            dead: int64 (m,), ascending, each once: rows that are never found, whatever `allowed` says; None: none.
                Without a filter they spare a mask as long as the index: they are dropped from what was found.
            aim: what the queries are, and how many of the k rows matter most.
            where: the filter that `allowed` is of; an index that takes the mask needs none.

        Raises:
            InvalidQuery: shapes or dtypes do not fit the index, or it takes no mask without its filter.
            IndexUnavailable: the index is on another machine, which does not answer.
        """
        ...

    def save(self, folder: Path) -> None: ...
