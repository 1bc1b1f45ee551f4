"""What one language has to say: its words for colours, prices, sizes, new things and what is not wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Language:
    """The words of one language, in lower case. A pattern is a regular expression in which a space may be missing.

    Attributes:
        colours: name out of `data.photos.COLOUR_NAMES` -> words that surely mean it.
        shades: names of the colours nearest to a shade, separated by spaces -> words for it.
        spellings: words that are written in several ways, each with all of them.
        particles: endings that may follow a noun and mean nothing here.
        ten_thousand, thousand, numerals: how numbers are written besides digits: `만`, `천`, `삼` -> 3.
        currencies: word -> ISO 4217 codes that it may stand for.
        prices: (pattern, operator) in the order of trial; {a} and {b} stand for amounts. The operator is one of
            `<`, `<=`, `>`, `>=`, `..` (from a to b), `~` (a and what begins like it: 30,000 to 39,999),
            `..~` and `=~` (about a).
        cheaper: patterns that ask for something cheaper than what is shown.
        sorts: order of the hits, as `sort` takes it -> patterns that ask for it.
        sizes: patterns of a size, {size}.
        sized: size -> its names: `l` -> `large`.
        measures: unit or count -> how it is written behind a number, or around it as {n}.
        counts: patterns of how many are wanted, in words.
        measure_before, measure_after: patterns that belong to a measure: `at least`, `wide`.
        very: words that only make praise stronger.
        praise: patterns of praise and purpose, which say nothing of what a thing is, the longer ones first: `for a
            gift`, `pretty`.
        audience: patterns that say for whom a thing is.
        no_money: words beside which a number without a currency is no price, wherever they stand.
        after_amounts: words that begin something else behind a number, so that it has no unit: `under 20 for school`.
        face_values: things of which an amount of money is a part of the name.
        bounds_before, bounds_after: words that make a bound of a measure, and so no size.
        size_names: words in the names of attributes that hold sizes.
        new: patterns that ask for new products wherever they stand.
        new_before: words that do so only before a word that products are described with.
        not_before, not_after: patterns around what is not wanted -> whether words that no fact holds are pushed away.
        free: patterns around a thing that products boast of not having; {thing}.
        brand_before, brand_after: words that say that a brand is meant.
        for_before, for_after: words that say that a thing goes with a brand's, and is not of it.
        joiners: words between two of a kind.
        says_of: words behind which it is said what a thing is like, and no thing is named: `with`.
        says_how: endings of words that say so by themselves: `wireless`.
        joining: endings of the first of two things that say the same.
        fillers: words that ask for nothing by themselves.
        fixed: phrases in which a word of the lists above means something else.
    """

    colours: Mapping[str, tuple[str, ...]]
    shades: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spellings: tuple[tuple[str, ...], ...] = ()
    particles: tuple[str, ...] = ()
    ten_thousand: str = ""
    thousand: str = ""
    numerals: Mapping[str, int] = field(default_factory=dict)
    currencies: Mapping[str, tuple[str, ...]]
    prices: tuple[tuple[str, str], ...]
    cheaper: tuple[str, ...] = ()
    sorts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: tuple[str, ...]
    sized: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    measure_before: tuple[str, ...] = ()
    measure_after: tuple[str, ...] = ()
    very: tuple[str, ...] = ()
    praise: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    no_money: frozenset[str] = frozenset()
    after_amounts: tuple[str, ...] = ()
    face_values: frozenset[str] = frozenset()
    bounds_before: tuple[str, ...] = ()
    bounds_after: tuple[str, ...] = ()
    size_names: tuple[str, ...]
    new: tuple[str, ...]
    new_before: tuple[str, ...] = ()
    not_before: Mapping[str, bool] = field(default_factory=dict)
    not_after: Mapping[str, bool] = field(default_factory=dict)
    free: tuple[str, ...]
    brand_before: tuple[str, ...] = ()
    brand_after: tuple[str, ...] = ()
    for_before: tuple[str, ...] = ()
    for_after: tuple[str, ...] = ()
    joiners: tuple[str, ...]
    says_of: tuple[str, ...] = ()
    says_how: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    fillers: frozenset[str]
    fixed: tuple[str, ...]
