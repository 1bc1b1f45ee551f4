"""Shows the retrieval evaluation as JSON, as text and as one self-contained HTML file."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import write_text
from training.evaluation import Outcomes, Query, Retrieval
from training.measures import METRICS
from training.reports.match import MATCH_HEAD, match_picture, match_rows, match_table
from training.reports.pages import flat_facts, render_page, thumbnail
from training.reports.retrieval_plots import first_right_picture

_SHOWN_FAILURES = 24
_LISTED_FAILURES = 200
_SHOWN_RIGHT = 3
_WORST_SHARE = 0.1
_FOUND_LATE = 10  # a query fails if none of its first 10 products is right


@dataclass(frozen=True, kw_only=True)
class Group:
    """The queries of one source, or about one category.

    Attributes:
        queries: how many the live space could answer.
        learned: whether the live space may have learned from them.
        live, untrained: the mean of each metric; None: the space could answer no query.
        legs: `lexical` and `fused` -> the mean of each metric for words searched in this way; empty: they are photos.
        worst: mean nDCG@10 of the worst tenth of the queries, at least one of them.
        failed: share of queries without a right product among the first 10.
    """

    name: str
    queries: int
    learned: bool
    live: dict[str, float] | None
    untrained: dict[str, float] | None
    legs: dict[str, dict[str, float]]
    worst: float | None
    failed: float | None


def by_source(found: Retrieval) -> list[Group]:
    """Returns one group per source, in order of appearance, learned ones last."""
    groups = _groups(found, lambda query: (query.source, query.learned))
    return sorted(groups, key=lambda group: group.learned)


def by_category(found: Retrieval) -> list[Group]:
    """Returns one group per category, hardest first, without learned queries (unless all were learned)."""
    honest = not all(query.learned for query in found.queries)
    groups = _groups(
        found, lambda query: None if honest and query.learned else (found.category_of(query), query.learned)
    )
    return sorted(groups, key=lambda group: (group.live["ndcg10"] if group.live else -1.0, group.name))


def overall(found: Retrieval) -> dict[str, Any]:
    """Returns the mean over queries that were not learned, that over categories, and the worst source and category."""
    honest = [not query.learned for query in found.queries]
    rows = np.flatnonzero(honest) if any(honest) else np.arange(len(found.queries))
    sources, categories = by_source(found), [group for group in by_category(found) if group.live]
    worst_source = min(
        (group for group in sources if group.live),
        key=lambda group: group.live["ndcg10"] if group.live else 0.0,
        default=None,
    )
    return {
        "queries": len(rows),
        "learned": not any(honest),
        "live": _means(found.live, rows),
        "untrained": _means(found.untrained, rows) if found.untrained else None,
        "category_mean": {name: _mean(group.live[name] for group in categories if group.live) for name in METRICS},
        "worst_source": worst_source.name if worst_source else None,
        "worst_category": categories[0].name if categories else None,
    }


def failures(found: Retrieval, most: int = _LISTED_FAILURES) -> list[dict[str, Any]]:
    """Returns the queries without a right product among the first 10: not learned ones first, then the worst ranks."""
    ranks = found.live.figures["rank"]
    rows = np.flatnonzero(ranks > _FOUND_LATE)
    order = sorted(rows.tolist(), key=lambda row: (found.queries[row].learned, -ranks[row]))
    return [_failure(found, row) for row in order[:most]]


def to_json(found: Retrieval) -> dict[str, Any]:
    """Returns the evaluation as plain JSON values."""
    return {
        "title": found.title,
        "generation": found.generation,
        "overall": overall(found),
        "sources": [asdict(group) for group in by_source(found)],
        "categories": [asdict(group) for group in by_category(found)],
        "failures": failures(found),
        "excluded": dict(found.excluded),
        "facts": found.facts,
    }


def describe(found: Retrieval) -> str:
    """Returns the table of sources as text."""
    head = ["source", "space", "queries", *METRICS, "worst"]
    lines = [head]
    for group in by_source(found):
        name = f"{group.name}{' *' if group.learned else ''}"
        lines.append([name, "live", str(group.queries), *_cells(group.live), _share(group.worst)])
        if group.untrained:
            lines.append(["", "untrained", "", *_cells(group.untrained), ""])
    table = [*_aligned(lines), *_legs_table(found)]
    notes = ["worst: mean nDCG@10 of the worst tenth of the queries."]
    if any(query.learned for query in found.queries):
        notes.append("* the live space may have learned from these; its figures flatter.")
    late = int((found.live.figures["rank"] > _FOUND_LATE).sum())
    notes.append(f"{late} of {len(found.queries)} queries have no right product among the first {_FOUND_LATE}.")
    notes += [f"Left out: {count} x {reason}." for reason, count in found.excluded.items()]
    if honest := match_table(found.facts.get("match", {})):
        notes += ["", "Match probabilities, out of fold at the last rebuild:", honest]
    return "\n".join([*table, *notes])


def _legs_table(found: Retrieval) -> list[str]:
    """Returns lines with the mAP of words by their meaning, by their letters and by both; none without words."""
    groups = [group for group in by_source(found) if group.legs]
    lines = [["words, mAP", "dense", *found.legs]]
    for group in groups:
        ways = (group.live, *group.legs.values())
        lines.append([group.name, *(_share(figures["map"] if figures else None) for figures in ways)])
    return ["", *_aligned(lines), ""] if groups else []


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]


def write_report(path: Path, found: Retrieval) -> None:
    """Writes the report; it appears whole or not at all."""
    failed = failures(found)
    write_text(
        path,
        render_page(
            "retrieval.html",
            title=found.title,
            overall=overall(found),
            metrics=METRICS,
            sources=by_source(found),
            categories=by_category(found),
            failures=[_with_pictures(found, failure) for failure in failed[:_SHOWN_FAILURES]],
            failure_count=int((found.live.figures["rank"] > _FOUND_LATE).sum()),
            excluded=dict(found.excluded),
            facts=flat_facts({name: fact for name, fact in found.facts.items() if name != "match"}),
            first_right=first_right_picture(found.live, found.untrained),
            match_head=MATCH_HEAD,
            match_rows=match_rows(found.facts.get("match", {})),
            match_picture=match_picture(found.facts.get("match", {})),
        ),
    )


def _groups(found: Retrieval, key: Callable[[Query], tuple[str, bool] | None]) -> list[Group]:
    rows: dict[tuple[str, bool], list[int]] = {}
    for row, query in enumerate(found.queries):
        if (name := key(query)) is not None:
            rows.setdefault(name, []).append(row)
    return [_group(found, name, learned, np.array(at)) for (name, learned), at in rows.items()]


def _group(found: Retrieval, name: str, learned: bool, rows: NDArray[np.int64]) -> Group:
    gained = found.live.figures["ndcg10"][rows]
    answered = np.sort(gained[~np.isnan(gained)])
    worst = answered[: max(1, round(_WORST_SHARE * len(answered)))]
    late = found.live.figures["rank"][rows] > _FOUND_LATE
    return Group(
        name=name,
        queries=len(answered),
        learned=learned,
        live=_means(found.live, rows),
        untrained=_means(found.untrained, rows) if found.untrained else None,
        legs={name: means for name, outcomes in found.legs.items() if (means := _means(outcomes, rows))},
        worst=float(worst.mean()) if len(worst) else None,
        failed=float(late.sum() / len(answered)) if len(answered) else None,
    )


def _means(outcomes: Outcomes, rows: NDArray[np.int64]) -> dict[str, float] | None:
    if np.isnan(outcomes.figures["map"][rows]).all():
        return None
    return {name: float(np.nanmean(outcomes.figures[name][rows])) for name in METRICS}


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([*values] or [0.0]))


def _failure(found: Retrieval, row: int) -> dict[str, Any]:
    query = found.queries[row]
    guesses = [
        {"product_id": found.product_ids[at], "title": found.titles[at], "score": round(float(score), 4)}
        for at, score in zip(found.live.guesses[row].tolist(), found.live.scores[row], strict=True)
        if at >= 0
    ]
    wanted = np.searchsorted(found.product_keys, list(query.gains)[:_SHOWN_RIGHT])
    return {
        "query": query.name,
        "photo": query.photo,
        "source": query.source,
        "learned": query.learned,
        "rank": int(found.live.figures["rank"][row]),
        "right": [found.titles[at] for at in wanted],
        "right_count": len(query.gains),
        "guesses": guesses,
    }


def _with_pictures(found: Retrieval, failure: dict[str, Any]) -> dict[str, Any]:
    def picture(sha256: str) -> str:
        return thumbnail(lambda: found.read(sha256), found.settings) if sha256 else ""

    places = {product_id: at for at, product_id in enumerate(found.product_ids)}
    guesses = [{**guess, "picture": picture(found.photos[places[guess["product_id"]]])} for guess in failure["guesses"]]
    return {**failure, "picture": picture(failure["photo"]), "guesses": guesses}


def _cells(figures: dict[str, float] | None) -> list[str]:
    return [_share(figures[name] if figures else None) for name in METRICS]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
