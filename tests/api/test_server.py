"""The real server process: when it listens, how it drains on SIGTERM, comes back after a kill, bears slow clients."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from api.resources.admission import Admission
from api.resources.readiness import Readiness
from data.catalogue import Catalogue
from data.keys import Keys
from data.settings import Settings

Photo = Callable[..., bytes]


class Server:
    """A `lookalike serve` process on a free port."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        self.log = log
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log.open("w"), text=True, env={**os.environ, **environment}
        )
        assert self.process.stdout
        lines = iter(self.process.stdout.readline, "")
        self.line = next((line for line in lines if "http://" in line), "")
        found = re.search(r"http://([\d.]+):(\d+)", self.line)
        assert found, self.line + log.read_text()
        self.host, self.port = found[1], int(found[2])

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        with closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def serve(home: Path, *options: str) -> list[str]:
    """Returns the command that serves `home`, which is a new shop's where it was not there."""
    if not (home / "catalog.db").exists():
        Catalogue(home)
    return [sys.executable, "-m", "lookalike", "--home", str(home), "serve", "--port", "0", *options]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(serve(folder / "home"), folder / "log")
    yield server
    server.process.kill()
    server.process.wait()


def put_request(server: Server, product_id: str) -> bytes:
    boundary = "frontier"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="product"\r\n\r\n{{}}\r\n--{boundary}--\r\n'
    head = (
        f"PUT /v1/products/{product_id} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n"
    )
    return (head + body).encode()


def connect(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=60)


def test_without_a_generation_it_serves_and_says_what_it_waits_for(shared: Server) -> None:
    assert "nothing has been published yet" in shared.line
    status, body = shared.ask("GET", "/readyz")
    assert (status, "lookalike rebuild" in json.loads(body)["detail"]) == (503, True)
    assert shared.ask("GET", "/livez")[0] == 200
    assert shared.ask("GET", "/v1/search/text?q=x")[0] == 503
    assert b"Nothing to search yet" in shared.ask("GET", "/")[1]


def test_it_computes_products_in_one_thread(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from threadpoolctl import threadpool_info
import api.server.process
from data.settings import Settings
def create_app(settings, **_):
    print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
    raise SystemExit
api.server.process.create_app = create_app
api.server.serve(Settings(home=Path(sys.argv[1])), "127.0.0.1", 0)
"""
    assert subprocess.check_output([sys.executable, "-c", script, str(tmp_path)], text=True) == "{1}\n"


def test_a_port_in_use_is_a_clear_error(shared: Server, tmp_path: Path) -> None:
    command = [*serve(tmp_path), "--port", str(shared.port)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert f"got {shared.host}:{shared.port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_damaged_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is no database" * 1000)
    refused = subprocess.run(serve(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "catalog.db" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_body_without_a_length_is_limited_too(shared: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * 64_000

    status, _ = shared.ask("POST", "/v1/search/text", chunks(), {"Content-Type": "application/json"})
    assert status == 413


def test_a_batch_may_come_in_chunks(shared: Server) -> None:
    lines = (json.dumps({"product_id": f"c{number}"}).encode() + b"\n" for number in range(200))
    status, body = shared.ask("POST", "/v1/products:batch", lines, {"Content-Type": "application/x-ndjson"})
    assert status == 200
    assert [json.loads(line)["status"] for line in body.splitlines()] == ["created"] * 200


def test_a_killed_server_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    server = Server(serve(tmp_path / "home"), tmp_path / "log")
    form = {"Content-Type": "multipart/form-data; boundary=frontier"}
    body = put_request(server, "x").split(b"\r\n\r\n", 1)[1]
    for number in range(5):
        assert server.ask("PUT", f"/v1/products/kept{number}", body, form)[0] == 201
    server.process.kill()
    server.process.wait()
    assert all(Catalogue(tmp_path / "home").get(f"kept{number}") for number in range(5))


def test_the_access_log_is_json_without_query_strings(shared: Server) -> None:
    shared.ask("GET", "/v1/products/logged?token=hunter2", headers={"Authorization": "Bearer hunter2"})
    logged = wait_for_line(shared.log, '"path": "/v1/products/logged"')
    assert (logged["status"], logged["method"]) == (404, "GET")
    assert "hunter2" not in shared.log.read_text()


def wait_for_line(log: Path, part: str) -> dict[str, Any]:
    """Returns the entry with `part` in it, once it is there: a request is logged after its answer was sent."""
    for _ in range(1000):
        for line in log.read_text().splitlines(keepends=True):
            if part in line and line.endswith("\n"):
                entry: dict[str, Any] = json.loads(line)
                return entry
        time.sleep(0.01)
    raise AssertionError(log.read_text())


def test_sigterm_lets_a_running_request_end(tmp_path: Path) -> None:
    server = Server(serve(tmp_path / "home"), tmp_path / "log")
    with connect(server) as client:
        request = put_request(server, "last")
        client.sendall(request[:-10])
        assert server.ask("GET", "/livez")[0] == 200  # so the worker has taken the one before
        stopped: list[int] = []
        stopping = threading.Thread(target=lambda: stopped.append(server.stop()))
        stopping.start()
        while not refuses(server):
            pass
        client.sendall(request[-10:])
        assert client.recv(1000).startswith(b"HTTP/1.1 201")
    stopping.join()
    assert stopped == [0]
    assert Catalogue(tmp_path / "home").get("last")


def refuses(server: Server) -> bool:
    try:
        connect(server).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the queue when the listener closed
        return True
    return False


@pytest.mark.parametrize("arguments", [("serve",), ("demo", "--products", "3")])
def test_it_starts_in_a_folder_that_holds_modules_of_the_same_names(
    efficientnet_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    Catalogue(efficientnet_home)
    for name in ("api", "data", "engine", "indexer", "lookalike", "training"):
        (folder / f"{name}.py").write_text("raise SystemExit('a module of the current folder was taken')")
    monkeypatch.chdir(folder)
    command = [str(Path(sys.executable).with_name("lookalike")), "--home", str(efficientnet_home)]
    server = Server([*command, *arguments, "--port", "0"], tmp_path / "log", LOOKALIKE_BACKBONE="efficientnet_lite2")
    assert server.ask("GET", "/livez")[0] == 200
    assert server.stop() == 0


def test_an_open_server_off_loopback_says_so(tmp_path: Path) -> None:
    warned = []
    for host, with_key in (("127.0.0.1", False), ("0.0.0.0", False), ("0.0.0.0", True)):  # noqa: S104
        if with_key:
            Keys(tmp_path / "home").create(["admin"])
        server = Server(serve(tmp_path / "home", "--host", host, "--insecure"), tmp_path / "log")
        server.process.kill()
        server.process.wait()
        warned.append("WARNING" in server.log.read_text())
    assert warned == [False, True, False]


def test_the_first_publish_is_picked_up(settings: Settings) -> None:
    catalogue = Catalogue(settings.home)
    engine = FakeEngine(catalogue)
    engine.generation = None
    readiness = Readiness(engine, Admission(slots=1, queue_size=1, deadline_s=1), catalogue)
    waiting, ready = threading.Event(), threading.Event()
    readiness.start(ready.set, lambda _reason: waiting.set())
    assert waiting.wait(10)
    assert "nothing has been published" in readiness.failure()
    engine.generation = "first"
    assert ready.wait(10)
    assert readiness.failure() == ""
    readiness.stop()
    assert readiness.failure() == "the server is stopping"
