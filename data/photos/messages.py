"""What goes to a decoder process and what comes back: length, JSON header and raw bytes; nothing is ever unpickled."""

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from data.photos.colours import COLOUR_NAMES
from data.photos.images import Photo

_LENGTHS = struct.Struct(">II")  # bytes of the header and of the body
_HEADER_LIMIT = 16_384
# kind of answer -> its fields
_FIELDS: dict[str, dict[str, type]] = {
    "ready": {},
    "photo": {name: get_origin(kind) or kind for name, kind in get_type_hints(Photo).items() if name != "pixels"},
    "refused": {"error": str, "code": str, "message": str},
    "defect": {"what": str},
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One photo to decode, and what of it is wanted.

    Attributes:
        target, crop, fit: see `images.decode_photo`.
        inside: only the part within the photo's borders, of which `target` is; then there is no `crop` and no `fit`.
        colours: the photo's colours, too.
        max_image_bytes, max_pixels: the settings of these names.
    """

    target: int | None = None
    crop: tuple[int, int, int, int] | None = None
    fit: int | None = None
    inside: bool = False
    colours: bool = False
    max_image_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class Reply:
    """What a decoder process answers.

    Attributes:
        kind: `ready` (once, after the start), `photo`, `refused` (as `images.decode_photo` does) or `defect` (any other
            exception).
        fields: JSON values of that kind.
        pixels: uint8 (h, w, 3), read-only; only of a `photo`.
    """

    kind: str
    fields: dict[str, Any]
    pixels: NDArray[np.uint8] | None = None


class BrokenReply(Exception):
    """The other side is gone, or sent what no decoder process sends."""


def send_request(connection: socket.socket, request: Request, content: bytes) -> None:
    _send(connection, vars(request), content)


def receive_request(connection: socket.socket) -> tuple[Request, bytes] | None:
    """Returns the next photo; None where the parent is gone or has closed the connection."""
    lengths = connection.recv(_LENGTHS.size, socket.MSG_WAITALL)
    if len(lengths) < _LENGTHS.size:
        return None
    header_bytes, body_bytes = _LENGTHS.unpack(lengths)
    header = connection.recv(header_bytes, socket.MSG_WAITALL)
    body = connection.recv(body_bytes, socket.MSG_WAITALL)
    if len(header) < header_bytes or len(body) < body_bytes:
        return None
    return Request(**json.loads(header)), body


def send_reply(connection: socket.socket, reply: Reply) -> None:
    pixels = None if reply.pixels is None else np.ascontiguousarray(reply.pixels)
    shape, body = (None, b"") if pixels is None else (pixels.shape, pixels.reshape(-1).data)
    _send(connection, {"kind": reply.kind, "fields": reply.fields, "shape": shape}, body)


def receive_reply(connection: socket.socket, max_pixels: int) -> Reply:
    """Returns the answer of a decoder process, of which nothing is believed: photos may have taken it over.

    Args:
        max_pixels: a larger picture is no answer.

    Raises:
        BrokenReply: the process ended or sent something else than an answer.
        TimeoutError: the connection's timeout passed.
    """
    lengths = bytearray(_LENGTHS.size)
    if not _fill(connection, lengths):
        raise BrokenReply("it ended")
    header_bytes, body_bytes = _LENGTHS.unpack(lengths)
    if header_bytes > _HEADER_LIMIT or body_bytes > 3 * max_pixels:
        raise BrokenReply("its answer is too long")
    header, body = bytearray(header_bytes), np.empty(body_bytes, np.uint8)
    if not _fill(connection, header) or not _fill(connection, body.data):
        raise BrokenReply("it ended within an answer")
    return _parsed(header, body)


def _parsed(header: bytes | bytearray, body: NDArray[np.uint8]) -> Reply:
    try:
        message = json.loads(header)
        kind, fields, shape = message["kind"], message["fields"], message["shape"]
        if kind == "photo":
            fields["colours"] = tuple(fields["colours"])
            if sorted(set(fields["colours"]) & COLOUR_NAMES.keys()) != sorted(fields["colours"]):
                raise BrokenReply("its answer names unknown colours, or one twice")
        if kind not in _FIELDS or {name: type(value) for name, value in fields.items()} != _FIELDS[kind]:
            raise BrokenReply("its answer is of no known kind")
        if kind != "photo":
            return Reply(kind, fields)
        height, width = (int(side) for side in shape[:2])
        if min(height, width) < 0 or height * width * 3 != len(body):
            raise BrokenReply("its answer has another size than it says")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BrokenReply("its answer cannot be read") from error
    body.flags.writeable = False
    return Reply(kind, fields, body.reshape(height, width, 3))


def _send(connection: socket.socket, header: dict[str, Any], body: Any) -> None:
    encoded = json.dumps(header).encode()
    start = _LENGTHS.pack(len(encoded), len(body)) + encoded
    sent = connection.sendmsg((start, body))  # most photos go in one call
    if sent < len(start):
        connection.sendall(start[sent:])
    connection.sendall(memoryview(body)[max(0, sent - len(start)) :])


def _fill(connection: socket.socket, buffer: bytearray | memoryview) -> bool:
    """Reads until `buffer` is full; returns False where the other side ends first."""
    left = memoryview(buffer)
    while left:
        count = connection.recv_into(left)
        if not count:
            return False
        left = left[count:]
    return True
