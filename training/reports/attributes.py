"""Shows which attributes photos tell, how far their chances can be relied on, and why each other one is not learned."""

from collections.abc import Mapping
from typing import Any

ATTRIBUTE_HEAD = (
    "attribute",
    "products",
    "values",
    "right",
    "commonest value",
    "calibration error",
    "answered",
    "right then",
    "",
)
_SHARES = ("right", "commonest", "expected_calibration_error", "answered", "right_when_answered")


def attribute_rows(measured: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Returns one row for each attribute under `ATTRIBUTE_HEAD`, those that are learned first.

    Args:
        measured: what the part `attributes` measured; {}: nothing.
    """
    learned = [_row(name, figures, "") for name, figures in measured.get("learned", {}).items()]
    not_told = [
        _row(name, figures, "not learned: photos do not tell it")
        for name, figures in measured.get("not_told", {}).items()
    ]
    nothing = ("",) * (len(ATTRIBUTE_HEAD) - 2)
    left_out = [(name, *nothing, f"not learned: {reason}") for name, reason in measured.get("left_out", {}).items()]
    return [*learned, *not_told, *left_out]


def _row(name: str, figures: Mapping[str, Any], remark: str) -> tuple[str, ...]:
    shares = ("–" if figures[share] is None else f"{figures[share]:.3f}" for share in _SHARES)
    return (name, f"{figures['products']:,}", f"{figures['values']:,}", *shares, remark)
