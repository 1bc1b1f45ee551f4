"""The gates of an index in Milvus: what the server holds is what was put into it, and it filters as Lookalike does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, ProductFacts, product_fields
from data.filters import Filter, parse_filter, quoted
from engine.index import MilvusCollection, MilvusIndex
from engine.protocols import Floats
from indexer.rebuild.gates import GateResult

_SAMPLE = 500  # rows
_ASKED = 12  # products whose facts become filters


def check_collection(
    index: MilvusIndex, product_keys: NDArray[np.int64], vectors: Floats, catalogue: Catalogue, seq: int
) -> list[GateResult]:
    """Returns whether the collection has every row, the vectors of a sample, and finds by filters what passes them.

    Args:
        product_keys: int64 (n,), the product of each row.
        vectors: float32 (n, d), what was put into the index.
        seq: the catalogue state that the rows are of; products whose facts changed since are not asked for.
    """
    rows = np.sort(np.random.default_rng(2).choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False))
    kept = rows[~np.isin(product_keys[rows], catalogue.refiltered_since(seq))]
    return [
        _count(index.collection, len(vectors)),
        _vectors(index.collection, vectors, rows),
        _filters(index.collection, product_keys, kept, catalogue),
    ]


def _count(collection: MilvusCollection, wanted: int) -> GateResult:
    there = collection.count()
    detail = f"the collection {collection.name} holds {there} rows"
    return GateResult(
        name="milvus_count", passed=there == wanted, measured=there, required=f"== {wanted} rows", detail=detail
    )


def _vectors(collection: MilvusCollection, vectors: Floats, rows: NDArray[np.int64]) -> GateResult:
    stored = collection.vectors(rows) if len(rows) else vectors
    same = len(stored) == len(rows) and bool((stored == vectors[rows]).all())
    detail = f"{len(stored)} of {len(rows)} sampled vectors came back from Milvus"
    return GateResult(
        name="milvus_vectors", passed=same, measured=float(same), required="== 1, every bit as sent", detail=detail
    )


def _filters(
    collection: MilvusCollection, product_keys: NDArray[np.int64], rows: NDArray[np.int64], catalogue: Catalogue
) -> GateResult:
    facts = catalogue.facts(np.unique(product_keys[rows]).tolist())
    fields = {
        row: _fields(facts[key])
        for row, key in zip(rows.tolist(), product_keys[rows].tolist(), strict=True)
        if key in facts
    }
    filters = [each for product in list(facts.values())[:_ASKED] for each in _filters_of(product)]
    wrong = [
        each
        for each in filters
        if _found(collection, each, fields) != [row for row, own in fields.items() if each.matches(own)]
    ]
    detail = f"{len(wrong)} of {len(filters)} filters found other rows of a sample than the plain evaluation"
    return GateResult(
        name="milvus_filters",
        passed=not wrong,
        measured=len(wrong),
        required="== 0",
        detail=detail + (f", for example {wrong[0].text}" if wrong else ""),
    )


def _found(collection: MilvusCollection, filter: Filter, fields: Mapping[int, Any]) -> list[int]:
    found: list[int] = collection.matching(filter, np.array(list(fields), np.int64)).tolist()
    return found


def _filters_of(facts: ProductFacts) -> list[Filter]:
    """Returns filters that a product passes, and their negations."""
    product = facts.product
    texts = {"brand": product.brand, "category": product.category, "product_id": product.product_id}
    wanted = [f"{name} = {quoted(text)}" for name, text in texts.items() if text]
    wanted += [f"colour = {quoted(colour)}" for colour in facts.colours[:1]]
    wanted += [] if product.price is None else [f"price <= {product.price:.9f}"]
    wanted += [f"in_stock = {'true' if product.in_stock else 'false'}"]
    wanted += [f"title < {quoted(product.title)}"] if 0 < len(product.title) < 500 else []
    return [parse_filter(text) for each in wanted for text in (each, f"NOT {each}")]


def _fields(facts: ProductFacts) -> dict[str, Any]:
    return {**product_fields(facts.product), "colours": facts.colours}
