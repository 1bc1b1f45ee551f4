"""Compresses pages, styles and scripts with gzip for browsers that accept it: they shrink to a fifth."""

import gzip

from flask import Flask, Response, request

_TYPES = ("text/html", "text/css", "text/javascript", "image/svg+xml")
_LEAST_BYTES = 1_000  # a shorter body is one packet anyway
_LEVEL = 5  # further levels cost much time for few bytes


def compress_answers(app: Flask) -> None:
    """Makes `app` send the texts of its pages compressed.

    JSON goes as it is: its reader is a shop's server nearby. No page holds a secret beside what its address says, so
    the length of a compressed page tells nothing.
    """
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in _TYPES or response.status_code != 200 or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"] or (response.content_length or 0) < _LEAST_BYTES:
        return response
    response.direct_passthrough = False  # files of the folder `static` are read here, not sent by the server
    response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)  # the same content in other bytes
    return response
