"""What an import leaves behind beside the catalogue: its counts, and the report file."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from data.catalogue import RowProblem
from indexer.errors import IndexerError


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did.

    Attributes:
        refused: rows that gave no product.
        deleted: products that a full feed no longer names.
        images: photos of the products in the feed; `new_images` of them were not in the catalogue before.
        codes: how many problems of each code the rows had.
        problems: the first few of them.
    """

    source: str
    created: int
    updated: int
    unchanged: int
    deleted: int
    refused: int
    images: int
    new_images: int
    codes: dict[str, int] = field(default_factory=dict)
    problems: tuple[RowProblem, ...] = ()
    took_s: float = 0.0

    @property
    def products(self) -> int:
        """Rows that gave a product."""
        return self.created + self.updated + self.unchanged

    @property
    def changed(self) -> bool:
        """Whether the catalogue is another one now."""
        return bool(self.created + self.updated + self.deleted)

    @property
    def summary(self) -> str:
        """The counts in one line, for people."""
        parts = [f"{count:,} {name}" for name in ("created", "updated", "unchanged") if (count := getattr(self, name))]
        return (
            f"{self.products:,} products ({', '.join(parts)}), {self.images:,} images ({self.new_images:,} new), "
            f"{self.refused:,} rows refused" + (f", {self.deleted:,} products deleted" if self.deleted else "")
        )

    def fields(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {**asdict(self), "products": self.products, "problems": [asdict(item) for item in self.problems]}


class ReportFile:
    """A JSONL file of problems that appears, whole, when the block ends, also when the import failed.

    Args:
        path: None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._out: IO[str] | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, self._temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        except OSError as error:
            raise IndexerError(
                f"--report must name a file that can be written; got {path} ({error.strerror})."
            ) from error
        self._out = os.fdopen(descriptor, "w", encoding="utf-8")

    def add(self, problems: Iterable[RowProblem]) -> None:
        """Adds one line a problem."""
        if self._out is not None:
            self._out.writelines(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in problems)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._out is None or self._path is None:
            return
        self._out.close()
        if kind is None or issubclass(kind, Exception):
            Path(self._temporary).replace(self._path)
        else:
            Path(self._temporary).unlink(missing_ok=True)


def describe(report: ImportReport, report_file: Path | None = None) -> str:
    """Returns the report for people: its summary, then the problems by kind and the first few of them."""
    lines = [report.summary]
    if not report.changed:
        lines.append("Nothing changed.")
    if report.codes:
        lines.append("Problems: " + ", ".join(f"{code} {count:,}" for code, count in report.codes.items()))
        lines += [f"  line {item.line}, {item.product_id or '?'}: {item.message}" for item in report.problems]
        left = sum(report.codes.values()) - len(report.problems)
        if left > 0:
            where = f"see {report_file}" if report_file else "give --report FILE to see them all"
            lines.append(f"  and {left:,} more; {where}")
    return "\n".join(lines)
