"""Which known name is written most like one that is not known."""

import difflib
from collections.abc import Iterable

VARIABLE = "LOOKALIKE_"


def nearest(name: str, known: Iterable[str], *, capitals: bool = False) -> str:
    """Returns ` Did you mean X?` with the known name that is written most like `name`, or "" where none is."""
    near = difflib.get_close_matches(name.lower(), list(known), 1)
    return f" Did you mean {VARIABLE + near[0].upper() if capitals else near[0]}?" if near else ""
