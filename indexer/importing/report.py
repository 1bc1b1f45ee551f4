"""What an import leaves behind beside its rows: a report with its counts, and a file of the rows' problems."""

import json
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from data.catalogue import RowProblem
from indexer.errors import IndexerError

_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class ImportReport(ABC):
    """What an import did; each kind of import adds its own counts.

    Attributes:
        codes: how many problems of each code the rows had.
        problems: the first few of them.
    """

    source: str
    codes: dict[str, int]
    problems: tuple[RowProblem, ...]
    took_s: float

    @property
    @abstractmethod
    def summary(self) -> str:
        """The counts in one line, for people."""

    @property
    @abstractmethod
    def remark(self) -> str:
        """One line more, for people; often empty."""

    def place(self, problem: RowProblem) -> str:
        """Returns where a problem is, for people."""
        return f"line {problem.line}"

    def fields(self) -> dict[str, Any]:
        """Returns the report as plain JSON values; the counts stand right after the source."""
        values = asdict(self)
        rest = {name: values.pop(name) for name in ("codes", "problems", "took_s")}
        return {**values, **rest, "problems": list(rest["problems"])}


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun.

    >>> counted(1, "row"), counted(1_200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Tally:
    """Counts what an import does, and keeps its problems: the first few to be shown, all as JSON lines in `out`."""

    def __init__(self, source: Path, out: IO[str] | None) -> None:
        self.source, self.counts = str(source), Counter[str]()
        self._codes, self._shown = Counter[str](), list[RowProblem]()
        self._out, self._started = out, time.monotonic()

    def add_problems(self, problems: Iterable[RowProblem]) -> None:
        for problem in problems:
            self._codes[problem.code] += 1
            if len(self._shown) < _SHOWN_PROBLEMS:
                self._shown.append(problem)
            if self._out is not None:
                self._out.write(json.dumps(asdict(problem), ensure_ascii=False) + "\n")

    @property
    def first_problem(self) -> str:
        """The end of an error's message: its first problem; empty if there is none."""
        return f" The first: line {self._shown[0].line}: {self._shown[0].message}" if self._shown else ""

    def fields(self) -> dict[str, Any]:
        """Returns what the import's report is made of."""
        return {
            "source": self.source, **self.counts, "codes": dict(sorted(self._codes.items())),
            "problems": tuple(self._shown), "took_s": round(time.monotonic() - self._started, 3),
        }  # fmt: skip


@contextmanager
def problem_file(path: Path | None) -> Iterator[IO[str] | None]:
    """Opens the file for problems, which appears, whole, when the block ends, also when the import failed.

    Args:
        path: None: there is no file.
    """
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise IndexerError(f"--report must name a file that can be written; got {path} ({error.strerror}).") from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
    except Exception:
        temporary.replace(path)
        raise
    except BaseException:
        temporary.unlink()
        raise
    temporary.replace(path)


def describe(report: ImportReport, report_file: Path | None = None) -> str:
    """Returns the report for people: its summary, then the problems by kind and the first few of them."""
    lines = [line for line in (report.summary, report.remark) if line]
    if report.codes:
        lines.append("Problems: " + ", ".join(f"{code} {count:,}" for code, count in report.codes.items()))
        lines += [f"  {report.place(problem)}: {problem.message}" for problem in report.problems]
        left = sum(report.codes.values()) - len(report.problems)
        if left > 0:
            where = f"see {report_file}" if report_file else "give --report FILE to see them all"
            lines.append(f"  and {left:,} more; {where}")
    return "\n".join(lines)
