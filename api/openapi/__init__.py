"""Documents the HTTP API: the OpenAPI document, and the page /docs that is made from it."""

from api.openapi import routes
from api.openapi.document import DOCUMENT

__all__ = ["DOCUMENT", "routes"]
