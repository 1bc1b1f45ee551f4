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

_TEXTS = frozenset(("title", "description", "brand", "category", "colour"))
_CODES = frozenset(f"attr.{name}" for name in ("gtin", "ean", "upc", "barcode", "isbn", "sku", "mpn"))
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d{2}")
_WHOLE = re.compile(r"([1-9]\d{5,})\.0")
# columns that say whether the stock is counted at all
_COUNTING = (
    "track_inventory",
    "inventory_tracking",
    "manage_stock",
    "product_is_inventory_tracked",
    "inventory_management",
)
_NOT_COUNTED = ("none", "no", "n", "false", "0")
_COUNT = re.compile(r"\s*-?\d+([.,]0+)?\s*")
_CAFE24_BRAND = re.compile(r"[BM]0{3}\w{4}")  # the number under which Cafe24 keeps a brand or maker
_NESTED = 3
_WARNINGS = 5
_PLANS = 1_000
_ORDER = {name: place for names in SYNONYMS.values() for place, name in enumerate(names)}


class Facts:
    """Reads the facts of records that have these columns.

    Attributes:
        id_column: the column that holds the product_id; "": none does.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.id_column = next((name for name in SYNONYMS["product_id"] if name in names), "")
        self._counting = next((name for name in _COUNTING if name in names), "")
        self._plans: dict[tuple[str, ...], list[tuple[str, list[str]]]] = {}

    def used(self, name: str) -> bool:
        """Returns whether a column of this plain name is read."""
        return bool(self._fact(name)) or name in _COUNTING

    def row(self, record: Record) -> Row | BadRow:
        """Returns the record as a row, or the report on it if its product_id was shortened by a spreadsheet."""
        values, warnings = record.values, list(record.warnings)
        fields: dict[str, Any] = {"product_id": None}
        for fact, columns in self._plan(tuple(values)):
            if fact == "product_id":
                fields[fact] = _id(values[columns[0]])
            elif fact == "images":
                references, bad = _photos([values[name] for name in columns])
                warnings += bad
                if references or not bad:  # else the product keeps the photos that it has
                    fields[fact] = references
            elif fact == "attributes":
                fields.update(_attributes(values[columns[0]]))
            else:
                value = values[columns[0]]
                if len(columns) > 1 and is_nothing(value):
                    value = next((values[name] for name in columns if not is_nothing(values[name])), value)
                fields[fact] = _text(fact, value)
        if _is_shortened(fields["product_id"]):
            return _shortened_id(record.line, fields["product_id"])
        if isinstance(brand := fields.get("brand"), str) and _CAFE24_BRAND.fullmatch(brand):
            fields["brand"] = ""
        not_counted = self._counting and str(values.get(self._counting)).strip().lower() in _NOT_COUNTED
        if not_counted and _COUNT.fullmatch(str(fields.get("in_stock"))):
            fields["in_stock"] = True
        _take_price(fields, warnings)
        _drop_shortened(fields, warnings)
        return row_from(record.line, fields, warnings=tuple(warnings))

    def _plan(self, names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
        """Returns each fact with the columns that may hold it, the first to be read first."""
        plan = self._plans.get(names)
        if plan is None:
            found: dict[str, list[str]] = {}
            for name in names:
                if fact := self._fact(name):
                    found.setdefault(fact, []).append(name)
            plan = [
                (fact, columns if fact == "images" else sorted(columns, key=lambda name: _ORDER.get(name, 0)))
                for fact, columns in found.items()
            ]
            if len(self._plans) < _PLANS:
                self._plans[names] = plan
        return plan

    def _fact(self, name: str) -> str:
        fact = fact_of(name)
        if fact == "product_id" and name not in (self.id_column, "product_id"):
            return f"attr.{name}"  # another code, by which a product may be looked up
        return fact


def _id(value: Any) -> Any:
    """Returns the id; a text such as "4006381333931.0" is a whole number that became a float on its way."""
    found = _WHOLE.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1] if found else value


def _is_shortened(value: Any) -> bool:
    return isinstance(value, str) and _SHORTENED.fullmatch(value.strip()) is not None


def _shortened_id(line: int, product_id: str) -> BadRow:
    message = (
        f"product_id must be written out; got {product_id!r}, a number that a spreadsheet has shortened, so that its "
        "last digits are lost. Format the column as text and export it again."
    )
    return BadRow(line, "shortened_number", message)


def _drop_shortened(fields: dict[str, Any], warnings: list[RowWarning]) -> None:
    for name in _CODES.intersection(fields):
        if _is_shortened(fields[name]):
            message = f"{name} must be written out; got {fields.pop(name)!r}, which a spreadsheet has shortened."
            warnings.append(RowWarning("shortened_number", f"{message} It was left out."))


def _text(fact: str, value: Any) -> Any:
    """Returns a text without HTML, and the parts of a list as one text; other values as they are."""
    is_text = fact in _TEXTS or fact.startswith("attr.")
    if isinstance(value, str):
        return plain_text(value) if is_text else value
    if is_text and isinstance(value, list):
        value = [_from_object(fact, item) if isinstance(item, dict) else item for item in value]
    plain = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    if plain and is_text:
        value = (" > " if fact == "category" else ", ").join(str(item) for item in value if not is_nothing(item))
    if isinstance(value, dict):
        value = _from_object(fact, value)
    return plain_text(value) if isinstance(value, str) and is_text else value


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


def _photos(values: list[Any]) -> tuple[list[str | bytes], list[RowWarning]]:
    """Returns the photos that columns name, and a warning for each value that cannot be one."""
    references: list[str | bytes] = []
    warnings: list[RowWarning] = []
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                item = next((item[name] for name in ("src", "url", "contentUrl", "path") if item.get(name)), item)
            if isinstance(item, str | bytes):
                references.append(item)
            elif not is_nothing(item):
                message = f"a photo must be a path or a web address; got {item!r:.80}. It was left out."
                warnings.append(RowWarning("bad_images", message))
    return references, warnings[:_WARNINGS]
