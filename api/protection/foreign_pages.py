"""Refuses requests that a web page of somebody else makes a shopper's or an operator's browser send.

Two tricks reach a server that asks for no key, even one on loopback. A page may point its own name at this machine
(DNS rebinding) and then read every answer: such a request names the foreign host in `Host`. Or it may post a form or a
script's request here: such a request names the page in `Origin`. With API keys neither helps, because a browser sends
no `Authorization` header on behalf of a page that does not know the key. It does send the cookie of an operator's
session, so on the operators' pages foreign posts are refused with keys too.
"""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from flask import Flask, request

from api.errors import BadRequest, ForeignPage, WrongHost
from api.protection.guard import ADMIN, OPEN, SCOPE_OF
from api.resources import resources

ANY = "*"
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
_HEALTH = ("operations.livez", "operations.readyz")  # asked by load balancers, by whatever name they know


def refuse_foreign_pages(app: Flask) -> None:
    app.before_request(_check)


def _check() -> None:
    host = request.headers.get("Host", "")
    if host and not _HOST.fullmatch(host):  # browsers always send one
        raise BadRequest(f"the Host header must be a host's name, and its port if any; got {host[:100]!r}.")
    if request.endpoint in _HEALTH:
        return
    if host and not _is_known(host):
        raise WrongHost(
            f"the Host header must be a name of this server; got {host[:100]!r}. Add the name to the setting "
            "allowed_hosts (LOOKALIKE_ALLOWED_HOSTS) if it is one, or use API keys."
        )
    if request.method not in ("GET", "HEAD", "OPTIONS") and _changes_something() and _is_foreign(host):
        raise ForeignPage(
            "a page of another site must not change anything here; got a request of one (Origin, Sec-Fetch-Site). "
            "Send it from a server, or use API keys (`lookalike keys add`)."
        )


def _is_known(host: str) -> bool:
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost") or _is_address(name) or name == socket.gethostname().lower():
        return True
    allowed = resources().settings.allowed_host_names
    return name in allowed or ANY in allowed or (not allowed and resources().keys.in_use())


def _changes_something() -> bool:
    if request.endpoint == "selling.send":  # nothing here, but something at the shop's own server
        return True
    return request.blueprint == ADMIN or SCOPE_OF.get(request.endpoint or "", "admin") not in (OPEN, "search")


def _is_foreign(host: str) -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        foreign = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    else:
        netloc = urlsplit(origin).netloc.lower()
        foreign = netloc != host.lower() and _name(netloc) not in resources().settings.allowed_host_names
    return foreign and (request.blueprint == ADMIN or not resources().keys.in_use())


def _name(host: str) -> str:
    """Returns a host without its port, brackets and the dot that may end it."""
    return re.sub(r":\d*$", "", host.lower()).strip("[]").removesuffix(".")


def _is_address(name: str) -> bool:
    # No DNS answer is behind an address, so it cannot be a foreign page's name for this machine.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
