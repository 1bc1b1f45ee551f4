"""The search page, rendered on the server."""

from api.page import product, routes, widget

BLUEPRINTS = (routes.blueprint, product.blueprint, widget.blueprint)

__all__ = ["BLUEPRINTS"]
