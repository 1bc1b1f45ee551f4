"""Cursors that work at any searcher: they name their release, and carry the question that they page through.

A question with a photo is not carried: with the cursor alone, only the searcher that answered it knows it.
"""

import base64
import binascii
import dataclasses
import json
import zlib
from typing import Any

from api.requests import CURSOR_LIMIT, SEARCH_OPTIONS, check_fields
from api.resources import follower, resources, use
from data.generations import is_generation_id
from engine.errors import InvalidQuery
from engine.search import SearchRequest

_MOST_BYTES = 20_000
_NOT_CARRIED = ("image", "more_images", "cursor", "k")
_OF_THE_PAGE = ("less_likely", "closest")
_CARRIED = (*(name for name in SEARCH_OPTIONS if name not in _NOT_CARRIED), "product_id", "box", *_OF_THE_PAGE)


def next_cursor(request: SearchRequest, cursor: str | None) -> str | None:
    """Returns the cursor to give to the client, made of the engine's own; on a server of its own, that itself."""
    release = resources().release
    if not release or cursor is None:
        return cursor
    return _encode([release, cursor, _question(request)]) or _encode([release, cursor, {}])


def given_cursor(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of a search with the engine's own cursor, and lets the release that it is of answer.

    Raises:
        InvalidQuery: the cursor is none; CursorExpired: its release is gone.
        ReleaseNotHere: its release has not come yet.
    """
    following = follower()
    if following is None or not fields.get("cursor"):
        return fields
    release, cursor, question = _decode(fields["cursor"])
    use(following.of(release))
    mine = {**fields, "cursor": cursor}
    return mine if SearchRequest(**mine).asks else {**mine, **question}


def _question(request: SearchRequest) -> dict[str, Any]:
    """Returns what was asked as JSON values, without what was left out; {} if there was a photo."""
    if request.image is not None or request.also:
        return {}
    fields = ((field.name, getattr(request, field.name), field.default) for field in dataclasses.fields(request))
    return {name: value for name, value, default in fields if name in _CARRIED and value != default}


def _encode(parts: list[Any]) -> str:
    """Returns the url-safe text; "" if it would be too long."""
    plain = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    text = base64.urlsafe_b64encode(zlib.compress(plain, 9)).decode().rstrip("=")
    return text if len(text) <= CURSOR_LIMIT and len(plain) <= _MOST_BYTES else ""


def _decode(text: str) -> tuple[str, str, dict[str, Any]]:
    try:
        packed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed, _MOST_BYTES)
        release, cursor, question = json.loads(plain)
        if not (unpacking.eof and is_generation_id(release) and isinstance(cursor, str)):
            raise ValueError
        return release, cursor, check_fields(dict(question), _CARRIED)
    except (binascii.Error, RecursionError, TypeError, ValueError, zlib.error) as error:
        raise InvalidQuery(
            f"cursor must be the next_cursor of an earlier answer; got {text[:60]!r}.", field="cursor"
        ) from error
