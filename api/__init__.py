"""The HTTP layer: JSON endpoints, the page, the server, and the commands that serve, search and manage keys."""
