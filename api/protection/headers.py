"""Adds the security and cache headers that every answer carries."""

from flask import Flask, Response, request

from api.protection.guard import ADMIN
from api.resources import resources

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)
SECURITY_HEADERS = {
    "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


def add_headers(app: Flask) -> None:
    app.after_request(_add)


def _add(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    frames = resources().settings.frame_ancestor_names
    if frames and request.blueprint != ADMIN:
        names = " ".join("'self'" if name == "self" else name for name in frames)
        response.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}{names}"
    if request.endpoint not in ("static", "operations.thumbnail"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
