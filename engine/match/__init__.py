"""Match probability from the signs of a whole answer: small models per kind of question, fitted at each rebuild."""

from engine.match.model import MATCH_FILE, KindModel, Logistic, MatchModel, WordMap

__all__ = ["MATCH_FILE", "KindModel", "Logistic", "MatchModel", "WordMap"]
