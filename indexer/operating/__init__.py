"""The operator's tools: status, rollback and doctor."""

from indexer.operating.doctor import examine
from indexer.operating.operate import describe_status, roll_back, status

__all__ = ["describe_status", "examine", "roll_back", "status"]
