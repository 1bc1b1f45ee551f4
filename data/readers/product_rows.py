"""Turns the records of a file into rows of products: recognises the platform, and reads each column as a fact."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from data.catalogue import FACTS
from data.errors import InvalidFeed, InvalidImport
from data.readers.columns import column_names, fact_of, plain_names, unused_note
from data.readers.facts import Facts
from data.readers.headers import skipped_note
from data.readers.platforms import PLATFORMS, Platform, unpublished_note
from data.readers.price_marks import settle_prices
from data.readers.published import PUBLISHED, is_shown
from data.readers.records import BadRow, Record, Records
from data.readers.rows import Row
from data.readers.variants import Variants, join_variants, with_inner_variants
from data.values import is_nothing

_TARGETS = ("product_id", "image", "images", "sale_price", *FACTS)
_NAMES_KEPT = 1_000
Renaming = Mapping[str, Sequence[str]]  # column of the feed -> the facts that it holds
_HINT = re.compile(
    r"\(?(?:(?:조건부 ?)?필수|선택|수정 ?불가)(?: ?입력)?\)?|(?:conditionally )?required|optional|preferred",
    re.IGNORECASE,
)


def product_rows(
    records: Records, notes: list[str], mapping: Mapping[str, str] | None = None
) -> Iterator[Row | BadRow]:
    """Yields one row per product.

    Args:
        notes: gets a sentence for whatever the report should say of the feed as a whole.
        mapping: column of the feed -> what it holds, where its own name does not say so; with commas between several.

    Raises:
        InvalidFeed: no column holds the product_id, two columns have the same name, or the mapping is wrong.
    """
    _check_names(records.columns)
    renaming = _renaming(records.columns, mapping or {})
    written: dict[str, str] = {}
    columns = [plain for _, plain in _renamed(records.columns, renaming)]
    rows, names, objects = _peek(_plain(records.rows, renaming, written), columns)
    possible = () if renaming else (known for known in PLATFORMS if known.holds_objects or not objects)
    platform = next((known for known in possible if known.recognises(names)), None)
    facts = Facts(names if platform is None else frozenset(("product_id",)))
    rows = _without_hints(rows, notes)
    published = frozenset() if platform else PUBLISHED
    if not records.columns or "override" in names:
        rows = _shown(rows, notes, frozenset() if records.columns else published)
    rows = settle_prices(rows)
    if platform:
        notes.append(f"read as {platform.title}")
        rows = platform.convert(rows, notes)
        rows = _told(rows, names) if records.columns else rows
    elif records.columns and not facts.id_column:
        raise InvalidFeed(
            f"a feed must have a column with the product's id, such as product_id, id or sku; got "
            f"{', '.join(records.columns)[:200]}. Name it with --map THEIRS=product_id."
        )
    variants = Variants(frozenset() if platform else names)
    if records.columns:
        yield from join_variants(rows, facts, variants, published & names, notes)
    else:
        yield from (row if isinstance(row, BadRow) else with_inner_variants(row, facts) for row in rows)
    used = PUBLISHED | variants.columns | (frozenset() if records.columns else {"variants", "options"})
    if note := unused_note(name for plain, name in written.items() if not _is_used(plain, facts, platform, used)):
        notes.append(note)


def _without_hints(rows: Iterator[Record | BadRow], notes: list[str]) -> Iterator[Record | BadRow]:
    """Yields the rows without one below the header that only says which columns must be filled in."""
    first = next(rows, None)
    if isinstance(first, Record):
        said = [str(value).strip() for value in first.values.values() if not is_nothing(value)]
        if len(said) > 1 and all(_HINT.fullmatch(word) for word in said):
            notes.append(skipped_note(first.line, said))
            first = None
    yield from rows if first is None else chain([first], rows)


def _shown(rows: Iterator[Record | BadRow], notes: list[str], published: frozenset[str]) -> Iterator[Record | BadRow]:
    """Yields the rows without those of products that the shop does not show, and of Meta's overrides.

    Args:
        published: the columns that say whether a product is shown; none of a platform, which knows its own, and none of
            a table, where variants are left out with their product.
    """
    hidden = overriding = 0
    for row in rows:
        values = {} if isinstance(row, BadRow) else row.values
        if not is_shown(values, published):
            hidden += 1
        elif not is_nothing(values.get("override")):
            overriding += 1
        else:
            yield row
    if hidden:
        notes.append(unpublished_note(hidden))
    if overriding:
        notes.append(f"rows that override products for a language or country were left out: {overriding:,}")


def _told(rows: Iterator[Record | BadRow], names: frozenset[str]) -> Iterator[Record | BadRow]:
    """Yields a platform's products without the facts for which the feed has no column: they stay as they are.

    These are empty, or the stock, which platforms tell by what is not there.
    """
    told = set(map(fact_of, names))
    for row in rows:
        if isinstance(row, Record):
            values = {
                name: value
                for name, value in row.values.items()
                if name in told or not (name == "in_stock" or _is_empty(value))
            }
            row = dataclasses.replace(row, values=values)
        yield row


def _is_empty(value: Any) -> bool:
    return value == [] or is_nothing(value)


def _check_names(columns: tuple[str, ...]) -> None:
    names = column_names(columns)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidFeed(f"a feed must name each column once; got {twice!r} twice. Rename one.")


def _renaming(columns: tuple[str, ...], mapping: Mapping[str, str]) -> Renaming:
    renaming = {theirs: [fact.strip() for fact in ours.split(",")] for theirs, ours in mapping.items()}
    for theirs, facts in renaming.items():
        if unknown := [fact for fact in facts if fact not in _TARGETS and not fact.startswith("attr.")]:
            raise InvalidImport(
                f"--map must end in one of {', '.join(_TARGETS)} or attr.NAME; got {theirs}={unknown[0]}. Correct it."
            )
        if columns and theirs not in columns:
            raise InvalidImport(f"--map must name a column of the feed ({', '.join(columns)[:200]}); got {theirs!r}.")
    return renaming


def _renamed(columns: Iterable[str], renaming: Renaming) -> list[tuple[str, str]]:
    """Returns the written and the plain name of each column; the renamed ones first, under each of their new names."""
    names = plain_names(columns)
    mapped = [(name, fact) for name in names for fact in renaming.get(name, ())]
    return [*mapped, *(pair for pair in names.items() if pair[0] not in renaming)]


def _plain(rows: Iterator[Record | BadRow], renaming: Renaming, written: dict[str, str]) -> Iterator[Record | BadRow]:
    """Yields the records under plain names; of two columns with the same one, the first that is not empty counts.

    Args:
        written: gets plain name -> the name as written, of up to 1,000 columns.
    """
    known: tuple[str, ...] = ()
    names: list[tuple[str, str]] = []
    simple = True
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        if tuple(row.values) != known:
            known = tuple(row.values)
            names = _renamed(known, renaming)
            simple = not renaming and len({plain for _, plain in names}) == len(names)
            for name, plain in names:
                if plain not in written and len(written) < _NAMES_KEPT:
                    written[plain] = name
        values = {plain: row.values[name] for name, plain in names} if simple else _first_values(row.values, names)
        yield Record(row.line, values, row.warnings)


def _first_values(values: Mapping[str, Any], names: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, plain in names:
        if plain not in found or is_nothing(found[plain]):
            found[plain] = values[name]
    return found


def _peek(
    rows: Iterator[Record | BadRow], columns: list[str]
) -> tuple[Iterator[Record | BadRow], frozenset[str], bool]:
    """Returns the rows, the names of the columns, and whether they hold objects: the file's, or its first record's."""
    if columns:
        return rows, frozenset(columns), False
    first: list[Record | BadRow] = []
    for row in rows:
        first.append(row)
        if isinstance(row, Record):
            return chain(first, rows), frozenset(row.values), any(map(_holds_object, row.values.values()))
    return iter(first), frozenset(), False


def _holds_object(value: Any) -> bool:
    return any(isinstance(item, dict) for item in (value if isinstance(value, list) else [value]))


def _is_used(name: str, facts: Facts, platform: Platform | None, used: frozenset[str]) -> bool:
    if name == "override":
        return True
    if platform is None:
        return facts.used(name) or name in used
    if platform.passes_on and facts.used(name):
        return True
    return not platform.known or name.startswith(platform.known)
