"""Runs the app for a request, or answers the server's own errors; writes one line of the access log for each."""

import time
from http import HTTPStatus
from typing import Any

from waitress.task import ErrorTask, Task, WSGITask

from api.problems import INTERNAL, RETRY_AFTER_S, code_of, problem
from api.protection import SECURITY_HEADERS

_LOGGED_CHARACTERS = 1_000  # of a path


class _Logged(Task):
    def build_response_header(self) -> bytes:
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header

    def service(self) -> None:
        try:
            super().service()
        finally:
            if self.wrote_header:
                self.channel.server.log_access(self._line())

    def _line(self) -> dict[str, Any]:
        """Returns the entry of the access log; never a query string, a header or a body."""
        return {
            "method": self.request.command or None,
            "path": _readable(self.request.path) or None,
            "status": int(self.status[:3]),
            "bytes": self.content_bytes_written or self.content_length or 0,
            "ms": round((time.monotonic() - self.request.ended) * 1000, 1),
            "from": self.channel.addr[0],
        }


class Answer(_Logged, WSGITask):
    """What the app answers."""


class Refusal(_Logged, ErrorTask):
    """The server's own errors, as problem JSON. The connection ends with it."""

    def execute(self) -> None:
        error = self.request.error
        status = HTTPStatus(error.code)
        answer = problem(status, code_of(status), INTERNAL if status == 500 else str(error.body)[:500])
        if status == 503:
            answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.extend(
            [*answer.headers.items(), *SECURITY_HEADERS.items(), ("Cache-Control", "no-store")]
        )
        self.set_close_on_finish()
        self.channel.linger()
        body = answer.get_data()
        self.content_length = len(body)
        self.write(body)


def _readable(path: str) -> str:
    """Returns the beginning of a path, as WSGI has it, with UTF-8 in it as text and other bytes as `\\xNN`."""
    return path[:_LOGGED_CHARACTERS].encode("latin-1").decode("utf-8", "backslashreplace")
