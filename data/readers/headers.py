"""Tells which of the first rows of a table names its columns."""

from collections.abc import Iterable, Sequence

from data.readers.columns import fact_of, plain_names


def header_place(rows: Sequence[Sequence[str]]) -> int:
    """Returns the place of the header among the first rows of a table.

    That is the first row, unless later ones name the product's id and other facts as no product does: the templates of
    market places have a row of groups, or one of names for people, above the names that count. The last of them is it.

    Example:
        >>> header_place([["Basics", "", "Sale"], ["SKU", "Title", "Price"], ["a-1", "Mug", "9"]])
        1
    """
    best, most = 0, _facts_named(rows[0])
    for place, row in enumerate(rows[1:], 1):
        named = _facts_named(row)
        if named > max(most / 2, 1) and list(row) != list(rows[best]):
            best, most = place, named
    return best


def skipped_note(line: int, cells: Iterable[str]) -> str:
    """Returns the sentence of the report on a row that is no product."""
    return f"line {line} was skipped as an explanation: {', '.join(cell for cell in cells if cell)[:80]}"


def _facts_named(cells: Sequence[str]) -> int:
    """Returns how many facts a row names; 0 if it does not name the product's id, or names a column twice."""
    names = [cell.strip() for cell in cells if cell.strip()]
    facts = set(map(fact_of, plain_names(names).values())) - {""}
    return len(facts) if "product_id" in facts and len(set(names)) == len(names) else 0
