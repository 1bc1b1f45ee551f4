"""The reports of imports, stored in catalog.db: one run per import, and one row per problem."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.database import Connections

_RUNS_WITH_ROWS = 20


@dataclass(frozen=True)
class RowProblem:
    """Something wrong with one row of a feed.

    Attributes:
        line: line of the feed, from 1.
        product_id: "" if the row names none.
        code: short, stable name of the rule that was broken.
        message: what is required, what was received, what to do.
        severity: "error": the row gave no product; "warning": it gave one, but something of it was left out.
    """

    line: int
    product_id: str
    code: str
    message: str
    severity: str = "error"


class ImportRuns:
    """The import reports of one catalogue."""

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)

    def start(self, source: str) -> int:
        """Begins a run and returns its id."""
        with self._connections.writing() as connection:
            cursor = connection.execute("INSERT INTO import_runs (source, started_at) VALUES (?, ?)", (source, _now()))
            return int(cursor.lastrowid or 0)

    def add(self, run_id: int, problems: Iterable[RowProblem]) -> None:
        """Adds problems to the run's report."""
        rows = [
            (run_id, problem.line, problem.product_id, problem.code, problem.message, problem.severity)
            for problem in problems
        ]
        if rows:
            with self._connections.writing() as connection:
                connection.executemany("INSERT INTO import_rows VALUES (?, ?, ?, ?, ?, ?)", rows)

    def finish(self, run_id: int, counts: Mapping[str, Any]) -> None:
        """Ends the run, and deletes the rows of old runs so that a nightly import does not grow the database."""
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE import_runs SET finished_at = ?, counts = ? WHERE run_id = ?",
                (_now(), json.dumps(counts), run_id),
            )
            connection.execute("DELETE FROM import_rows WHERE run_id <= ?", (run_id - _RUNS_WITH_ROWS,))

    def latest(self) -> dict[str, Any] | None:
        """Returns run, source, started_at, finished_at (None: not yet) and counts of the newest run, if any."""
        runs = self.recent(1)
        return runs[0] if runs else None

    def recent(self, most: int, *, run_id: int | None = None) -> list[dict[str, Any]]:
        """Returns the same of the newest runs, newest first.

        Args:
            run_id: only this run; none if there is no such run.
        """
        rows = self._connections.query(
            "SELECT run_id, source, started_at, finished_at, counts FROM import_runs WHERE ? IS NULL OR run_id = ? "
            "ORDER BY run_id DESC LIMIT ?",
            (run_id, run_id, most),
        )
        names = ("run", "source", "started_at", "finished_at")
        return [{**dict(zip(names, row, strict=False)), "counts": json.loads(row[4]) if row[4] else {}} for row in rows]

    def codes(self, run_id: int) -> list[tuple[str, str, int]]:
        """Returns severity, code and number of the run's problems, the most frequent first."""
        return self._connections.query(
            "SELECT severity, code, count(*) FROM import_rows WHERE run_id = ? GROUP BY severity, code "
            "ORDER BY severity, count(*) DESC, code",
            (run_id,),
        )

    def some_problems(
        self, run_id: int, *, severity: str = "", code: str = "", offset: int = 0, most: int = 100
    ) -> list[RowProblem]:
        """Returns at most `most` of the run's problems, by line.

        Args:
            severity, code: only problems of these; empty: of any.
            offset: how many to skip.
        """
        rows = self._connections.query(
            "SELECT line, product_id, code, message, severity FROM import_rows WHERE run_id = ? "
            "AND (? = '' OR severity = ?) AND (? = '' OR code = ?) ORDER BY line, rowid LIMIT ? OFFSET ?",
            (run_id, severity, severity, code, code, most, offset),
        )
        return [RowProblem(*row) for row in rows]

    def problems(self, run_id: int) -> list[RowProblem]:
        """Returns the run's report, by line."""
        rows = self._connections.query(
            "SELECT line, product_id, code, message, severity FROM import_rows WHERE run_id = ? ORDER BY line, rowid",
            (run_id,),
        )
        return [RowProblem(*row) for row in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
