"""Where an import of products writes to: the catalogue and the record of imports, or, on trial, nowhere."""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue, ImportRuns, PhotoRecord, Product, RowProblem
from data.photos import Intake, photo_bytes
from data.settings import Settings

Item = tuple[Product, Sequence[PhotoRecord] | None]


class Ledger:
    """Writes products, their photos and the record of one import.

    Attributes:
        run: the import's number, once it has begun.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.run = 0
        self._settings = settings
        self._intake, self._runs = Intake(settings, catalogue), ImportRuns(settings.home)

    def take_in(self, photo: Path | bytes) -> PhotoRecord:
        """Returns the record of a photo; bytes are stored like an upload, a file stays where it is.

        Raises:
            InvalidImage: it is not a photo that the project accepts, or the file is missing.
        """
        if isinstance(photo, bytes):
            return self._intake.accept_bytes(photo)
        if not _is_text(str(photo)):  # the catalogue could not name such a file
            return self._intake.accept_bytes(photo_bytes(photo, self._settings))
        return self._intake.accept_path(photo)

    def begin(self, source: str) -> None:
        self.run = self._runs.start(source)

    def write(self, items: Iterable[Item]) -> list[str]:
        """Adds or replaces products; returns "created", "updated" or "unchanged" for each."""
        return self._intake.write(items)

    def add_problems(self, problems: Sequence[RowProblem]) -> None:
        self._runs.add(self.run, problems)

    def delete_missing(self, keep: Collection[str], *, at_most: int | None, as_of: int) -> int:
        """Deletes as `Catalogue.delete_missing` does, and returns how many products are missing."""
        return self.catalogue.delete_missing(keep, run_id=self.run, at_most=at_most, as_of=as_of)

    def finish(self, counts: Mapping[str, Any]) -> None:
        self._runs.finish(self.run, counts)


class TrialLedger(Ledger):
    """Says what the ledger would do, and writes nothing."""

    def take_in(self, photo: Path | bytes) -> PhotoRecord:
        return self._intake.examine(photo_bytes(photo, self._settings)).record

    def begin(self, source: str) -> None: ...

    def write(self, items: Iterable[Item]) -> list[str]:
        return self.catalogue.preview_many(items)

    def add_problems(self, problems: Sequence[RowProblem]) -> None: ...

    def delete_missing(self, keep: Collection[str], *, at_most: int | None, as_of: int) -> int:
        return self.catalogue.delete_missing(keep, at_most=-1, as_of=as_of)

    def finish(self, counts: Mapping[str, Any]) -> None: ...


@contextmanager
def open_ledger(settings: Settings, *, dry_run: bool) -> Iterator[Ledger]:
    """Opens the ledger of a home; a trial makes no home where there is none."""
    if not dry_run:
        yield Ledger(settings, Catalogue(settings.home))
        return
    with tempfile.TemporaryDirectory() as empty:
        has_catalogue = (settings.home / "catalog.db").is_file()
        yield TrialLedger(settings, Catalogue(settings.home if has_catalogue else Path(empty)))


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
