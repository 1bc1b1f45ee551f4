"""Reads request bodies from untrusted clients: checks their type and size, and returns their file parts."""

from collections.abc import Sequence

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from api.errors import BadRequest
from data.errors import ImageTooLarge

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
# Limit of one plain field of a form. Werkzeug limits its parsing buffer by it too, also for file parts: a chunk of
# 64 KiB and the rest of the chunk before must fit.
FORM_BYTES = 160_000
MOST_PARTS = 140  # parts of one form: a field for each option of a search, liked and unliked products, and photos


def limit_body(file_bytes: int, *, form_bytes: int = FORM_BYTES, parts: int = MOST_PARTS) -> None:
    """Sets the size limits of this request's body; a larger one is answered 413. Call before reading the body."""
    request.max_content_length = body_bytes(file_bytes, form_bytes=form_bytes)
    request.max_form_memory_size = form_bytes
    request.max_form_parts = parts


def body_bytes(file_bytes: int, *, form_bytes: int = FORM_BYTES) -> int:
    """Returns how many bytes a body with so many in its file parts and in each plain field may have in all."""
    return file_bytes + form_bytes + 16_000  # the last: boundaries and part headers


def require_type(*media_types: str) -> None:
    """Raises UnsupportedMediaType (415) unless the body is of one of `media_types`."""
    if request.mimetype not in media_types:
        got = request.mimetype or "none"
        raise UnsupportedMediaType(f"Content-Type must be one of {', '.join(media_types)}; got {got}.")


def read_body() -> bytes:
    """Returns the whole body, which must be smaller than `limit_body` allows.

    Raises:
        RequestEntityTooLarge: the body is larger. Flask checks the length that a client names; a chunked body names
            none and would be cut off silently.
    """
    body = request.get_data()
    if request.max_content_length is not None and len(body) >= request.max_content_length:
        raise RequestEntityTooLarge
    return body


def read_part(name: str, limit_bytes: int) -> bytes | None:
    """Returns the bytes of the one file part `name`; None when there is none.

    Raises:
        BadRequest: the part comes twice or is a plain field, or there is a file part of another name.
        ImageTooLarge: the part is over `limit_bytes`.
    """
    contents = read_parts(name, limit_bytes, 1)
    return contents[0] if contents else None


def read_parts(name: str, limit_bytes: int, limit_parts: int, *, beside: Sequence[str] = ()) -> list[bytes]:
    """Returns the bytes of the file parts `name`, at most `limit_parts`, each at most `limit_bytes`.

    Args:
        beside: names of other file parts that the form may have.

    Raises:
        BadRequest: there are too many, one is a plain field, or there are file parts of another name.
        ImageTooLarge: a part is over `limit_bytes`.
    """
    if request.mimetype != "multipart/form-data":
        return []
    parts = request.files.getlist(name)
    if name in request.form:
        raise BadRequest(f"{name} must be a file part with a file name; got a plain field.", field=name)
    if len(parts) > limit_parts:
        raise BadRequest(f"at most {limit_parts} parts `{name}` may be given; got {len(parts)}.", field=name)
    others = sorted(set(request.files) - {name, *beside})
    if others:
        raise BadRequest(f"file parts must be named {name}; got {others[0][:100]!r}.", field=others[0][:100])
    named = [(part.filename, part.stream.read(limit_bytes + 1)) for part in parts]
    contents = [content for name, content in named if name or content]  # a form sends neither where none was chosen
    for number, content in enumerate(contents, start=1):
        if len(content) > limit_bytes:
            raise ImageTooLarge(f"part `{name}` number {number} must have at most {limit_bytes} bytes; got more.")
    return contents
