"""The search page and the seller's form, rendered on the server."""

from api.page import product, routes, sell, widget

BLUEPRINTS = (routes.blueprint, product.blueprint, sell.blueprint, widget.blueprint)

__all__ = ["BLUEPRINTS"]
