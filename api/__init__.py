"""The way in over HTTP: JSON endpoints, the page, and the server."""
