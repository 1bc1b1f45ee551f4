"""The server's log: one JSON object per line on standard error, whatever a path or an error message holds."""

import json
import logging
import sys
import time
from typing import Any

_access = logging.getLogger("lookalike.access")


def log_as_json() -> None:
    """Makes every logger of this process write JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.getLogger().level, force=True)


def log_access(entry: dict[str, Any]) -> None:
    """Writes one line about an answered request."""
    _access.info("", extra={"entry": entry})


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        entry: dict[str, Any] | None = getattr(record, "entry", None)
        if entry is None:
            entry = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
            if record.exc_info:
                entry["error"] = self.formatException(record.exc_info)
        return json.dumps({"time": moment, **entry})
