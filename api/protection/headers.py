"""Adds the security and cache headers that every answer carries."""

from flask import Flask, Response, request

from api.protection.guard import ADMIN
from api.resources import follower, resources

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


# Everything else is never kept: answers of the API change with every product, and some are for a key's holder alone.
_KEPT = {
    "openapi.document": "no-cache",  # asked for again each time, and sent only if it changed
    "openapi.docs": "no-cache",
    "page.home": "private, no-cache",  # so that "back" shows the page as it was; what is searched for is in its address
    "product.show": "private, no-cache",
    "selling.ask": "private, no-cache",
    "page.photo": "private, max-age=3600",  # its name is its content
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
    if follower() is not None and (writer := resources().settings.writer_url):  # which thumbnails are asked of
        policy = response.headers["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace("img-src 'self'", f"img-src 'self' {writer}")
    response.headers.setdefault("Cache-Control", _cache_control(response))
    if request.endpoint in ("openapi.document", "openapi.docs") and response.status_code == 200:
        response.add_etag()
        response.make_conditional(request)
    return response


def _cache_control(response: Response) -> str:
    """Returns what a browser or proxy may keep of an answer that does not say so itself."""
    is_plain = response.status_code == 200 and "Authorization" not in request.headers
    return _KEPT.get(request.endpoint or "", "no-store") if is_plain else "no-store"
