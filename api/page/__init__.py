"""The search page and the seller's form, rendered on the server."""

from api.page import routes, sell, widget

BLUEPRINTS = (routes.blueprint, sell.blueprint, widget.blueprint)

__all__ = ["BLUEPRINTS"]
