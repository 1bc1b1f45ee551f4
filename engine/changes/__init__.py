"""The changes of products since the rebuild, in Milvus: a log that the server writes, and that other machines read."""

from engine.changes.change import Change
from engine.changes.log import ChangeLog, ChangePage, Confirmed, ReadPlace
from engine.changes.queue import ChangeQueue, waiting_changes

__all__ = ["Change", "ChangeLog", "ChangePage", "ChangeQueue", "Confirmed", "ReadPlace", "waiting_changes"]
