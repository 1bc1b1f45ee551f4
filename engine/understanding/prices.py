"""Reads bounds of a price: `under 20 euro`, `20 to 40`, `2만원 이하`, `3만원대`; and mere amounts: `20 euro`."""

import math
import re
from dataclasses import dataclass
from functools import cache

from data.vocabulary import NAMES, TITLES, Vocabulary, Wording
from engine.understanding.amounts import Amount, amount_pattern, read_amount
from engine.understanding.languages import FILLERS, LANGUAGES, PARTICLES
from engine.understanding.measures import measures_in
from engine.understanding.needless import without_praise
from engine.understanding.reading import Reading

# In every language; without a currency these are too often model numbers and sizes.
_SIGNS = (
    ("{a} [-–—~] {b}", "-"),
    ("<= {a}|≤ {a}", "<="),
    (">= {a}|≥ {a}", ">="),
    ("< {a}", "<"),
    ("> {a}", ">"),
    ("{a}", "="),
)
_OF_CURRENCIES = ("-", "..~", "=")  # without one these are no prices
_AROUND = 0.2  # of an amount: what costs about that is so much cheaper or dearer at most
_MONEY = re.compile(rf"[\d{''.join(each.ten_thousand + each.thousand for each in LANGUAGES)}]")
_NUMBERED = re.compile(
    rf"\d|[{''.join(''.join(each.numerals) + each.ten_thousand + each.thousand for each in LANGUAGES)}]"
)
_WORD = re.compile(r"[^\W_]+")
_AFTER = frozenset(word for language in LANGUAGES for word in language.after_amounts)


@dataclass(frozen=True)
class _Bound:
    """A place where a text names a bound of a price, if its amounts are money."""

    start: int
    end: int
    operator: str
    first: Amount
    second: Amount | None


def read_prices(text: str, vocabulary: Vocabulary, wording: Wording) -> list[Reading]:
    """Returns the bounds of a price that the text names, and prices without a bound, each with its filter.

    An amount without a currency is a price only where no unit can follow it (see `_ends`), if it lies within the
    catalogue's prices, and if the text is not about ages, sizes or numbers. A bound in a currency that the
    catalogue does not have is left out of the search: no product is found by it.
    """
    if not _NUMBERED.search(text):
        return []
    words = set(_WORD.findall(text.casefold()))
    no_money = any(words & language.no_money for language in LANGUAGES)
    of_a_name = any(words & language.face_values for language in LANGUAGES)
    found: list[Reading] = []
    tail = text
    for bound in reversed(_bounds(text)):
        ends = not no_money and _ends(bound, text, tail[bound.end :], wording)
        condition = _condition(bound, vocabulary, ends=ends) if vocabulary.currencies else ""
        if bound.operator == "=" and (of_a_name or not _is_price(text[bound.start : bound.end], wording)):
            continue
        if condition or _is_foreign(bound, vocabulary):
            found.append(Reading(start=bound.start, end=bound.end, condition=condition, needless=not condition))
            tail = text[: bound.start]
    return found[::-1]


def _is_price(words: str, wording: Wording) -> bool:
    """Tells whether a mere amount is a price: not in the name of a product, and not 이불, a blanket."""
    return bool(_MONEY.search(words)) and not wording.holding([words], 1, within=TITLES)


def _bounds(text: str) -> list[_Bound]:
    """Returns the places in the order of the text; of two that overlap, the one whose pattern is tried first."""
    found: list[_Bound] = []
    for words, template, operator in _templates():
        if not words.search(text):
            continue
        pattern = _pattern(template)
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            two = "b" in pattern.groupindex
            first, second = read_amount(match, "a"), read_amount(match, "b") if two else None
            if first is not None and (second is not None or not two):
                found.append(_Bound(match.start(), match.end(), operator, first, second))
    return sorted(found, key=lambda bound: bound.start)


@cache
def _templates() -> tuple[tuple["re.Pattern[str]", str, str], ...]:
    """Returns a pattern of the words around the amounts, the template, and the operator, for each template.

    Most texts lack the words, and the pattern with the amounts takes 10 ms to compile.
    """
    found = []
    for template, operator in (*(pair for language in LANGUAGES for pair in language.prices), *_SIGNS):
        for part in template.split("|") if template[0] in "<>" else [template]:
            words = re.sub(r"\{[ab]\}", ".*", part).removeprefix(".*").removesuffix(".*").replace(" ", r"\s*")
            found.append((re.compile(words, re.IGNORECASE | re.DOTALL), part, operator))
    return tuple(found)


@cache
def _pattern(template: str) -> "re.Pattern[str]":
    inner = template.replace(" ", r"\s*").replace("{a}", amount_pattern("a")).replace("{b}", amount_pattern("b"))
    pattern = rf"(?<![\w.,\-])(?:{inner})(?:(?:{'|'.join(PARTICLES)})(?![^\W_]))?(?![^\W_]|[.,]\d|%)"
    return re.compile(pattern, re.IGNORECASE)


def _ends(bound: _Bound, text: str, behind: str, wording: Wording) -> bool:
    """Tells whether an amount has no unit: it stands before nothing that asks for more, or apart from it: `20, blue`.

    Of a bound that a text begins with, the thing may follow: `under 20 mug`.
    """
    if not (asked := _asked(without_praise(behind))) or behind.lstrip().startswith(","):
        return True
    if _WORD.findall(behind.casefold())[0] in _AFTER:
        return True
    measured = any(each.start < bound.end and bound.start < each.end for each in measures_in(text))
    begins = bound.operator in ("<", "<=", "~") and not measured and not _asked(text[: bound.start])
    return begins and bool(wording.holding(asked[:1], 1, within=NAMES))


def _asked(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if word not in FILLERS]


def _is_foreign(bound: _Bound, vocabulary: Vocabulary) -> bool:
    """Tells whether the amounts are in a currency that no product has."""
    named = bound.first.currencies or (bound.second.currencies if bound.second else frozenset())
    return bool(named) and "" not in vocabulary.currencies and not named & vocabulary.currencies


def _condition(bound: _Bound, vocabulary: Vocabulary, *, ends: bool) -> str:
    """Returns the filter of a price; "" if it is not surely one."""
    operator, first, second = bound.operator, bound.first, bound.second
    named = first.currencies or (second.currencies if second else frozenset())
    if second and first.currencies and second.currencies and not first.currencies & second.currencies:
        return ""
    own = vocabulary.currencies - {""}
    meant = named & own
    values = [first.value, *([second.value] if second else [])]
    if second and second.scale > first.scale and first.value * second.scale < second.value:
        values[0] = first.value * second.scale  # `2~3만원` is 20,000 to 30,000
    if named:
        if own and len(meant) != 1:
            return ""
    elif not ends or operator in _OF_CURRENCIES or len(own) > 1 or not _priced(values, vocabulary):
        return ""
    elif operator == "~" and first.scale == 1:
        return ""  # 20대 is an age, and 2만대 a price
    clause = _clause(operator, values)
    return f'{clause} AND currency = "{next(iter(meant))}"' if clause and meant and len(own) > 1 else clause


def _priced(values: list[float], vocabulary: Vocabulary) -> bool:
    return values[0] <= vocabulary.highest_price and values[-1] >= vocabulary.lowest_price


def _clause(operator: str, values: list[float]) -> str:
    low, high = values[0], values[-1]
    if operator in ("..", "-"):
        return f"price >= {written(low)} AND price <= {written(high)}" if low < high else ""
    if operator in ("~", "..~"):
        step = _step(high)
        return f"price >= {written(low)} AND price < {written(high + step)}" if step and low <= high else ""
    if operator in ("=", "=~"):
        return f"price >= {written(low * (1 - _AROUND))} AND price <= {written(low * (1 + _AROUND))}"
    return f"price {operator} {written(low)}"


def _step(amount: float) -> float:
    """Returns the largest power of ten that divides an amount; 0 if none does."""
    if amount < 1 or amount != int(amount):
        return 0.0
    whole, step = int(amount), 1
    while whole % (step * 10) == 0:
        step *= 10
    return float(step)


def written(amount: float) -> str:
    """Returns an amount as filters write it, with at most two decimals."""
    return f"{amount:.2f}".rstrip("0").rstrip(".") if math.isfinite(amount) else "0"
