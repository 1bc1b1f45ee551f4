"""Checks the facts of a product by the rules they must follow: a bad one is refused, or costs only itself."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple

from data.catalogue.products import FACTS, Attribute, Product, product_fields
from data.errors import InvalidProduct
from data.values import clean_text, read_address, read_moment, read_price, read_stock, read_text

TEXT_LIMIT = 20_000
CURRENCY_LIMIT = 8
ID_LIMIT = 200
ATTRIBUTE_LIMIT = 200
LEFT_OUT = "It was left out; a product that has it already keeps it."
_CUT = "It was cut there."
_NOT_IN_ID = re.compile(r"[\t\n\r]")
_ATTRIBUTE_NAME = re.compile(r"\w[\w .-]{0,63}")
_PLAIN = str | int | float
_Value = TypeVar("_Value")
_Given = TypeVarTuple("_Given")


@dataclass(frozen=True)
class FactProblem:
    """A fact that breaks a rule.

    Attributes:
        code: short, stable name of the rule: bad_text, bad_price, bad_date, bad_in_stock, bad_url, bad_attributes.
        message: what is required, and what came.
        outcome: what became of the fact.
    """

    code: str
    message: str
    outcome: str = LEFT_OUT


@dataclass(frozen=True)
class Checked:
    """A product without the facts that break a rule, and what is wrong with those."""

    product: Product
    problems: tuple[FactProblem, ...]


def parse_product(fields: Mapping[str, Any]) -> Product:
    """Checks one product's fields and returns the product.

    Args:
        fields: names of facts to raw values; `attr.x` keys and an `attributes` object both set attributes; unknown keys
            are ignored. Values may be written as people write them, see `data.values`.

    Raises:
        InvalidProduct: a rule is broken; `code` is missing_product_id or one of those of `FactProblem`.
    """
    checked = check_product(fields)
    if checked.problems:
        first = checked.problems[0]
        raise InvalidProduct(first.message, code=first.code)
    return checked.product


def check_product(fields: Mapping[str, Any], *, dates: str = "") -> Checked:
    """Returns the product of one row of a feed, without the facts that break a rule.

    Texts that are too long are cut; of more than 200 attributes, the first 200 by name stay.

    Args:
        fields: as for `parse_product`.
        dates: `dmy` or `mdy` for dates such as 05/11/2026; "": such a date breaks the rule.

    Raises:
        InvalidProduct: there is no usable product_id (code `missing_product_id` or `bad_text`).
    """
    return _Check(fields, dates).run()


def readable_id(fields: Mapping[str, Any]) -> str:
    """Returns the product_id that one row's fields name, whatever else is wrong with them; "" if it names none."""
    try:
        return _product_id(fields)
    except InvalidProduct:
        return ""


def patch_product(product: Product, changes: Mapping[str, Any]) -> Product:
    """Returns `product` with the facts in `changes` replaced, checked like a new product.

    Raises:
        InvalidProduct: a rule is broken, or `changes` names something that is not a fact (code `unknown_field`).
    """
    unknown = sorted(name for name in changes if name not in FACTS and not name.startswith("attr."))
    if unknown:
        raise InvalidProduct(
            f"a patch must only name facts ({', '.join(FACTS)}); got {', '.join(unknown)}.", code="unknown_field"
        )
    return parse_product({**product_fields(product), **changes, "product_id": product.product_id})


class _Check:
    """The check of one product's fields."""

    def __init__(self, fields: Mapping[str, Any], dates: str) -> None:
        self._fields, self._dates = fields, dates
        self._problems: list[FactProblem] = []
        self._unread: set[str] = set()

    def run(self) -> Checked:
        fields = self._fields
        product_id = _product_id(fields)
        price = self._take("price", read_price, fields.get("price"))
        currency = self._currency()
        if "price" in self._unread and not currency:
            self._unread.add("currency")
        stock = self._take("in_stock", read_stock, fields.get("in_stock"))
        product = Product(
            product_id=product_id,
            title=self._text("title"),
            description=self._text("description"),
            brand=self._text("brand"),
            category=self._text("category"),
            price=price.amount if price else None,
            currency=currency or (price.currency if price else ""),
            colour=self._text("colour"),
            url=self._take("url", read_address, "url", fields.get("url")) or "",
            created_at=self._take("created_at", read_moment, fields.get("created_at"), self._dates),
            in_stock=True if stock is None else stock,
            attributes=self._attributes(),
            unread=frozenset(self._unread),
        )
        return Checked(product, tuple(self._problems))

    def _take(self, fact: str, read: Callable[[*_Given], _Value], *given: *_Given) -> _Value | None:
        """Returns what `read` makes of the given values; None, with the problem noted, if they break its rule."""
        try:
            return read(*given)
        except InvalidProduct as error:
            self._problems.append(FactProblem(error.code, str(error)))
            self._unread.add(fact)
            return None

    def _text(self, name: str) -> str:
        return self._cut(name, self._take(name, read_text, name, self._fields.get(name)) or "")

    def _cut(self, name: str, text: str) -> str:
        if len(text) <= TEXT_LIMIT:
            return text
        message = f"{name} must have at most {TEXT_LIMIT:,} characters; got {len(text):,}."
        self._problems.append(FactProblem("bad_text", message, _CUT))
        return text[:TEXT_LIMIT]

    def _currency(self) -> str:
        currency = self._take("currency", read_text, "currency", self._fields.get("currency")) or ""
        if len(currency) <= CURRENCY_LIMIT:
            return currency
        message = f"currency must have at most {CURRENCY_LIMIT} characters; got {len(currency):,}."
        self._problems.append(FactProblem("bad_text", message))
        self._unread.add("currency")
        return ""

    def _attributes(self) -> dict[str, Attribute]:
        given = self._take("attributes", _given_attributes, self._fields) or {}
        kept: dict[str, Attribute] = {}
        refused: list[InvalidProduct] = []
        for name in sorted(given, key=str):
            try:
                attribute = _attribute(name, given[name])
            except InvalidProduct as error:
                refused.append(error)
                self._unread.add(f"attr.{name}")
                continue
            if isinstance(attribute, str):
                attribute = self._cut(f"attribute {name!r}", attribute)
            if attribute is not None and attribute != "":
                kept[name] = attribute
        if refused:
            more = f" And {len(refused) - 1:,} more like it." if len(refused) > 1 else ""
            self._problems.append(FactProblem(refused[0].code, f"{refused[0]}{more}"))
        if len(kept) > ATTRIBUTE_LIMIT:
            message = f"a product must have at most {ATTRIBUTE_LIMIT} attributes; got {len(kept):,}."
            outcome = f"The first {ATTRIBUTE_LIMIT} by name were kept."
            self._problems.append(FactProblem("bad_attributes", message, outcome))
        return dict(list(kept.items())[:ATTRIBUTE_LIMIT])


def _product_id(fields: Mapping[str, Any]) -> str:
    product_id = clean_text("product_id", fields.get("product_id"))
    if not product_id:
        raise InvalidProduct("product_id must be given; got nothing. Add it to the row.", code="missing_product_id")
    if len(product_id) > ID_LIMIT:
        raise InvalidProduct(
            f"product_id must have at most {ID_LIMIT} characters; got {len(product_id):,}.", code="bad_text"
        )
    # a browser or a proxy would resolve such a part in a URL
    if _NOT_IN_ID.search(product_id) or {".", ".."} & set(product_id.split("/")):
        raise InvalidProduct(
            f"product_id must hold no line break, and no . or .. between slashes; got {product_id!r}.", code="bad_text"
        )
    return product_id


def _given_attributes(fields: Mapping[str, Any]) -> dict[Any, Any]:
    given = fields.get("attributes")
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else None
        except (ValueError, RecursionError) as error:
            raise InvalidProduct("attributes must be a JSON object.", code="bad_attributes") from error
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InvalidProduct(f"attributes must be an object; got {type(given).__name__}.", code="bad_attributes")
    # csv gives a row's surplus cells under the key None.
    columns = {key[5:]: value for key, value in fields.items() if isinstance(key, str) and key.startswith("attr.")}
    return {**given, **columns}


def _attribute(name: Any, value: Any) -> Attribute | None:
    """Returns an attribute's value; None if nothing is given."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(name, str) or not _ATTRIBUTE_NAME.fullmatch(name) or not isinstance(value, _PLAIN):
        raise InvalidProduct(
            f"attributes must map short names (letters, digits, spaces, . and -) to text, numbers or booleans; "
            f"got {name!r:.100}: {value!r:.100}.",
            code="bad_attributes",
        )
    if isinstance(value, str):
        return read_text(f"attribute {name!r}", value)
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidProduct(f"attribute {name!r} must be finite; got {value!r:.100}.", code="bad_attributes")
    return number
