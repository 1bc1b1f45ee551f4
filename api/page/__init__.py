"""The search page, rendered on the server."""

from api.page import product, routes, things, widget

BLUEPRINTS = (routes.blueprint, things.blueprint, product.blueprint, widget.blueprint)

__all__ = ["BLUEPRINTS"]
