"""Fetches an image from a URL without letting the URL reach anything but the public internet."""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from data.errors import ImageTooLarge, InvalidImage
from data.photos.addresses import is_public
from data.settings import Settings

URL_LIMIT = 2_000
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 2
_CONNECT_S, _TOTAL_S = 3.0, 5.0
_BLOCK_BYTES = 65_536
_URL_MARKS = "/%:@!$&'()*+,;=~?"


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    connection = socket.create_connection((address, port), timeout_s)
    peer = connection.getpeername()[0]
    if ipaddress.ip_address(peer.partition("%")[0]) != ipaddress.ip_address(address):
        connection.close()
        raise OSError("connected to another address")
    return connection


@dataclass(frozen=True, kw_only=True)
class Network:
    """How host names are looked up and connections made; tests replace both.

    Attributes:
        resolve: (host, port) -> every address of the host.
        connect: (address, port, timeout in seconds) -> a connected socket.
        total_s: seconds for one image, look-up and redirects included.
    """

    resolve: Callable[[str, int], Sequence[str]] = _resolve
    connect: Callable[[str, int, float], socket.socket] = _connect
    total_s: float = _TOTAL_S


def fetch_image(url: str, settings: Settings, network: Network | None = None) -> bytes:
    """Returns the bytes behind `url`, which may be anything: decoding checks them.

    Every address of the host must be public, and the connection goes to one that was checked; each redirect, two at
    most, is checked again. No text from the other side is repeated in an error.

    Raises:
        ImageTooLarge: over `max_image_bytes`.
        InvalidImage: fetching is off or the URL must not be fetched (code `url_refused`), or nothing usable came back
            in time (`url_failed`).
    """
    if not settings.fetch_urls:
        raise _refused("be a path, because fetching URLs is off; set LOOKALIKE_FETCH_URLS=true to fetch them")
    network = network or Network()
    deadline = time.monotonic() + network.total_s
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            target = _checked_url(url)
            answer = _get(target, network, deadline, settings.max_image_bytes)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer.location)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed("an image within the time allowed") from error
    raise _failed(f"an image after at most {_MOST_REDIRECTS} redirects")


@dataclass(frozen=True)
class _Redirect:
    location: str


def _checked_url(url: str) -> SplitResult:
    if len(url) > URL_LIMIT or any(character <= " " or character in "\\\x7f" for character in url):
        raise _refused(f"have at most {URL_LIMIT:,} characters, none of them a space")
    try:
        parts = urlsplit(url)
        port = _port(parts)
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:
        raise _refused("be a well-formed URL") from error
    if parts.scheme not in _PORTS or port not in _PORTS.values():
        raise _refused("be http or https on port 80 or 443")
    if not host or "%" in host or "@" in parts.netloc:
        raise _refused("name a host, and no user")
    return parts


def _port(url: SplitResult) -> int:
    return _PORTS.get(url.scheme, 0) if url.port is None else url.port


def _get(url: SplitResult, network: Network, deadline: float, limit_bytes: int) -> bytes | _Redirect:
    host = (url.hostname or "").encode("idna").decode("ascii")
    port = _port(url)
    connection = _open(host, port, network, deadline)
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    # A socket's own timeout starts again with every byte, so a slow trickle would never end.
    watch = threading.Timer(max(deadline - time.monotonic(), 0), _cut_off, [connection])
    watch.daemon = True
    watch.start()
    try:
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        return _exchange(connection, host, port, url, deadline, limit_bytes)
    finally:
        watch.cancel()
        connection.close()


def _open(host: str, port: int, network: Network, deadline: float) -> socket.socket:
    addresses = _resolve_in_time(host, port, network, deadline)
    if not addresses or not all(map(is_public, addresses)):
        raise _refused("lead to a public address")
    for number, address in enumerate(addresses, start=1):
        left_s = min(_CONNECT_S, deadline - time.monotonic())
        if left_s <= 0:
            break
        try:
            return network.connect(address, port, left_s)
        except OSError:
            if number == len(addresses):
                raise
    raise TimeoutError


def _resolve_in_time(host: str, port: int, network: Network, deadline: float) -> list[str]:
    """Returns a host's addresses; the system's look-up has no timeout, so it runs in a thread, abandoned if late."""
    found: list[str] = []

    def look_up() -> None:
        try:
            found.extend(network.resolve(host, port))
        except (OSError, UnicodeError):
            found.clear()

    thread = threading.Thread(target=look_up, daemon=True, name="resolve")
    thread.start()
    thread.join(max(deadline - time.monotonic(), 0))
    if thread.is_alive():
        raise TimeoutError
    return found


def _exchange(
    connection: socket.socket, host: str, port: int, url: SplitResult, deadline: float, limit_bytes: int
) -> bytes | _Redirect:
    client = http.client.HTTPConnection(host, port)
    client.default_port = _PORTS[url.scheme]  # decides whether the Host header names the port
    client.sock = connection
    path = quote(url.path or "/", safe=_URL_MARKS) + (f"?{quote(url.query, safe=_URL_MARKS)}" if url.query else "")
    client.request("GET", path, headers={"User-Agent": "lookalike", "Accept": "image/*", "Accept-Encoding": "identity"})
    with client.getresponse() as response:
        if response.status in _REDIRECTS and (location := response.getheader("Location")):
            return _Redirect(location)
        if response.status != 200 or response.getheader("Content-Encoding", "identity") != "identity":
            raise _failed(f"an image with status 200; got {response.status}")
        return _read_capped(response, deadline, limit_bytes)


def _read_capped(response: http.client.HTTPResponse, deadline: float, limit_bytes: int) -> bytes:
    content = bytearray()
    while block := response.read(_BLOCK_BYTES):
        content += block
        if len(content) > limit_bytes:
            raise ImageTooLarge(f"image must be at most {limit_bytes:,} bytes; got more. Use a smaller one.")
    if time.monotonic() >= deadline or response.length:
        raise TimeoutError
    return bytes(content)


def _cut_off(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the connection has already ended
        # The close that follows then resets the connection, so that it does not linger in the kernel.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Not SSLSocket.shutdown: that also takes the TLS state away from the thread that is using it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _refused(rule: str) -> InvalidImage:
    return InvalidImage(f"an image URL must {rule}.", code="url_refused")


def _failed(wanted: str) -> InvalidImage:
    return InvalidImage(f"an image URL must answer with {wanted}. Try it in a browser.", code="url_failed")
