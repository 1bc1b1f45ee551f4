"""The search page and the seller's form, rendered on the server."""

from api.page import routes, sell

__all__ = ["routes", "sell"]
