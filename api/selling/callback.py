"""Sends an offer to the shop's own server, signed, so that the shop knows where it comes from."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

SIGNATURE = "Lookalike-Signature"
_TIMEOUT_S = 5.0  # for one step: to connect, to send, to read
_TOTAL_S = 15.0


def call_back(url: str, secret: str, product: dict[str, Any], photo: bytes | None) -> int:
    """Posts an offer to `url` and returns the HTTP status of the answer; redirects are not followed.

    The body is JSON: `product` as `PUT /v1/products` takes it, `photo` as base64 of a JPEG or null, and `offer`, the
    sha256 of both, which is the same if the seller sends the same again. The header `Lookalike-Signature` is
    `t=SECONDS,v1=HEX`: the time, and the HMAC-SHA256 of `SECONDS.BODY` under the secret.

    Raises:
        OSError: the shop's server cannot be reached, or does not answer in time.
        http.client.HTTPException: what it answers is no HTTP.
    """
    body = _body(product, photo)
    at = int(time.time())
    headers = {"Content-Type": "application/json", "User-Agent": "lookalike", SIGNATURE: signature(secret, at, body)}
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    watch = threading.Timer(_TOTAL_S, _cut_off, [connection])  # a timeout of one step starts again with every byte
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", parts.path + (f"?{parts.query}" if parts.query else "") or "/", body, headers)
        return connection.getresponse().status
    finally:
        watch.cancel()
        connection.close()


def signature(secret: str, at: int, body: bytes) -> str:
    """Returns the value of the header `Lookalike-Signature`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _body(product: dict[str, Any], photo: bytes | None) -> bytes:
    encoded = base64.b64encode(photo).decode() if photo else None
    content = {"product": product, "photo": encoded}
    offer = hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return json.dumps({"offer": offer, **content}, ensure_ascii=False).encode()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)


def _cut_off(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it has ended, or has not begun
        connection.sock.shutdown(socket.SHUT_RDWR)
