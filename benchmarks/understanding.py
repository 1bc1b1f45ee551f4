"""How well queries are understood: precision and recall of constraints, what that does to ranking, and the time.

    python benchmarks/understanding.py HOME [--catalogue sample|grocery] [--queries TEXT_QUERIES.csv] [--wrong]
        [--products 100000]

understanding_queries.csv holds queries in English and Korean with the constraints that are right for the sample
catalogue or the grocery catalogue, and traps in which none is; those of the group `later` were written when the rules
were done. With --queries, a file for `lookalike evaluate
retrieval`, it also prints mean average precision with understanding and without, by source. --wrong lists what went
wrong. With --products, the time is measured too in a catalogue of so many products, which are copies of HOME's.
"""

import argparse
import csv
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.columns import ColumnStore
from data.filters import Filter
from data.settings import Settings, load_settings
from engine.protocols import Mask
from engine.search import SearchEngine, SearchRequest
from engine.understanding import DATED_AHEAD_DAYS, Constraint, Understanding
from training.evaluation import read_queries

_QUERIES = Path(__file__).with_name("understanding_queries.csv")


@dataclass
class Asked:
    """What the queries of one catalogue were understood as.

    Attributes:
        understood: (row of the file, constraints) for each query.
        times: processor time of each in milliseconds, without that of the filter.
        filters: that of the filter, for those that have one.
    """

    understood: list[tuple[dict[str, str], tuple[Constraint, ...]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    filters: list[float] = field(default_factory=list)

    def show_times(self) -> None:
        """Prints the times of queries that ask for a condition and of those that do not, and of the filter."""
        asking = [time for time, (_, found) in zip(self.times, self.understood, strict=True) if found]
        plain = [time for time, (_, found) in zip(self.times, self.understood, strict=True) if not found]
        for name, times in (("with a condition", asking), ("without", plain), ("its filter", self.filters)):
            late = np.quantile(times, 0.95)
            print(f"processor time, {name}: median {statistics.median(times):.2f} ms, 95 % below {late:.2f} ms")


def ask(stock: Catalogue, fresh_days: int, catalogue: str) -> Asked:
    """Asks the queries for a catalogue."""
    understanding = Understanding(stock, fresh_days)
    understanding.refresh()
    columns = ColumnStore(stock)
    asked, filtering = Asked(), list[float]()

    def matching(filter_: Filter) -> Mask:
        started = time.thread_time()
        passing = columns.passing(filter_)
        filtering.append((time.thread_time() - started) * 1000)
        return passing

    for row in csv.DictReader(_QUERIES.open(encoding="utf-8")):
        if row["catalogue"] == catalogue:
            filtering.clear()
            started = time.thread_time()
            understood = understanding.understand(row["query"], None, matching, alone=True)
            asked.times.append((time.thread_time() - started) * 1000 - sum(filtering))
            asked.filters += [sum(filtering)] if filtering else []
            asked.understood.append((row, understood.constraints))
    return asked


def copies(home: Path, source: Catalogue, count: int) -> Catalogue:
    """Returns a catalogue of `count` products with the facts of another's, other ids and titles, and no photos."""
    products = [facts.product for facts in source.iter_facts()]
    made = Catalogue(home)
    for start in range(0, count, 2000):
        numbers = range(start, min(start + 2000, count))
        batch = [(number, products[number % len(products)]) for number in numbers]
        made.upsert_many(
            [(replace(each, product_id=f"p{number}", title=f"{each.title} {number}"), []) for number, each in batch]
        )
    made.upkeep.tidy_index()
    return made


def show_constraints(asked: Asked, fresh_days: int, *, wrong: bool) -> None:
    """Prints how many constraints were understood rightly, wrongly and not at all, by group and language."""
    counts = defaultdict[str, Counter[str]](Counter)
    for row, constraints in asked.understood:
        right, found = _right(row["understood"], fresh_days), {_shown(each) for each in constraints}
        tally = counts[f"{row['group']} {row['language']}"]
        tally.update(right=len(right & found), wrong=len(found - right), missed=len(right - found), queries=1)
        tally["traps"] += not right
        tally["trapped"] += not right and bool(found)
        if wrong and right != found:
            print(f"  {row['query']!r}: wrong {sorted(found - right)}, missed {sorted(right - found)}")
    print(f"{'queries of':10} {'queries':>7} {'precision':>9} {'recall':>6} {'traps':>5} {'trapped':>7}")
    for group, tally in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        precision = tally["right"] / max(tally["right"] + tally["wrong"], 1)
        recall = tally["right"] / max(tally["right"] + tally["missed"], 1)
        print(f"{group:10} {tally['queries']:7} {precision:9.3f} {recall:6.3f} {tally['traps']:5} {tally['trapped']:7}")


def show_ranking(settings: Settings, queries: Path) -> None:
    """Prints mean average precision with and without understanding."""
    products = list(Catalogue(settings.home).iter_facts())
    ids = {fact.product_key: fact.product.product_id for fact in products}
    asked = read_queries([queries], products, settings).queries
    engine = SearchEngine(settings)
    engine.warm()
    print(f"{'understand':10} {'source':>8} {'queries':>7} {'understood':>10} {'mAP':>6}")
    for understand in (False, True):
        precisions, understood = defaultdict[str, list[float]](list), Counter[str]()
        for query in asked:
            request = SearchRequest(text=query.text, k=1000, freshness=0.0, understand=understand)
            answer = engine.search(request)
            found = [hit.product_id for hit in answer.hits]
            precisions[query.source].append(_average_precision(found, {ids[key] for key in query.gains}))
            understood[query.source] += bool(answer.understood)
        for source, each in precisions.items():
            print(f"{understand!s:10} {source:>8} {len(each):7} {understood[source]:10} {np.mean(each):6.4f}")


def _right(text: str, fresh_days: int) -> set[str]:
    today = datetime.now(UTC).date()
    new, until = today - timedelta(days=fresh_days), today + timedelta(days=DATED_AHEAD_DAYS)
    text = text.replace("created_at >= NEW", f"created_at >= {new} AND created_at <= {until}")
    return {part.strip() for part in text.split(";") if part.strip()}


def _shown(constraint: Constraint) -> str:
    if constraint.needless:
        return f"left out: {constraint.text}"
    if constraint.sort:
        return f"sort: {constraint.sort}"
    meaning = constraint.filter or f"not_text: {constraint.not_text}"
    return f"{meaning} (relaxed)" if constraint.relaxed else meaning


def _average_precision(found: list[str], right: set[str]) -> float:
    places = [place for place, product_id in enumerate(found, 1) if product_id in right]
    return sum(number / place for number, place in enumerate(places, 1)) / len(right)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--catalogue", default="sample", choices=["sample", "grocery"])
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--products", type=int)
    given = parser.parse_args()
    chosen = load_settings(home=given.home)
    stocked = Catalogue(chosen.home)
    answers = ask(stocked, chosen.fresh_days, given.catalogue)
    show_constraints(answers, chosen.fresh_days, wrong=given.wrong)
    answers.show_times()
    if given.products:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{given.products:,} products:")
            ask(copies(Path(folder), stocked, given.products), chosen.fresh_days, given.catalogue).show_times()
    if given.queries:
        show_ranking(chosen, given.queries)
