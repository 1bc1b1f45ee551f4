"""Keeps docs/architecture.md and its picture as the code is: `python docs/rooms` writes them, `--check` compares them.

Both are made from the import statements and the docstrings alone; nothing of the project is imported.
"""

import argparse
import sys

from house import ROOT, read_house
from picture import draw
from tables import with_tables

PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "images" / "rooms.svg"


def main() -> None:
    """Writes the page and the picture, or, with `--check`, exits with 1 when one of them is not current."""
    parser = argparse.ArgumentParser(description="Writes docs/architecture.md's tables and picture from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when they are not current")
    check = parser.parse_args().check
    house = read_house()
    current = {PAGE: with_tables(PAGE.read_text(encoding="utf-8"), house), PICTURE: draw(house)}
    stale = [path for path, text in current.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and stale:
        names = " and ".join(path.relative_to(ROOT).as_posix() for path in stale)
        sys.exit(f"not as the code is: {names}. Run `python docs/rooms` (or `make rooms`) and commit what it writes.")
    if not check:
        for path in stale:
            path.write_text(current[path], encoding="utf-8")


if __name__ == "__main__":
    main()
