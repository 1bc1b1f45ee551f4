"""The one account of clicks: what shoppers chose for which query, corrected for position."""

from training.behaviour.behaviour import Behaviour, Tally, query_key

__all__ = ["Behaviour", "Tally", "query_key"]
