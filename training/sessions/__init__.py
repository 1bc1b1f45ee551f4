"""`lookalike train voters` and `query-embedder`: train one part alone, publish it in a copy of the live generation."""

from training.sessions.embedder import EmbedderSession, table
from training.sessions.voters import VoterSession

__all__ = ["EmbedderSession", "VoterSession", "table"]
