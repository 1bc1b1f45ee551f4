"""What a seller has typed and chosen so far, and the product that it makes."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from api.errors import BadRequest
from api.requests import read_json
from data.catalogue import Product, parse_product, product_fields

FACTS = ("title", "category", "brand", "colour", "price", "currency", "description", "product_id")
_MOST_BYTES = 100_000
Value = str | float | bool


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A thing for sale. Facts stay text, as typed, so that the form shows them again.

    Attributes:
        photo: `photo_id` of its photo; empty: none.
        facts: `FACTS` and `attr.NAME` -> text.
        suggested: the same -> JSON of the value that the form was filled in with.
        outcome: what the last press of a button came to; see `api.selling.outcomes`. Empty: nothing to tell.
        detail: more about the outcome.
    """

    photo: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    suggested: Mapping[str, str] = field(default_factory=dict)
    outcome: str = ""
    detail: str = ""

    @property
    def category(self) -> str:
        return self.facts.get("category", "").strip()

    def edited(self) -> "Offer":
        """Returns the offer with only the facts that are not as they were suggested; the others are suggested anew."""
        own = {name: text for name, text in self.facts.items() if text != shown(self._suggestion(name))}
        return dataclasses.replace(self, facts=own, suggested={})

    def product(self) -> Product:
        """Returns the product.

        Raises:
            InvalidProduct: a fact breaks a rule.
        """
        given = {name: text.strip() for name, text in self.facts.items() if text.strip()}
        attributes = {name: self._typed(name, text) for name, text in given.items() if name.startswith("attr.")}
        return parse_product({**given, **attributes})

    def document(self) -> dict[str, Any]:
        """Returns the product as JSON fields, without those that are empty; raises InvalidProduct."""
        fields = product_fields(self.product())
        return {name: value for name, value in fields.items() if value not in ("", None, {}) and name != "in_stock"}

    def to_json(self) -> bytes:
        """Returns the offer as JSON, which `from_json` reads.

        Raises:
            BadRequest: it is too long to be kept.
        """
        content = json.dumps(dataclasses.asdict(self), ensure_ascii=False).encode()
        if len(content) > _MOST_BYTES:
            raise BadRequest(f"an offer must have at most {_MOST_BYTES:,} bytes; got {len(content):,}.", field="offer")
        return content

    @classmethod
    def from_json(cls, content: bytes) -> "Offer":
        return cls(**json.loads(content))

    def _suggestion(self, name: str) -> Value | None:
        try:
            value = read_json(self.suggested.get(name, "null"), f"was.{name}")
        except BadRequest:
            return None
        return value if isinstance(value, str | float | int) else None

    def _typed(self, name: str, text: str) -> Value:
        """Returns an attribute's value as the kind of value that was suggested, if it can be read as one."""
        like = self._suggestion(name)
        if isinstance(like, bool):
            return {"true": True, "false": False}.get(text, text)
        if isinstance(like, int | float):
            try:
                return float(text) if math.isfinite(float(text)) else text
            except ValueError:
                return text
        return text


def read_offer(texts: "MultiDict[str, str]") -> Offer:
    """Returns the offer in the fields of the form; a category that was chosen by a button wins over the one typed."""
    facts = {name: text for name, text in texts.items() if name in FACTS or name.startswith("attr.")}
    if chosen := texts.get("choose", ""):
        facts["category"] = chosen
    suggested = {name.removeprefix("was."): text for name, text in texts.items() if name.startswith("was.")}
    offer = Offer(photo=texts.get("photo", ""), facts=facts, suggested=suggested)
    before = shown(offer._suggestion("category"))
    return offer if offer.category == before else offer.edited()


def shown(value: Value | None) -> str:
    """Returns a value as a field of the form holds it.

    >>> shown(True), shown(38.0), shown("wool"), shown(None)
    ('true', '38', 'wool', '')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else "" if value is None else f"{value:.12g}"
