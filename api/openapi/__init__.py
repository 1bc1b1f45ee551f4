"""The OpenAPI document and the page of documentation made from it."""

from api.openapi import routes
from api.openapi.document import DOCUMENT

__all__ = ["DOCUMENT", "routes"]
