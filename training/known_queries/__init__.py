"""Learns from past searches: better points for frequent queries, related queries, senses, and rivals of words."""

from training.known_queries.learned import learn_queries
from training.known_queries.learned import train as train_learned
from training.known_queries.related import find_rivals
from training.known_queries.related import train as train_known

__all__ = ["find_rivals", "learn_queries", "train_known", "train_learned"]
