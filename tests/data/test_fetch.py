"""Fetching images from URLs: what must never be reached, and what must never take long."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.errors import ImageTooLarge, InvalidImage
from data.photos import fetch_image
from data.photos.addresses import SPECIAL, is_public
from data.photos.fetch import Network
from data.settings import Settings

SETTINGS = Settings(fetch_urls=True, max_image_bytes=1_000_000)
PUBLIC = "93.184.215.14"
Serve = Callable[[Callable[[socket.socket, bytes], None]], Network]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server on loopback and returns a network on which every public address leads to it."""
    stack = contextlib.ExitStack()

    def start(answer: Callable[[socket.socket, bytes], None]) -> Network:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()

        def connect(address: str, port: int, timeout_s: float) -> socket.socket:
            assert is_public(address), f"went to {address}"
            return socket.create_connection(listener.getsockname(), timeout_s)

        return Network(resolve=lambda host, port: [PUBLIC], connect=connect, total_s=0.5)

    with stack:
        yield start


def _accept(listener: socket.socket, answer: Callable[[socket.socket, bytes], None]) -> None:
    with ThreadPoolExecutor(4) as pool, contextlib.suppress(OSError):
        while True:
            pool.submit(_answer, listener.accept()[0], answer)


def _answer(connection: socket.socket, answer: Callable[[socket.socket, bytes], None]) -> None:
    with connection, contextlib.suppress(OSError):
        answer(connection, connection.recv(65_536))


def says(response: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, request: connection.sendall(response)


def ok(body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def refuse_to_connect(address: str, port: int, timeout_s: float) -> socket.socket:
    raise AssertionError(f"connected to {address}")


def test_an_image_comes_back(serve: Serve) -> None:
    requests: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(ok(b"pixels"))

    network = serve(answer)
    assert fetch_image("http://shop.example/a b.jpg".replace(" ", "%20") + "?x=한", SETTINGS, network) == b"pixels"
    assert requests[0].startswith(b"GET /a%20b.jpg?x=%ED%95%9C HTTP/1.1\r\n")
    assert b"\r\nHost: shop.example\r\n" in requests[0]


def test_a_chunked_answer_comes_back(serve: Serve) -> None:
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npix\r\n3\r\nels\r\n0\r\n\r\n"
    assert fetch_image("http://shop.example/", SETTINGS, serve(says(response))) == b"pixels"


def test_it_is_off_unless_switched_on() -> None:
    network = Network(resolve=lambda host, port: [PUBLIC], connect=refuse_to_connect)
    with pytest.raises(InvalidImage, match="LOOKALIKE_FETCH_URLS") as caught:
        fetch_image("http://shop.example/", Settings(), network)
    assert caught.value.code == "url_refused"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",  # noqa: S104
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "localhost", "localhost.", "LOCALHOST", "127.0.0.1.",
        "[fec0::1]", "[3fff::1]", "[5f00::1]", "[100::1]", "[2001:0:7f00:1::]", "[64:ff9b:1::7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:0:127.0.0.1]", "0x7f.0x0.0x0.0x1", "0300.0250.1.1", "127.0.1",
        "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    ],
)  # fmt: skip
def test_no_spelling_of_an_inside_address_gets_through(host: str) -> None:
    with pytest.raises(InvalidImage):
        fetch_image(f"http://{host}/", SETTINGS, Network(connect=refuse_to_connect))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True), ("::ffff:93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True), ("2002:5db8:d70e::1", True), ("127.0.0.1", False), ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False), ("2002:a00:1::1", False), ("::7f00:1", False), ("fe80::1%eth0", False),
        ("198.18.0.1", False), ("2001:0:5db8:d70e::1", False), ("fec0::1", False), ("3fff::1", False),
        ("5f00::1", False),
        ("100::1", False), ("100:0:0:1::1", False), ("64:ff9b:1::5db8:d70e", False), ("4000::1", False),
        ("2606:2800::5efe:a00:1", False), ("2606:2800::200:5efe:7f00:1", False), ("2606:2800::5efe:5db8:d70e", True),
        ("192.88.99.1", False), ("192.0.0.9", False), ("192.31.196.1", False), ("::ffff:0:5db8:d70e", False),
        ("2001:4860:4860::8888", True), ("2a00:1450::1", True), ("2400:cb00::1", True), ("172.32.0.1", True),
        ("::93.184.215.14", True), ("192.0.2.1", False), ("2001:db8::1", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_no_end_of_a_special_range_is_public() -> None:
    embedding = ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16")  # here the IPv4 address inside decides
    for network in SPECIAL:
        if str(network) not in embedding:
            assert [is_public(str(network[place])) for place in (0, -1)] == [False, False], network


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/a.jpg", "file:///etc/passwd", "gopher://shop.example/", "http://shop.example:22/",
        "http://shop.example:8080/", "http://user:secret@shop.example/", "http://user@shop.example/", "http:///a.jpg",
        "http://shop.example:99999/", "http://shop.example:0/", "https://shop.example:00/",
        "http://[::1]@shop.example/", "http://shop.example:-1/", "http://shop.example:+80/", "http://shop.example:8\u0660/",
        "http://[::1", "http://shop.example/\r\nX: y", "http://shop.example\\@10.0.0.1/",
        "http://" + "a" * 70 + ".example/", "https://shop.example/" + "a" * 2_000, "//shop.example/a.jpg", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_urls_that_are_refused_before_anything_is_looked_up(url: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError(f"looked up {host}")

    with pytest.raises(InvalidImage) as caught:
        fetch_image(url, SETTINGS, Network(resolve=resolve, connect=refuse_to_connect))
    assert caught.value.code == "url_refused"
    assert "secret" not in str(caught.value)


def test_one_inside_address_among_several_is_enough_to_refuse() -> None:
    network = Network(resolve=lambda host, port: [PUBLIC, "10.0.0.1"], connect=refuse_to_connect)
    with pytest.raises(InvalidImage, match="public address"):
        fetch_image("http://shop.example/", SETTINGS, network)


def test_a_name_that_changes_its_address_is_looked_up_once(serve: Serve) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    network = serve(says(ok(b"pixels")))
    network = Network(resolve=lambda host, port: next(answers), connect=network.connect, total_s=1)
    assert fetch_image("http://shop.example/", SETTINGS, network) == b"pixels"
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "location", [b"http://127.0.0.1/", b"http://10.0.0.1/x", b"http://[::1]/", b"file:///etc/passwd"]
)
def test_a_redirect_to_the_inside_is_refused(serve: Serve, location: bytes) -> None:
    network = serve(says(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"))

    def resolve(host: str, port: int) -> list[str]:
        return [PUBLIC if host == "shop.example" else host]

    network = Network(resolve=resolve, connect=network.connect, total_s=1)
    with pytest.raises(InvalidImage) as caught:
        fetch_image("http://shop.example/", SETTINGS, network)
    assert caught.value.code == "url_refused"


@pytest.mark.parametrize(("hops", "arrives"), [(1, True), (2, True), (3, False), (1_000, False)])
def test_two_redirects_are_followed(serve: Serve, hops: int, arrives: bool) -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        hop = int(request.split()[1][1:] or 0)
        moved = b"HTTP/1.1 301 Moved\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % (hop + 1)
        connection.sendall(moved if hop < hops else ok(b"pixels"))

    network = serve(answer)
    if arrives:
        assert fetch_image("http://shop.example/", SETTINGS, network) == b"pixels"
    else:
        with pytest.raises(InvalidImage, match="2 redirects"):
            fetch_image("http://shop.example/", SETTINGS, network)


def drip(connection: socket.socket, request: bytes) -> None:
    for _ in range(1_000):
        connection.sendall(b"x")
        threading.Event().wait(0.02)


def drip_headers(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(connection, request)


def drip_body(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    drip(connection, request)


def forever_continue(connection: socket.socket, request: bytes) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.alone
@pytest.mark.parametrize(
    "behave", [drip, drip_headers, drip_body, forever_continue, lambda *_: threading.Event().wait(2)]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_other_side_cannot_make_it_take_long(serve: Serve, behave: Callable[..., None], scheme: str) -> None:
    network, started = serve(behave), time.monotonic()
    with pytest.raises(InvalidImage) as caught:
        fetch_image(f"{scheme}://shop.example/", SETTINGS, network)
    assert time.monotonic() - started < 4
    assert caught.value.code == "url_failed"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_time_may_end_just_before_the_handshake(serve: Serve, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Timer, "start", lambda timer: timer.function(*timer.args))
    with pytest.raises(InvalidImage) as caught:
        fetch_image(f"{scheme}://shop.example/", SETTINGS, serve(says(ok(b"pixels"))))
    assert caught.value.code == "url_failed"


@pytest.mark.alone
def test_a_look_up_that_hangs_is_left_behind() -> None:
    gate, started = threading.Event(), time.monotonic()

    def resolve(host: str, port: int) -> list[str]:
        gate.wait(5)
        return [PUBLIC]

    with pytest.raises(InvalidImage):
        fetch_image("http://shop.example/", SETTINGS, Network(resolve=resolve, connect=refuse_to_connect, total_s=0.2))
    assert time.monotonic() - started < 4
    gate.set()


def test_a_body_without_end_is_cut_at_the_cap(serve: Serve) -> None:
    def endless(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with pytest.raises(ImageTooLarge):
        fetch_image("http://shop.example/", SETTINGS, Network(**{**vars(serve(endless)), "total_s": 5}))


@pytest.mark.parametrize(
    "response",
    [
        b"", b"garbage", b"SSH-2.0-OpenSSH_9.2 hello from inside\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 404 Nothing\r\nContent-Length: 17\r\n\r\nhello from inside",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", ok(b"hello from inside", b"Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello from inside",
    ],
)  # fmt: skip
def test_a_bad_answer_is_refused_and_not_repeated(serve: Serve, response: bytes) -> None:
    with pytest.raises(InvalidImage) as caught:
        fetch_image("http://shop.example/", SETTINGS, serve(says(response)))
    assert caught.value.code == "url_failed"
    assert "inside" not in str(caught.value)


def test_the_proxies_of_the_environment_are_not_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch_image("http://shop.example/", SETTINGS, serve(says(ok(b"pixels")))) == b"pixels"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with the openssl command")
def test_certificates_are_checked_against_the_name_in_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example", "-keyout", key,
         "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    asked: list[str] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.sni_callback = lambda connection, name, context: asked.append(name)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                with (
                    contextlib.suppress(ssl.SSLError),
                    server.wrap_socket(listener.accept()[0], server_side=True) as tls,
                ):
                    tls.recv(65_536)
                    tls.sendall(ok(b"pixels"))

    threading.Thread(target=answer, daemon=True).start()
    network = Network(
        resolve=lambda host, port: [PUBLIC],
        connect=lambda address, port, timeout_s: socket.create_connection(listener.getsockname(), timeout_s),
    )
    with listener:
        with pytest.raises(InvalidImage):
            fetch_image("https://shop.example/", SETTINGS, network)
        original = ssl.create_default_context
        monkeypatch.setattr(ssl, "create_default_context", lambda: original(cafile=certificate))
        assert fetch_image("https://shop.example/", SETTINGS, network) == b"pixels"
        assert set(asked) == {"shop.example"}
        with pytest.raises(InvalidImage):
            fetch_image("https://other.example/", SETTINGS, network)
