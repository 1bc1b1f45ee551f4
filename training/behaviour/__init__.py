"""What shoppers chose for which query, corrected for position, and what is learned from that."""

from training.behaviour.behaviour import Behaviour, Tally, query_key
from training.behaviour.learned_queries import learn_queries

__all__ = ["Behaviour", "Tally", "learn_queries", "query_key"]
