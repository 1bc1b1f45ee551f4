"""Shows the progress of long work: a bar on a terminal, one log line a minute elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

_log = logging.getLogger("lookalike.progress")
_LOG_EVERY_S = 60.0
Item = TypeVar("Item")


def is_shown() -> bool:
    """Returns whether a bar would be seen: whether the terminal is there."""
    return sys.stderr.isatty()


class Progress:
    """Counts finished units of one step, with rate and remaining time.

    Args:
        label: what is being done, for example `embed`.
        total: number of units, or None if unknown.
        unit: name of a unit, for example `images`.
    """

    def __init__(self, label: str, total: int | None = None, unit: str = "items") -> None:
        self._label, self._total, self._unit = label, total, unit
        self._bar = tqdm(total=total, desc=label, unit=f" {unit}", disable=not is_shown(), leave=True)
        self._started = self._logged = time.monotonic()
        self.done = 0

    def advance(self, count: int = 1) -> None:
        """Adds `count` finished units."""
        self.done += count
        self._bar.update(count)
        now = time.monotonic()
        if self._bar.disable and now - self._logged >= _LOG_EVERY_S:
            self._logged = now
            self._report(now)

    def _report(self, now: float) -> None:
        rate = self.done / max(now - self._started, 1e-9)
        left = f", {(self._total - self.done) / rate:.0f} s left" if self._total and rate else ""
        _log.info("%s: %d of %s %s, %.1f/s%s", self._label, self.done, self._total or "?", self._unit, rate, left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        was_shown = not self._bar.disable  # a closed bar is disabled too
        self._bar.close()
        if self.done and not was_shown:
            self._report(time.monotonic())


def track(items: Iterable[Item], label: str, total: int | None = None, unit: str = "items") -> Iterator[Item]:
    """Yields `items` and shows how many are done."""
    with Progress(label, total, unit) as progress:
        for item in items:
            yield item
            progress.advance()
