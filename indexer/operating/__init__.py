"""The operator's tools: shows the status, and checks the machine (doctor)."""

from indexer.operating.doctor import examine
from indexer.operating.operate import describe_status, status

__all__ = ["describe_status", "examine", "status"]
