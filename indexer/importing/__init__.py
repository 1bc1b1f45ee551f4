"""Imports product feeds and event logs, and reports every row with a problem."""

from indexer.importing.events import describe_events, import_events
from indexer.importing.products import import_feed
from indexer.importing.report import ImportReport, describe

__all__ = ["ImportReport", "describe", "describe_events", "import_events", "import_feed"]
