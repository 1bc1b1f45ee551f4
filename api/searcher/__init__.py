"""What a server that only searches does otherwise: follows releases, passes changes on, and makes cursors for all."""

from api.searcher.cursors import given_cursor, next_cursor
from api.searcher.following import Following
from api.searcher.forwarding import forward_changes, serve_thumbnails

__all__ = ["Following", "forward_changes", "given_cursor", "next_cursor", "serve_thumbnails"]
