"""Reads the problems (RFC 9457) in raw HTTP answers."""

import json
from typing import Any


def problem_of(answer: bytes) -> dict[str, Any]:
    """Returns an answer's problem, which must be the whole and only answer, and the last on its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head, answer[:1000]
    assert b"\r\nConnection: close\r\n" in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    problem: dict[str, Any] = json.loads(body)
    assert head.split()[1] == str(problem["status"]).encode()
    return problem
