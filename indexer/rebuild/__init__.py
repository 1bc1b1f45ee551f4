"""The nightly rebuild: embeds new photos, trains, indexes, verifies, publishes a generation, and prunes old ones."""

from indexer.rebuild.canaries import read_canaries
from indexer.rebuild.lines import describe
from indexer.rebuild.nightly import rebuild
from indexer.rebuild.summary import Journal, RebuildSummary, reason_of
from indexer.rebuild.versions import versions

__all__ = [
    "Journal",
    "RebuildSummary",
    "describe",
    "read_canaries",
    "reason_of",
    "rebuild",
    "versions",
]
