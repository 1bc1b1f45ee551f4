"""Refuses a home without a catalogue, for commands that must not make a new one."""

from pathlib import Path

from data.database.opening import FILE_NAME
from data.errors import NoHome


def require_home(home: Path) -> None:
    """Checks that a home has its catalogue, and writes nothing; a volume that is not mounted has none.

    Raises:
        NoHome: the folder is missing, or holds no catalog.db.
    """
    if not (home / FILE_NAME).is_file():
        found = "that folder holds none" if home.is_dir() else "that folder does not exist"
        raise NoHome(
            f"home must hold {FILE_NAME}; got {home}, and {found}. If it is on a volume, mount it; for a new shop, run "
            "`lookalike import PATH` or `lookalike keys add` first."
        )
