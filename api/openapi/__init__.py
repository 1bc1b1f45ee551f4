"""Documents the HTTP API: the OpenAPI document, and the page /docs that is made from it."""

from api.openapi.document import DOCUMENT
from api.openapi.routes import blueprint

__all__ = ["DOCUMENT", "blueprint"]
