"""The fenced blocks of README and docs, each with what the comment above it says about running it."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        place: page and line, such as `docs/http.md:8`.
        language: what stands behind its first fence.
        remark: the HTML comment in the line above; `not run: WHY` and `flags only: WHY` keep it from being run.
    """

    place: str
    language: str
    text: str
    remark: str


def blocks_of(page: str) -> list[Block]:
    """Returns the blocks of a page, such as `docs/http.md`, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(f"{page}:{text[: found.start(3)].count(chr(10))}", found[2], found[3], found[1] or "")
        for found in _BLOCK.finditer(text)
    ]
