"""Imports product feeds and event logs, and reports every row with a problem."""

from indexer.importing.events import EventReport, import_events
from indexer.importing.product_report import ProductReport
from indexer.importing.products import import_feed
from indexer.importing.report import ImportReport, describe
from indexer.importing.restoring import describe_restored, restore

__all__ = [
    "EventReport",
    "ImportReport",
    "ProductReport",
    "describe",
    "describe_restored",
    "import_events",
    "import_feed",
    "restore",
]
