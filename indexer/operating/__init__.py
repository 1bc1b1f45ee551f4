"""The operator's tools: shows the status, rolls back to an earlier generation, and checks the machine (doctor)."""

from indexer.operating.doctor import examine
from indexer.operating.operate import describe_status, roll_back, status

__all__ = ["describe_status", "examine", "roll_back", "status"]
