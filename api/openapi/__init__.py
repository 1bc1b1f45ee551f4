"""The OpenAPI document and the page of documentation made from it."""
