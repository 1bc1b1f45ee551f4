"""`Change`: what became of one product since the rebuild, and its form as rows in Milvus."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from types import UnionType
from typing import Any

import numpy as np

from data.catalogue import FACTS, PhotoRecord, Product, product_fields
from data.storage import parse_json
from engine.errors import InvalidModel
from engine.protocols import Floats

_PIECE = 16_000  # characters of a row; even of four bytes each they fit into a text of Milvus
# What the facts of a product are in JSON; those that are not named are texts.
_KINDS: Mapping[str, type | UnionType] = {
    "price": int | float | None, "created_at": str | None, "in_stock": bool, "attributes": dict,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Change:
    """A product as it was when its latest change was written into Milvus.

    Attributes:
        seq: the catalogue's counter at its latest change.
        product: None if it is deleted.
        images_changed: whether its photos changed since the rebuild; otherwise the generation has them, no `vectors`
            come, and only facts changed.
        image_keys, photos: (m,), all its photos in the shop's order; the records name no file.
        embedded: int64 (v,), ascending: the places in `photos` of those that have a vector; none if only facts
            changed. The others follow in a later change, once they are embedded.
        vectors: float32 (v, d), their points in the generation's product space.
    """

    seq: int
    product_key: int
    product_id: str
    product: Product | None
    images_changed: bool
    image_keys: tuple[int, ...]
    photos: tuple[PhotoRecord, ...]
    embedded: tuple[int, ...]
    vectors: Floats

    @property
    def waits(self) -> bool:
        """Whether a photo of it is not embedded yet."""
        return self.images_changed and len(self.embedded) < len(self.photos)

    def rows(self, dim: int) -> Iterator[tuple[str, Floats]]:
        """Yields a piece of text and a vector, float32 (dim,), for each row that the change takes in Milvus."""
        text = json.dumps(self._fields(), ensure_ascii=False, separators=(",", ":"))
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        for piece, vector in zip_longest(pieces, self.vectors):
            yield piece or "", np.zeros(dim, np.float32) if vector is None else vector

    @classmethod
    def of_rows(cls, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> "Change":
        """Returns the change that `rows` wrote.

        Raises:
            InvalidModel: the rows are not what it writes.
        """
        try:
            fields = parse_json("".join(texts))
            embedded = tuple(map(whole_number, fields["embedded"]))
            change = cls(
                seq=whole_number(fields["seq"]),
                product_key=whole_number(fields["product_key"]),
                product_id=str(fields["product_id"]),
                product=None if fields["product"] is None else _product(fields["product"]),
                images_changed=bool(fields["images_changed"]),
                image_keys=tuple(map(whole_number, fields["image_keys"])),
                photos=tuple(_photo(one) for one in fields["photos"]),
                embedded=embedded,
                vectors=np.array(vectors[: len(embedded)], np.float32).reshape(len(embedded), len(vectors[0])),
            )
            if len(change.image_keys) != len(change.photos) or not set(embedded) <= set(range(len(change.photos))):
                raise ValueError("places of photos that it does not have")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InvalidModel(f"Milvus must hold a change as it was written; got {error!r:.300}. Rebuild.") from error
        return change

    def _fields(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "product_key": self.product_key,
            "product_id": self.product_id,
            "product": None if self.product is None else product_fields(self.product),
            "images_changed": self.images_changed,
            "image_keys": self.image_keys,
            "photos": [(one.sha256, one.size_bytes, one.width, one.height, one.colours) for one in self.photos],
            "embedded": self.embedded,
        }


def whole_number(value: Any) -> int:
    """Returns a number that was read from JSON; raises ValueError if it is none of SQLite's from 0 on."""
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.50} instead of a whole number")
    return value


def _product(fields: Mapping[str, Any]) -> Product:
    facts = {name: fields[name] for name in ("product_id", *FACTS)}
    wrong = [name for name, fact in facts.items() if not isinstance(fact, _KINDS.get(name, str))]
    if wrong:
        raise ValueError(f"another kind of value as {wrong[0]}")
    created_at = facts["created_at"]
    return Product(**{**facts, "created_at": created_at and datetime.fromisoformat(created_at)})


def _photo(fields: Sequence[Any]) -> PhotoRecord:
    sha256, size_bytes, width, height, colours = fields
    return PhotoRecord(
        sha256=str(sha256), source="", size_bytes=whole_number(size_bytes), width=whole_number(width),
        height=whole_number(height), colours=tuple(map(str, colours)),
    )  # fmt: skip
