"""The search page, rendered on the server."""

from api.page import product, routes, things, why, widget

BLUEPRINTS = (routes.blueprint, things.blueprint, product.blueprint, why.blueprint, widget.blueprint)

__all__ = ["BLUEPRINTS"]
