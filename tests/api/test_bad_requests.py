"""What the server itself refuses: problem JSON like every other error, and one line of JSON in the log for each."""

import contextlib
import json
import logging
import socket

import pytest
from problem_answers import problem_of
from small_server import BODY_LIMIT, Running, read_all, running

from api.server.connections import Connection
from api.server.limits import HEAD_BYTES, LINE_BYTES, PIPELINED
from api.server.log import JsonLines

HEAD = b"POST /p HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "a header without a colon": (b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", 400),
    "a line break alone": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\nX-B: c\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "a length that is no number": (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "a length and chunks": (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks and a length": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (b"POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "an unknown encoding": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "a chunk without a size": (CHUNKED + b"zz\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"1\r\nxxx\r\n", 400),
    "chunks of one byte": (CHUNKED + b"1\r\nx\r\n" * 20_000, 400),
    "a chunk's size without an end": (CHUNKED + b"1;" + b"x" * 100_000, 400),
    "a trailer without an end": (CHUNKED + b"0\r\nX-A: " + b"x" * 100_000, 400),
    "a body that is too long": (HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
    "a chunk that is too long": (CHUNKED + b"%x\r\n" % (BODY_LIMIT + 1), 413),
    "chunks that are too long together": (CHUNKED + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 20, 413),
    "a long path": (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * LINE_BYTES), 414),
    "a very long path": (b"GET /" + b"a" * 100_000, 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * HEAD_BYTES, 431),
    "an error in the app": (b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", 500),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_every_refusal_is_a_problem(sent: bytes, status: int) -> None:
    with running() as server:
        problem = problem_of(server.ask(sent))
    assert problem["status"] == status
    assert problem["detail"]
    assert "planted" not in problem["detail"]


def test_a_client_that_is_still_sending_reads_why_it_was_refused() -> None:
    with running() as server, server.connect(HEAD + b"Content-Length: 9000000\r\n\r\n") as sock:
        server.wait_until(1)
        sock.sendall(b"x" * 9_000_000)  # more than lies on the way: the server takes it, and keeps none of it
        assert problem_of(read_all(sock))["status"] == 413


def test_an_answer_that_ends_while_it_is_sent_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that answers may finish while the loop sends; a closed connection would lose what the client sent."""
    here, there = socket.socketpair()
    with here, there, running() as server:
        connection = Connection(server.server, here, ("127.0.0.1", 1), server.server.adj, {})
        connection.linger()
        monkeypatch.setattr(connection, "_flush_exception", lambda _: setattr(connection, "close_when_flushed", True))
        connection.handle_write()
        assert not connection.will_close
        assert there.recv(1) == b""  # all has been said, and the connection still reads
        there.sendall(b"x")
        assert here.recv(1) == b"x"
        connection.handle_close()


def test_who_sends_on_after_a_refusal_is_cut_off() -> None:
    with running(linger_s=0.1) as server, server.connect(b"nonsense\r\n\r\n") as sock:
        assert problem_of(read_all(sock))["status"] == 400
        server.wait_until(0)


def test_a_body_is_asked_for_only_if_it_is_wanted() -> None:
    expect = b"Expect: 100-continue\r\nConnection: close\r\n"
    with running() as server:
        with server.connect(HEAD + expect + b"Content-Length: 3\r\n\r\n") as sock:
            assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"abc")
            assert read_all(sock).startswith(b"HTTP/1.1 200")
        too_long = server.ask(HEAD + expect + b"Content-Length: 9000000\r\n\r\n")
        assert problem_of(too_long)["status"] == 413
        assert server.ask(b"GET /p HTTP/1.1\r\nHost: x\r\n" + expect + b"\r\n").startswith(b"HTTP/1.1 200")


def test_requests_sent_ahead_are_answered_in_order_and_are_few() -> None:
    def posts(count: int) -> bytes:
        return b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % at + b"x" * at for at in range(count))

    with running() as server:
        answers = server.ask(posts(PIPELINED - 1) + HEAD + b"Connection: close\r\n\r\n").split(b"HTTP/1.1 200 OK\r\n")
        assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers[1:]] == [
            *(b"%d" % at for at in range(PIPELINED - 1)),
            b"0",
        ]
        with server.connect(posts(1000)) as sock:
            with contextlib.suppress(ConnectionResetError):
                assert read_all(sock).count(b"200 OK") <= PIPELINED
            server.wait_until(0)


def test_a_stopping_server_answers_what_runs_and_says_that_it_closes() -> None:
    with running(threads=1) as server, server.connect(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n") as sock:
        assert server.app.held.acquire(timeout=60)
        server.server.stop()
        server.app.released.set()
        assert b"\r\nConnection: close\r\n" in read_all(sock)


def logged(caplog: pytest.LogCaptureFixture, server: Running, sent: bytes) -> dict[str, object]:
    """Returns the entry of the access log for a request; its line must be one line of JSON."""
    caplog.clear()
    server.ask(sent)
    (record,) = [record for record in caplog.records if record.name == "lookalike.access"]
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    entry: dict[str, object] = json.loads(line)
    return entry


@pytest.mark.parametrize("named", [True, False])
def test_the_access_log_has_one_line_of_json_whatever_the_path_holds(
    named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lookalike.access")
    paths = {
        "/plain?token=hunter2": "/plain",
        "/%EA%B0%80": "/가",
        "/%ff%00%0a%22%5c": '/\\xff\0\n"\\',
        "/\xc2\x85\xea\xb0\x80%E2%80%A8": "/\x85가\u2028",
    }
    with running(log_addresses=named) as server:
        for path, shown in paths.items():
            entry = logged(caplog, server, f"GET {path} HTTP/1.0\r\n\r\n".encode("latin-1"))
            assert (entry["method"], entry["path"], entry["status"], entry["bytes"]) == ("GET", shown, 200, 1)
            assert entry["from"] == ("127.0.0.1" if named else None)
        refused = logged(caplog, server, REFUSED["a very long path"][0])
        assert (refused["method"], refused["path"], refused["status"]) == (None, None, 414)
        assert "hunter2" not in caplog.text


def test_other_lines_of_the_log_are_json_too() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError as error:
        found = (type(error), error, error.__traceback__)
    record = logging.LogRecord("lookalike.x", logging.ERROR, "", 0, "%s failed", ("/\n\x1b[31m\ud800",), found)
    entry = json.loads(JsonLines().format(record))
    assert (entry["level"], entry["logger"], entry["message"]) == ("ERROR", "lookalike.x", "/\n\x1b[31m\ud800 failed")
    assert "ValueError" in entry["error"]
