"""Sums up the behaviour of simulated shoppers without creating an object for each event."""

import numpy as np

from engine.known_queries import query_key
from simulation.events import SimulatedEvents
from training.behaviour import Behaviour, Tally


def simulated_behaviour(
    events: SimulatedEvents, *, since: float = -np.inf, until: float = np.inf
) -> Behaviour:  # fmt: skip
    """Returns the same figures as `Behaviour.from_events(events.events())`.

    Args:
        since, until: seconds since 1970; only events from `since` on and before `until`.
    """
    tally = Tally()
    chosen = np.flatnonzero((events.search_at >= since) & (events.search_at < until))
    shown, queries = events.shown[chosen], events.search_query[chosen]
    rows, places = np.nonzero(shown >= 0)
    tally.add_many(queries[rows], shown[rows, places], places, np.zeros(len(rows), np.int64))
    acted = np.flatnonzero((events.action_at >= since) & (events.action_at < until))
    searches, positions = events.action_search[acted], events.action_position[acted]
    products, kinds = events.shown[searches, positions], events.action_kind[acted].astype(np.int64)
    tally.add_many(events.search_query[searches], products, positions, kinds + 1)
    searched = np.bincount(queries, minlength=len(events.queries))
    return Behaviour([query_key(text) for text in events.queries], events.product_ids, tally, searched)
