"""Fills the seller's form in: what is suggested, where the seller has typed nothing else."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from api.languages import gettext as _
from api.languages import money, ngettext, number
from api.resources import ShelfContents
from api.selling.offer import Offer, Value, shown
from engine.suggesting import AttributeGuess, PriceGuess, Suggestions, TitleGuess

CHOICES = 3  # categories to choose from at a press
_LEAST = 0.02  # probability; a less likely further category would only confuse
_VERY_LIKELY, _LIKELY = 0.85, 0.5
_MOST_LETTERS = 60  # of a value that is offered for a press
_DIGITS = 2  # of the prices of similar products; more would promise too much


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A category that can be chosen at a press, and how likely it is, in words."""

    label: str
    words: str
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the form.

    Attributes:
        kind: `text`, `flag` (yes or no), or `long`.
        suggested: JSON of the value that is suggested; it tells later whether the seller has changed it.
        note: where the value comes from, or what may fit.
        options: values to pick from while typing.
        picks: values that may be right, to fill in at a press.
    """

    name: str
    title: str
    text: str
    kind: str = "text"
    suggested: str = "null"
    note: str = ""
    options: tuple[str, ...] = ()
    picks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SellForm:
    """The form as it is shown.

    Attributes:
        unsure: whether no category could be recognised well enough to be relied on.
        categories: all that the catalogue has, to search in.
        fields: empty as long as there is no photo, or no category is chosen.
    """

    offer: Offer
    choices: tuple[Choice, ...] = ()
    unsure: bool = False
    category: Field
    categories: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


def filled_in(offer: Offer, seen: Suggestions | None, shelf: ShelfContents) -> SellForm:
    """Returns the form for an offer.

    Args:
        seen: what its photo suggests; None: there is no photo, or nothing can be said about it.
    """
    begun = seen is not None or offer != Offer()
    category = offer.category or (seen.category if seen else "")
    choices = [
        Choice(label=label.label, words=words_for(label.probability), chosen=label.label == category)
        for place, label in enumerate(seen.labels[:CHOICES] if seen else ())
        if not place or label.probability >= _LEAST
    ]
    return SellForm(
        offer=offer,
        choices=tuple(choices),
        unsure=seen is not None and seen.abstained,
        category=Field(name="category", title=_("Category"), text=category, suggested=json.dumps(category)),
        categories=shelf.every_category,
        fields=tuple(_fields(offer, seen, shelf, category)) if begun and (category or not shelf.every_category) else (),
    )


def words_for(probability: float) -> str:
    """Returns a probability in words."""
    if probability >= _VERY_LIKELY:
        return _("very likely")
    return _("likely") if probability >= _LIKELY else _("perhaps")


def _fields(offer: Offer, seen: Suggestions | None, shelf: ShelfContents, category: str) -> Sequence[Field]:
    guesses = {guess.name: guess for guess in seen.attributes} if seen else {}
    title, price = (seen.title, seen.price) if seen else (None, None)
    attributes = [name for name in (*guesses, *offer.facts) if name.startswith("attr.")]
    return [
        _field(offer, "title", _("Title"), title.text if title else None, note=_of_title(title)),
        _guessed(offer, "brand", _("Brand"), guesses.get("brand"), shelf.brands),
        _guessed(offer, "colour", _("Colour"), guesses.get("colour"), shelf.colours),
        *(_guessed(offer, name, _title_of(name), guesses.get(name)) for name in dict.fromkeys(attributes)),
        _field(offer, "price", _("Price"), None, note=_of_price(price)),
        _field(offer, "currency", _("Currency"), price.currency if price else shelf.currency or None),
        _field(offer, "description", _("Description"), None, kind="long"),
        _field(offer, "product_id", _("Product number"), product_id_for(category, offer.photo)),
    ]


def _field(
    offer: Offer, name: str, title: str, value: Value | None, *, kind: str = "text", note: str = "",
    options: Sequence[str] = (), picks: Sequence[str] = (),
) -> Field:  # fmt: skip
    return Field(
        name=name,
        title=title,
        text=offer.facts.get(name, shown(value)),
        kind=kind,
        suggested=json.dumps(value, ensure_ascii=False),
        note=note,
        options=tuple(options),
        picks=tuple(picks),
    )


def _guessed(
    offer: Offer, name: str, title: str, guess: AttributeGuess | None, known: Sequence[str] = ()
) -> Field:  # fmt: skip
    if guess is None:
        return _field(offer, name, title, None, options=known)
    kind = "flag" if isinstance(guess.value, bool) else "text"
    if not guess.abstained:
        note = _("Our guess: %(how)s") % {"how": words_for(guess.probability)}
        return _field(offer, name, title, guess.value, kind=kind, note=note, options=known)
    likely = [text for text in map(shown, (guess.value, *guess.others)) if len(text) <= _MOST_LETTERS]
    return _field(
        offer, name, title, None, kind=kind, note=_("We are not sure."),
        options=tuple(dict.fromkeys((*likely, *known))), picks=likely if kind == "text" else (),
    )  # fmt: skip


def _title_of(name: str) -> str:
    text = name.removeprefix("attr.").replace("_", " ")
    return text[:1].upper() + text[1:]


def _of_title(title: TitleGuess | None) -> str:
    if title is None:
        return ""
    if not title.titles:
        return _("The name of the category, to begin with.")
    shared = ngettext("From %(count)s similar title.", "From the words of %(count)s similar titles.", title.titles)
    return shared % {"count": number(title.titles)}


def _of_price(price: PriceGuess | None) -> str:
    if price is None:
        return ""
    low, high = (money(_calm(amount), price.currency) for amount in (price.low, price.high))
    return _("Similar things cost %(low)s to %(high)s.") % {"low": low, "high": high}


def _calm(amount: float) -> float:
    """Returns an amount with two digits that say something.

    >>> _calm(8437.0), _calm(23.45), _calm(0.0)
    (8400.0, 23.0, 0.0)
    """
    return round(amount, _DIGITS - 1 - math.floor(math.log10(amount))) if amount > 0 else 0.0


def product_id_for(category: str, photo: str) -> str:
    """Returns a product_id that no other photo gets: the category's letters and the first digits of the photo's sha256.

    >>> product_id_for("Table lamps", "5b0c12ab99")
    'table-lamps-5b0c12ab'
    """
    stem = re.sub(r"\W+", "-", category.casefold()).strip("-")[:40] or "offer"
    return f"{stem}-{photo[:8]}" if photo else ""
