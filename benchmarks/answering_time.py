"""Measures the processor time of a search by words, in process, all threads together, for one checkout or several.

    python benchmarks/answering_time.py HOME CHECKOUT [CHECKOUT ...] [--queries 200] [--rounds 4]

Each checkout has a process of its own, and each query goes to all of them in turn, so that other work on the machine
and cold caches meet them alike. Queries are the titles and brands of products, each with a number, and their
categories. Each is asked once in a round, but later rounds meet it again: what the words mean is remembered then, so
use `--rounds 1` for queries that are new. What a query takes at best, of all rounds, says most on a busy machine.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

_ANSWER = """
import itertools, sys, time
from pathlib import Path
from data.catalogue import Catalogue
from data.settings import load_settings
from engine.search import SearchEngine, SearchRequest
from threadpoolctl import threadpool_limits
threadpool_limits(1, user_api="blas")  # as in a server
home, most = Path(sys.argv[1]), int(sys.argv[2])
products = [facts.product for facts in itertools.islice(Catalogue(home).iter_facts(), most)]
texts = [
    f"{each.title} {each.brand} {at % 97}" if at % 2 else each.category or each.title
    for at, each in enumerate(products)
]
engine = SearchEngine(load_settings(home=home))
engine.warm()
print(len(texts), flush=True)
for line in sys.stdin:
    started = time.process_time()
    engine.search(SearchRequest(text=texts[int(line)]))
    print((time.process_time() - started) * 1000, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    home, most = options.home.absolute(), options.queries
    started = [Process(checkout.absolute(), home, most) for checkout in options.checkouts]
    queries = started[0].queries
    taken: list[list[list[float]]] = [[[] for _ in range(queries)] for _ in started]
    for turn in range(options.rounds * queries):
        for place in range(len(started)):
            at = (place + turn) % len(started)
            taken[at][turn % queries].append(started[at].ask(turn % queries))
    print(f"{queries} queries, {options.rounds} rounds, milliseconds of processor time (p50)")
    print(f"{'of all':>9}{'at best':>9}  checkout")
    for checkout, process, found in zip(options.checkouts, started, taken, strict=True):
        process.end()
        every = statistics.median(ms for each in found for ms in each)
        print(f"{every:>9.2f}{statistics.median(map(min, found)):>9.2f}  {checkout}")


class Process:
    """One checkout at work."""

    def __init__(self, checkout: Path, home: Path, queries: int) -> None:
        command = [sys.executable, "-c", _ANSWER, str(home), str(queries)]
        self._process = subprocess.Popen(command, cwd=checkout, stdin=PIPE, stdout=PIPE, text=True)
        self.queries = int(self._line())

    def ask(self, query: int) -> float:
        """Returns the milliseconds that a query took."""
        print(query, file=self._process.stdin, flush=True)
        return float(self._line())

    def end(self) -> None:
        self._process.communicate()

    def _line(self) -> str:
        line = next(iter(self._process.stdout or ()), "")
        if not line:
            raise SystemExit("every checkout must answer; one process ended. Its error stands above.")
        return line


if __name__ == "__main__":
    main()
