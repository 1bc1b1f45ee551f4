"""What a campaign found: rows for a table of Markdown, and the faults."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Result:
    """One campaign's table and its faults.

    Attributes:
        faults: one line each; an empty list is what every campaign wants.
    """

    title: str
    head: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Returns the table as Markdown, with the faults below it."""
        lines = [f"### {self.title}", "", _line(self.head), _line(["---"] * len(self.head))]
        lines += [_line(row) for row in self.rows]
        lines += ["", f"{len(self.faults)} faults" + "".join(f"\n- {fault}" for fault in self.faults)]
        return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
