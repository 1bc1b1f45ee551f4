"""Compares BM25 with the texts' lengths in memory with FTS5's own function: processor time, and that both agree.

    python benchmarks/bm25.py HOME [--queries 100]

HOME holds a catalogue. Queries are pairs of words that 300 to 20,000 products have together.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from data.catalogue import Catalogue
from data.lexical import TextLengths, words_of
from data.lexical.bm25 import best_of_any
from data.lexical.counts import MOST_ENTRIES, count_up_to
from data.lexical.ranking import MOST_HITS, Fits, _best, any_of

_LEAST, _ROUNDS = 300, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    catalogue, known, chance = Catalogue(options.home), TextLengths(), random.Random(1)
    with catalogue.connections.reading() as connection:
        started = time.thread_time()
        lengths = known.of(connection)
        print(f"{lengths.products:,} products, lengths read in {time.thread_time() - started:.2f} s")
        titles = [text for (text,) in connection.execute("SELECT title FROM products ORDER BY random() LIMIT 1000")]
        words = sorted({word for title in titles for word in words_of(title) if word.isascii()})
        took: list[tuple[int, float, float]] = []
        for _ in range(50 * options.queries):
            pair = chance.sample(words, 2)
            holders = count_up_to(connection, any_of(pair), MOST_ENTRIES)
            if not _LEAST <= holders < MOST_ENTRIES:
                continue
            theirs, theirs_ms = _timed(lambda: _best(connection, any_of(pair)))  # noqa: B023 - called at once
            ours, ours_ms = _timed(lambda: best_of_any(connection, pair, lengths, MOST_HITS) or [])  # noqa: B023
            if ours != theirs:
                raise SystemExit(f"both must give the same scores of {pair}; they do not.")
            took.append((holders, theirs_ms, ours_ms))
            if len(took) == options.queries:
                break
    print(f"{'products':>18}{'queries':>9}{'FTS5 ms':>9}{'ours ms':>9}")
    for low, high in ((_LEAST, 1_000), (1_000, 3_000), (3_000, MOST_ENTRIES)):
        group = [each for each in took if low <= each[0] < high]
        if group:
            theirs_ms, ours_ms = (statistics.median(each[at] for each in group) for at in (1, 2))
            print(f"{f'{low:,} to {high:,}':>18}{len(group):>9}{theirs_ms:>9.2f}{ours_ms:>9.2f}")


def _timed(score: Callable[[], Fits]) -> tuple[Fits, float]:
    """Returns the scores, and the milliseconds of processor time that they took at best."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.thread_time()
        found = score()
        best = min(best, (time.thread_time() - started) * 1000)
    return found, best


if __name__ == "__main__":
    main()
