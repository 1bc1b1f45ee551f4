"""The one text form in which catalog.db stores times."""

from datetime import UTC, datetime


def moment_text(moment: datetime) -> str:
    """Returns an aware time as text that sorts by time: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
