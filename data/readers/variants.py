"""Joins variants and further photos to their product: rows below it in a table, objects inside it in JSON."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from data.errors import InvalidProduct
from data.readers.columns import plain_names
from data.readers.facts import Facts
from data.readers.grouping import ROWS_PER_GROUP
from data.readers.platforms.platform import attributes_of, joined, lowest_price, text_of, unpublished_note
from data.readers.published import is_shown
from data.readers.records import BadRow, Record
from data.readers.rows import Row
from data.values import is_nothing, read_stock

_OPTION = re.compile(r"(product_)?(variant|variation|option)(s|_?\d+)?(_\w+)?|(등록)?옵션(id|명|번호)?")
_OPTION_VALUES = ("value", "values", "description")
_PARENTS = ("parent_id", "parent_sku", "parent_product_id", "parent_reference", "parent")
# columns that may say that a row is no product, and how they say it
_KINDS = ("item", "item_type", "field_type", "relationship")
_NO_PRODUCTS = ("variant", "variation", "sku", "rule", "image")
_LISTED = re.compile(r"\s*[;|,]\s*")
_CAFE24, _CAFE24_OPTION = "옵션입력", re.compile(r"([^{}/]+)\{([^{}]*)\}")
_SOLD_UNDER = ("sku", "label")
_JOINED = ("colour", "attr.")


class Variants:
    """The columns of a table that tell of variants.

    Attributes:
        columns: the plain names of those that are read.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._options = sorted(filter(_OPTION.fullmatch, names))
        self._pairs = [
            (name, other)
            for name in self._options
            for value in _OPTION_VALUES
            if "name" in name and (other := name.replace("name", value)) in names
        ]
        self._parents = [name for name in _PARENTS if name in names]
        self._kinds = [name for name in _KINDS if name in names]
        self._has_options = bool(self._pairs) or _CAFE24 in names
        pairs = (name for pair in self._pairs for name in pair)
        self.columns = frozenset((*pairs, *self._parents, *self._kinds, _CAFE24))

    def with_options(self, record: Record) -> Record:
        """Returns a record with its options as attributes: `Size` and `S;L` in two columns are `attr.size`."""
        if not self._has_options:
            return record
        values = record.values
        options = {text_of(values, name).lower(): text_of(values, value) for name, value in self._pairs}
        options |= dict(_CAFE24_OPTION.findall(text_of(values, _CAFE24)))
        found = attributes_of({name: joined(_LISTED.split(text)) for name, text in options.items() if name})
        return dataclasses.replace(record, values={**found, **values}) if found else record

    def belongs(self, record: Record, row: Row, before: Row) -> bool:
        """Returns whether a row is part of the product before.

        It is if it names that product as its parent, or says that it is no product. A row with the same product_id or
        none is if it holds nothing but photos, or names a variant and no other title.
        """
        values, fields = record.values, row.fields
        own, product_id, title = fields["product_id"], before.fields["product_id"], fields.get("title")
        is_other = not (own == product_id or is_nothing(own))
        if is_nothing(product_id) or (is_other and not self._parents and not self._kinds):
            return False
        parents = set(filter(None, (text_of(values, name) for name in self._parents)))
        if parents & {str(product_id), str(before.fields.get("attr.sku"))}:
            return True
        if any(text_of(values, name).lower() in _NO_PRODUCTS for name in self._kinds):
            return True
        if is_other:
            return False
        if row.images and not is_nothing(own) and all(map(is_nothing, {**fields, "product_id": None}.values())):
            return True
        named = any(not is_nothing(values.get(name)) for name in self._options)
        return named and (is_nothing(title) or title == before.fields.get("title"))


def join_variants(
    records: Iterator[Record | BadRow], facts: Facts, variants: Variants, published: frozenset[str], notes: list[str]
) -> Iterator[Row | BadRow]:
    """Yields one row per product that the shop shows, with what its variants below it add, at most 5,000 of them.

    Args:
        published: the columns that say whether it is shown.
        notes: gets a sentence on the products that are not.
    """
    head: Row | None = None  # the product that variants may follow
    product: Row | None = None  # the same with those that did; None: it is not shown
    parts = hidden = 0
    for record in records:
        row = record if isinstance(record, BadRow) else facts.row(variants.with_options(record))
        if isinstance(record, BadRow) or isinstance(row, BadRow):
            yield from [] if product is None else [product]
            head, product = None, None
            yield row
        elif head and parts < ROWS_PER_GROUP and variants.belongs(record, row, head):
            if product and is_shown(record.values, published):
                product = _joined(product, row, own_sku=facts.id_column.endswith(_SOLD_UNDER))
            parts += 1
        else:
            yield from [] if product is None else [product]
            head, product, parts = row, row if is_shown(record.values, published) else None, 0
            hidden += product is None
    if product:
        yield product
    if hidden:
        notes.append(unpublished_note(hidden))


def with_inner_variants(record: Record, facts: Facts) -> Row | BadRow:
    """Returns the row of an object, with what the objects in its lists `variants`, `options` and `attributes` add.

    The APIs of shop systems answer so: `{"variants": [{"price": 9}], "options": [{"name": "Size", "values": ["S"]}]}`.
    """
    options = {
        item["name"].lower(): joined(filter(_is_text, _listed(item.get("values")) or _listed(item.get("options"))))
        for name in ("options", "attributes")
        for item in _listed(record.values.get(name))
        if isinstance(item, dict) and _is_text(item.get("name"))
    }
    if options:
        rest = {name: value for name, value in record.values.items() if name not in ("options", "attributes")}
        record = dataclasses.replace(record, values={**attributes_of(options), **rest})
    row = facts.row(record)
    for variant in _listed(record.values.get("variants"))[:ROWS_PER_GROUP]:
        if isinstance(variant, dict) and isinstance(row, Row):
            values = {plain: variant[name] for name, plain in plain_names(variant).items()}
            inner_facts = Facts(frozenset(values))
            inner = inner_facts.row(Record(record.line, values))
            if isinstance(inner, Row):
                row = _joined(row, inner, own_sku=inner_facts.id_column.endswith(_SOLD_UNDER))
    return row


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _joined(product: Row, variant: Row, *, own_sku: bool) -> Row:
    """Returns a product with what a variant adds: photos, attributes, the lower price, and that it can be bought.

    Args:
        own_sku: whether the variant's product_id is the code that it is sold under.
    """
    fields, added = dict(product.fields), dict(variant.fields)
    own = added.pop("product_id")
    if own_sku and own != fields["product_id"]:
        added["attr.sku"] = own
    warnings = [*product.warnings, *variant.warnings]
    for name, value in added.items():
        given = fields.get(name)
        if is_nothing(given) or is_nothing(value):
            fields[name] = value if is_nothing(given) else given
        elif name == "price":
            fields[name], unreadable = lowest_price((given, value))
            warnings += unreadable
        elif name == "in_stock":
            fields[name] = value if _says_yes(value) else given
        elif name.startswith(_JOINED) and isinstance(given, str):
            fields[name] = joined([*given.split(", "), str(value)])
    images = product.images if variant.images is None else (*(product.images or ()), *variant.images)
    return dataclasses.replace(product, fields=fields, images=images, warnings=tuple(warnings))


def _says_yes(word: Any) -> bool:
    try:
        return bool(read_stock(word))
    except InvalidProduct:
        return False
