"""The one form in which catalog.db keeps a time."""

from datetime import UTC, datetime


def moment_text(moment: datetime) -> str:
    """Returns an aware time as text whose order is the order of time: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
