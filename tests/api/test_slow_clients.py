"""Slow and greedy clients: each loses its own connection at most, and the others are served meanwhile."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from problem_answers import problem_of
from small_server import LONG, read_all, running

from api.server.connections import Connection

POST = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
SLOW = {  # what hangs on after so many bytes; one thread serves all the others
    "nothing": b"",
    "part of the request line": b"GET / HT",
    "part of a header": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
    "part of a body": POST + b"x" * 1000,
    "part of a chunk": b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nx",
    "no interest in the answer": b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n",
    "no second request": b"GET /p HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW.keys())
def test_many_slow_clients_hold_no_thread(sent: bytes) -> None:
    with running(threads=1) as server, ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(server.connect(sent))
        server.wait_until(50)
        for path in ("/livez", "/p"):
            assert server.get(path).startswith(b"HTTP/1.1 200")


def test_health_is_answered_while_every_thread_is_at_work() -> None:
    with running(threads=2) as server, ExitStack() as stack:
        held = [stack.enter_context(server.connect(b"GET /hold HTTP/1.0\r\n\r\n")) for _ in range(5)]
        for _ in range(2):
            assert server.app.held.acquire(timeout=60)
        for path in ("/livez", "/readyz"):
            assert server.get(path).startswith(b"HTTP/1.1 200")
        server.app.released.set()
        assert all(read_all(sock).startswith(b"HTTP/1.0 200") for sock in held)


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_headers_that_do_not_end_in_time_are_answered_408(sent: bytes) -> None:
    with running(head_s=0.1) as server:
        assert problem_of(server.ask(sent))["status"] == 408


@pytest.mark.parametrize("kind", ["part of a body", "part of a chunk"])
def test_a_body_that_comes_too_slowly_is_answered_408(kind: str) -> None:
    with running(grace_s=0.1) as server:
        assert problem_of(server.ask(SLOW[kind]))["status"] == 408


def test_a_body_has_more_time_the_more_of_it_has_come() -> None:
    with running(grace_s=0.1, least_rate=10) as server, server.connect(POST) as sock:
        for _ in range(9):
            sock.sendall(b"x" * 1000)  # each is worth 100 s
            assert server.get("/p").startswith(b"HTTP/1.1 200")
        sock.sendall(b"x" * 891_000)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200")


def test_who_does_not_take_the_answer_is_cut_off() -> None:
    with running(threads=1, grace_s=0.1, least_rate=1e12) as server, server.connect(SLOW["no interest in the answer"]):
        server.wait_until(1)
        server.wait_until(0)


def test_who_takes_the_answer_gets_all_of_it() -> None:
    with running(threads=1) as server:
        assert len(server.get("/long").partition(b"\r\n\r\n")[2]) == LONG


def test_the_loop_does_not_try_again_and_again_to_send_what_a_thread_is_sending() -> None:
    here, there = socket.socketpair()
    with here, there, running() as server, ThreadPoolExecutor(1) as thread:
        connection = Connection(server.server, here, ("127.0.0.1", 1), server.server.adj, {})
        connection.outbufs[-1].append(b"answer")
        connection.total_outbufs_len = len(b"answer")
        thread.submit(connection.outbuf_lock.acquire).result()
        assert not connection.writable()
        thread.submit(connection.outbuf_lock.release).result()
        assert connection.writable()
        connection.handle_close()


@pytest.mark.parametrize("kind", ["nothing", "no second request"])
def test_an_idle_connection_is_closed_without_a_word(kind: str) -> None:
    with running(idle_s=0.1) as server:
        assert server.ask(SLOW[kind]).count(b"HTTP/1.1") == SLOW[kind].count(b"HTTP/1.1")


def test_one_connection_too_many_takes_the_place_of_the_one_that_waits_longest() -> None:
    with running(connections=3) as server, ExitStack() as stack:
        clients = []
        for number in range(1, 4):
            clients.append(stack.enter_context(server.connect(SLOW["part of the request line"])))
            server.wait_until(number)
        assert server.get("/p").startswith(b"HTTP/1.1 200")
        assert read_all(clients[0]) == b""
        for client in clients[1:]:
            client.sendall(b"TP/1.0\r\n\r\n")
            assert read_all(client).startswith(b"HTTP/1.0 200")


def test_a_request_at_work_keeps_its_place() -> None:
    with running(connections=1) as server, server.connect(b"GET /hold HTTP/1.0\r\n\r\n") as sock:
        assert server.app.held.acquire(timeout=60)
        with server.connect() as new:
            assert read_all(new) == b""
        server.app.released.set()
        assert read_all(sock).startswith(b"HTTP/1.0 200")


def test_the_longest_upload_makes_room_when_all_are_too_large_together() -> None:
    with running(bodies_bytes=1_500_000) as server, ExitStack() as stack:
        first = stack.enter_context(server.connect(POST + b"x" * 800_000))
        while not any(channel.body_bytes == 800_000 for channel in list(server.server.active_channels.values())):
            pass
        second = stack.enter_context(server.connect(POST + b"x" * 800_000))
        refused = read_all(first)
        assert b"\r\nRetry-After: 2\r\n" in refused
        assert problem_of(refused)["status"] == 503
        second.sendall(b"x" * 100_000)
        assert second.recv(1000).startswith(b"HTTP/1.1 200")
