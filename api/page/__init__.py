"""The search page and the seller's form, rendered on the server."""

from api.page import routes, sell

BLUEPRINTS = (routes.blueprint, sell.blueprint)

__all__ = ["BLUEPRINTS"]
