"""`ChangeLog`: the changes of products since the rebuild, as numbered rows of a collection of their own in Milvus.

The collection that searches ask is never written to after it is published, so its answers stay those that the gates
checked. One process writes the log; any number read it. Its rows are numbered without gaps, and a row of its own,
number 0, says up to which one they are confirmed. Whoever is killed between writing rows and confirming them writes
the same numbers again, by key, so nothing is there twice; readers never look beyond what is confirmed.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from data.catalogue import ChangePlace
from data.storage import parse_json
from engine.changes.change import Change, whole_number
from engine.errors import InvalidModel
from engine.index import Milvus, changes_of

_FORMAT = 1
_CONFIRMED_ROW = 0
_TEXT_BYTES = 65_535
_WRITTEN_AT_ONCE, _READ_AT_ONCE = 256, 512  # rows; of the longest texts 16 and 32 MB
_LISTED_AT_ONCE = 16_384  # rows of numbers alone
_SHORT_S, _LONG_S = 30.0, 300.0


@dataclass(frozen=True)
class Confirmed:
    """How far a log is written.

    Attributes:
        log: the number of this log; a log that had to be begun anew has another.
        row: the last row that readers may see.
        place: how far the catalogue's changes are in the log.
    """

    log: int
    row: int
    place: ChangePlace


@dataclass(frozen=True)
class ReadPlace:
    """How far somebody has read a log. The default: nothing yet."""

    log: int = 0
    row: int = 0


@dataclass(frozen=True, kw_only=True)
class ChangePage:
    """Some changes, each product once, and where to read on.

    Attributes:
        changes: in the order in which they were written; a later one of a product takes the place of an earlier one.
        place: to be given to the next `changes_after`.
        anew: whether this is the beginning of another log than the one that was read: what it said counts no more.
        is_last: whether there was nothing behind it.
        seq: how far the log follows the catalogue's counter, once all is read.
    """

    changes: tuple[Change, ...]
    place: ReadPlace
    anew: bool
    is_last: bool
    seq: int


class ChangeLog:
    """The log beside one collection. Each method raises IndexUnavailable where `Milvus.ask` does.

    Args:
        collection: the one that searches ask.
    """

    def __init__(self, server: Milvus, collection: str) -> None:
        self._server, self.name = server, changes_of(collection)

    def confirmed(self) -> Confirmed | None:
        """Returns how far the log is written; None: there is none yet.

        Raises:
            InvalidModel: it is of another format.
        """
        if not self._ask("has_collection", timeout=_SHORT_S):
            return None
        found = self._query(f"row == {_CONFIRMED_ROW}", ["text"])
        return _parsed(found[0]["text"]) if found else None

    def changes_after(self, place: ReadPlace) -> ChangePage:
        """Returns the changes behind a place, of at most 512 rows and the rest of the last change; fewer in a gap.

        Raises:
            InvalidModel: the log is of another format, or damaged.
        """
        confirmed = self.confirmed()
        if confirmed is None:
            return ChangePage(changes=(), place=place, anew=False, is_last=True, seq=0)
        anew = place.log != confirmed.log
        start = 0 if anew else place.row
        end = min(start + _READ_AT_ONCE, confirmed.row)
        rows = self._rows(start, end)
        while rows and (whole := rows[-1]["first"] + rows[-1]["parts"] - 1) > end:
            if whole > confirmed.row:
                raise InvalidModel(
                    f"the changes in Milvus must end at row {confirmed.row}; one goes on to {whole}. Rebuild."
                )
            more = self._rows(end, min(whole, end + _READ_AT_ONCE))
            rows, end = rows + more, min(whole, end + _READ_AT_ONCE)
        return ChangePage(
            changes=tuple(_changes(rows)),
            place=ReadPlace(confirmed.log, end),
            anew=anew and place != ReadPlace(),
            is_last=end >= confirmed.row,
            seq=confirmed.place.seq,
        )

    def open(self, dim: int, place: ChangePlace) -> Confirmed:
        """Makes the log, or finishes making it, or loads the one that is there; returns how far it is written.

        Args:
            place: where a new log begins.
        """
        self._server.ask(lambda client: _make(client, self.name, dim))
        found = self.confirmed()
        if found is None:
            found = Confirmed(time.time_ns(), 0, place)
            self._confirm(found, dim)
        return found

    def drop(self) -> None:
        """Removes the log, so that `open` begins another one."""
        self._ask("drop_collection", timeout=_SHORT_S)

    def append(self, changes: Sequence[Change], before: Confirmed, place: ChangePlace) -> Confirmed:
        """Writes changes behind what is confirmed, and confirms them; returns how far the log is written now.

        Called again with the same changes after an error, it writes the same rows. Earlier changes of these products
        are deleted at last; one that stays behind, because the process was killed, does no harm.

        Args:
            changes: at least one, each of another product.
            place: how far the catalogue's changes are in the log then.
        """
        after, batch = before.row, list[dict[str, Any]]()
        for change in changes:
            for row in _rows_of(change, after + 1):
                batch.append(row)
                after = row["row"]
                if len(batch) == _WRITTEN_AT_ONCE:
                    self._write(batch)
                    batch = []
        self._write(batch)
        confirmed = replace(before, row=after, place=place)
        self._confirm(confirmed, changes[0].vectors.shape[1])
        keys = [change.product_key for change in changes]
        self._ask("delete", filter=f"product in {keys} and row <= {before.row}", timeout=_SHORT_S)
        return confirmed

    def waiting(self) -> list[int]:
        """Returns the keys of the products of which some photo was not embedded when they were written."""
        confirmed = self.confirmed()
        found: list[int] = []
        for start in range(0, confirmed.row if confirmed else 0, _LISTED_AT_ONCE):
            rows = self._query(f"waits == true and {_between(start, start + _LISTED_AT_ONCE)}", ["product"])
            found += [row["product"] for row in rows]
        return sorted(set(found))

    def _rows(self, after: int, last: int) -> list[dict[str, Any]]:
        """Returns the rows of numbers above `after` up to `last` that are there, ascending."""
        if last <= after:
            return []
        found = self._query(_between(after, last), ["row", "product", "first", "parts", "text", "vector"])
        return sorted(found, key=lambda row: int(row["row"]))

    def _query(self, filter_: str, fields: list[str]) -> list[dict[str, Any]]:
        # Strong, so that all is seen that was written before: by a writer that was killed, or before a confirmation.
        found: list[dict[str, Any]] = self._ask(
            "query", filter=filter_, output_fields=fields, limit=_LISTED_AT_ONCE, consistency_level="Strong",
            timeout=_SHORT_S,
        )  # fmt: skip
        return found

    def _confirm(self, confirmed: Confirmed, dim: int) -> None:
        place = confirmed.place
        fields = {
            "format": _FORMAT, "log": confirmed.log, "row": confirmed.row, "seq": place.seq,
            "product_key": place.product_key,
        }  # fmt: skip
        self._write([_row(_CONFIRMED_ROW, json.dumps(fields), np.zeros(dim, np.float32))])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._ask("upsert", rows, timeout=_SHORT_S)

    def _ask(self, what: str, *given: Any, **named: Any) -> Any:
        return self._server.ask(lambda client: getattr(client, what)(self.name, *given, **named))


def _make(client: Any, name: str, dim: int) -> None:
    from pymilvus import DataType

    if not client.has_collection(name, timeout=_SHORT_S):
        schema = client.create_schema(auto_id=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        for number in ("product", "first", "parts"):
            schema.add_field(number, DataType.INT64)
        schema.add_field("waits", DataType.BOOL)
        schema.add_field("text", DataType.VARCHAR, max_length=_TEXT_BYTES)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
        client.create_collection(name, schema=schema, consistency_level="Bounded", num_shards=1, timeout=_SHORT_S)
    wanted = client.prepare_index_params()  # a collection without an index cannot be loaded
    wanted.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_index(name, wanted, timeout=_LONG_S)
    client.load_collection(name, timeout=_LONG_S)


def _between(after: int, last: int) -> str:
    return f"row > {after} and row <= {last}"


def _rows_of(change: Change, first: int) -> Iterator[dict[str, Any]]:
    parts = list(change.rows(change.vectors.shape[1]))
    for place, (text, vector) in enumerate(parts):
        row = _row(first + place, text, vector)
        yield {**row, "product": change.product_key, "first": first, "parts": len(parts), "waits": change.waits}


def _row(number: int, text: str, vector: Any) -> dict[str, Any]:
    return {"row": number, "product": 0, "first": 0, "parts": 0, "waits": False, "text": text, "vector": vector}


def _changes(rows: Sequence[dict[str, Any]]) -> Iterator[Change]:
    """Yields the newest change of each product; one of which rows are missing has a newer one further on."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["first"], []).append(row)
    whole = {own[0]["product"]: own for own in groups.values() if len(own) == own[0]["parts"]}
    for own in sorted(whole.values(), key=lambda own: int(own[0]["row"])):
        yield Change.of_rows([row["text"] for row in own], [row["vector"] for row in own])


def _parsed(text: str) -> Confirmed:
    try:
        fields = parse_json(text)
        if fields["format"] != _FORMAT:
            raise InvalidModel(f"the changes in Milvus must have format {_FORMAT}; got {fields['format']!r}. Rebuild.")
        log, row, seq, product_key = (whole_number(fields[name]) for name in ("log", "row", "seq", "product_key"))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidModel(f"Milvus must say how far its changes go; got {error!r:.300}. Rebuild.") from error
    return Confirmed(log, row, ChangePlace(seq, product_key))
