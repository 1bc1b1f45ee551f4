"""Training of one part alone, and its publication in a copy of the live generation."""

from training.sessions.embedder import EmbedderSession, table
from training.sessions.voters import VoterSession

__all__ = ["EmbedderSession", "VoterSession", "table"]
