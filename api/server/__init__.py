"""The server: waitress in one process, many threads, one copy of the models, and no thread that waits for a client."""

from api.server.process import serve

__all__ = ["serve"]
