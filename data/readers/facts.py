"""Turns one record with plain column names into a row: which column is which fact, and texts without their HTML."""

import json
import re
from collections.abc import Iterator
from typing import Any

from data.readers.columns import SYNONYMS, fact_of
from data.readers.records import BadRow, Record, RowWarning
from data.readers.rows import Row, row_from
from data.readers.sale_prices import current_price
from data.values import is_nothing, plain_text

_TEXTS = ("title", "description", "brand", "category", "colour")
_CODES = frozenset(("gtin", "ean", "upc", "barcode", "isbn", "sku", "mpn"))
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d{2}")
_WHOLE = re.compile(r"([1-9]\d{5,})\.0")
_NESTED = 3
_WARNINGS = 5
_ORDER = {name: place for names in SYNONYMS.values() for place, name in enumerate(names)}


class Facts:
    """Reads the facts of records that have these columns.

    Attributes:
        id_column: the column that holds the product_id; "": none does.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.id_column = next((name for name in SYNONYMS["product_id"] if name in names), "")

    def used(self, name: str) -> bool:
        """Returns whether a column of this plain name is read."""
        return bool(self._fact(name))

    def row(self, record: Record) -> Row | BadRow:
        """Returns the record as a row, or the report on it if its product_id was shortened by a spreadsheet."""
        found: dict[str, list[tuple[str, Any]]] = {}
        for name, value in record.values.items():
            if fact := self._fact(name):
                found.setdefault(fact, []).append((name, value))
        product_id = _id(next((value for _, value in found.pop("product_id", [])), None))
        if isinstance(product_id, str) and _SHORTENED.fullmatch(product_id.strip()):
            return _shortened_id(record.line, product_id)
        photos = found.pop("images", None)
        fields: dict[str, Any] = {"product_id": product_id}
        warnings = [*record.warnings]
        for fact, columns in found.items():
            value = _first(columns)
            if fact == "attributes":
                fields.update(_attributes(value))
            else:
                fields[fact] = _text(fact, value)
        _take_price(fields, warnings)
        _drop_shortened(fields, warnings)
        if photos is not None:
            references, bad = _photos(photos)
            warnings += bad
            if references or not bad:  # else the product keeps the photos that it has
                fields["images"] = references
        return row_from(record.line, fields, warnings=tuple(warnings))

    def _fact(self, name: str) -> str:
        fact = fact_of(name)
        if fact == "product_id" and name not in (self.id_column, "product_id"):
            return f"attr.{name}"  # another code, by which a product may be looked up
        return fact


def _first(columns: list[tuple[str, Any]]) -> Any:
    ordered = sorted(columns, key=lambda column: _ORDER.get(column[0], 0))
    return next((value for _, value in ordered if not is_nothing(value)), ordered[0][1])


def _id(value: Any) -> Any:
    """Returns the id; a text such as "4006381333931.0" is a whole number that became a float on its way."""
    found = _WHOLE.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1] if found else value


def _shortened_id(line: int, product_id: str) -> BadRow:
    message = (
        f"product_id must be written out; got {product_id!r}, a number that a spreadsheet has shortened, so that its "
        "last digits are lost. Format the column as text and export it again."
    )
    return BadRow(line, "shortened_number", message)


def _drop_shortened(fields: dict[str, Any], warnings: list[RowWarning]) -> None:
    for name in [name for name in fields if name.lower().removeprefix("attr.") in _CODES]:
        if isinstance(fields[name], str) and _SHORTENED.fullmatch(fields[name].strip()):
            message = f"{name} must be written out; got {fields.pop(name)!r}, which a spreadsheet has shortened."
            warnings.append(RowWarning("shortened_number", f"{message} It was left out."))


def _text(fact: str, value: Any) -> Any:
    """Returns a text without HTML, and the parts of a list as one text; other values as they are."""
    is_attribute = fact.startswith("attr.")
    plain = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    if plain and (is_attribute or fact in _TEXTS):
        value = (" > " if fact == "category" else ", ").join(str(item) for item in value if not is_nothing(item))
    if isinstance(value, dict):
        value = _from_object(fact, value)
    return plain_text(value) if isinstance(value, str) and (is_attribute or fact in _TEXTS) else value


def _from_object(fact: str, value: dict[str, Any]) -> Any:
    """Returns what an object in place of a single value means: {"name": ...}, or {"value": ..., "currency": ...}."""
    if fact in ("price", "sale_price"):
        amount = value.get("value", value.get("amount"))
        return f"{amount} {value.get('currency') or ''}".strip() if isinstance(amount, str | int | float) else value
    return value["name"] if isinstance(value.get("name"), str) else value


def _take_price(fields: dict[str, Any], warnings: list[RowWarning]) -> None:
    sale, dates = fields.pop("sale_price", None), fields.pop("sale_dates", None)
    if not is_nothing(sale):
        fields["price"], found = current_price(fields.get("price"), sale, dates)
        warnings += found


def _attributes(given: Any) -> dict[str, Any]:
    """Returns an object of attributes as `attr.NAME` fields: lists as texts, objects inside as `attr.NAME.INNER`."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return {"attributes": given}
    if not isinstance(given, dict):
        return {} if given is None else {"attributes": given}
    return {f"attr.{name}": _text(f"attr.{name}", value) for name, value in _flat(given, 1)}


def _flat(given: dict[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict) and depth < _NESTED:
            yield from ((f"{name}.{inner}", item) for inner, item in _flat(value, depth + 1))
        else:
            yield str(name), value


def _photos(columns: list[tuple[str, Any]]) -> tuple[list[str | bytes], list[RowWarning]]:
    """Returns the photos that columns name, and a warning for each value that cannot be one."""
    references: list[str | bytes] = []
    warnings: list[RowWarning] = []
    for _, value in columns:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                item = next((item[name] for name in ("src", "url", "contentUrl", "path") if item.get(name)), item)
            if isinstance(item, str | bytes):
                references.append(item)
            elif not is_nothing(item):
                message = f"a photo must be a path or a web address; got {item!r:.80}. It was left out."
                warnings.append(RowWarning("bad_images", message))
    return references, warnings[:_WARNINGS]
