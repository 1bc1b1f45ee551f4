"""Reads requests as their bytes come in, and refuses what is too long, ambiguous or too slow."""

import re
import time

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge, RequestHeaderFieldsTooLarge

from api.server.limits import HEAD_BYTES, LINE_BYTES, BodyLimit

_PIECE_BYTES = 4_096  # of a chunked body read at once: waitress copies all of a piece for each chunk in it

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")  # curl and others send UTF-8 as it is; waitress wants it percent-encoded


class UriTooLong(Error):
    code = 414


class TooSlow(Error):
    code = 408


class NoRoom(Error):
    code = 503


class Request(HTTPRequestParser):
    """One request as it comes in.

    Attributes:
        started, ended: when its first and its last byte came, in seconds of `time.monotonic`.
    """

    def __init__(self, adj: Adjustments, *, body_limit: BodyLimit) -> None:
        super().__init__(adj)
        self._body_limit, self._most_bytes = body_limit, 0
        self.started = self.ended = time.monotonic()
        self.command = self.path = ""  # until they are known

    def received(self, data: bytes) -> int:
        """Takes bytes and returns how many of them belong to this request and were read."""
        if self.chunked:
            data = data[:_PIECE_BYTES]
        line = b"" if self.headers_finished else (self.header_plus + data).lstrip()[: LINE_BYTES + 1]
        consumed: int = super().received(data)
        if isinstance(self.error, RequestHeaderFieldsTooLarge):
            self.command = self.path = ""  # waitress puts another request in the place of this one
            if b"\r\n" not in line:
                self.refuse(_too_long())
        elif self.chunked and not self.completed:
            self._check_chunks()
        if self.error or self.body_rcv is None:
            self.expect_continue = False  # no body is wanted
        if self.completed:
            self.ended = time.monotonic()
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Reads the headers, and refuses those that two servers might understand differently."""
        line, end, rest = header_plus.partition(b"\r\n")
        super().parse_header(_BEYOND_ASCII.sub(lambda found: b"%%%02X" % ord(found[0]), line) + end + rest)
        if self.error:
            return
        encoded = self.chunked or "TRANSFER_ENCODING" in self.headers  # the latter: in HTTP/1.0
        if encoded and (self.version != "1.1" or "CONTENT_LENGTH" in self.headers):
            raise ParsingError("a body must have a Content-Length, or in HTTP/1.1 a Transfer-Encoding; got both.")
        if self.version == "1.1" and "HOST" not in self.headers:
            raise ParsingError("a request must have a Host header; got none.")
        self._most_bytes = self._body_limit(self.command, self.path)
        if len(self.request_uri) > LINE_BYTES:
            self.refuse(_too_long())
        elif self.content_length > self._most_bytes:
            self.refuse(self._too_large())

    def refuse(self, error: Error) -> None:
        """Ends the request here: no more of it is read, and `error` is answered."""
        self.error, self.completed, self.ended = error, True, time.monotonic()

    def _check_chunks(self) -> None:
        stored = len(self.body_rcv)
        if stored + self.body_rcv.chunk_remainder > self._most_bytes:
            self.refuse(self._too_large())
        elif self.body_bytes_received > 2 * stored + HEAD_BYTES:
            self.refuse(BadRequest("chunks must hold more bytes than they need themselves; got smaller ones."))

    def _too_large(self) -> Error:
        return RequestEntityTooLarge(f"the request must be smaller; its limit is {self._most_bytes} bytes in all.")


def _too_long() -> Error:
    return UriTooLong(f"path and query must have at most {LINE_BYTES} bytes; got more.")
