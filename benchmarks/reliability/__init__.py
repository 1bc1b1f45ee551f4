"""Campaigns that show what docs/reliability.md promises: kills, full disks, flipped bits, crowds, hostile requests."""

from reliability import bit_flip, crowd, descriptors, full_disk, hostile, kill, milvus
from reliability.table import Result

CAMPAIGNS = {
    "kill": kill.run,
    "full-disk": full_disk.run,
    "bit-flip": bit_flip.run,
    "crowd": crowd.run,
    "descriptors": descriptors.run,
    "hostile": hostile.run,
    "milvus": milvus.run,
}

__all__ = ["CAMPAIGNS", "Result", "bit_flip"]
