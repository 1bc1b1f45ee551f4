"""Applies many product changes from one NDJSON body and answers each line in order."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from api.errors import BadRequest
from api.problems import DISK_FULL, INTERNAL, status_of
from api.requests import from_json
from api.writing import ProductWriter
from data.catalogue import PhotoRecord, Product, parse_product, readable_id
from data.errors import LookalikeError
from data.settings import Settings
from data.storage import is_full

_log = logging.getLogger("lookalike.api")
LINES = 20_000
LINE_BYTES = 256_000
BODY_LIMIT = 200_000_000
MOST_IMAGES = 10  # photos of one product
GROUP = 64  # products written in one transaction
Status = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One valid line, ready to be written."""

    line: int
    product: Product
    photos: Sequence[PhotoRecord] | None


def run_batch(body: IO[bytes], settings: Settings, writer: ProductWriter) -> list[Status]:
    """Applies the lines of `body` in order and returns their statuses; a bad line changes nothing.

    Args:
        body: NDJSON, each line a product or `{"product_id": ..., "delete": true}`; with `"purge": true` too, facts and
            photos are erased at once. `images` names files under `settings.image_roots`; without it a product keeps
            the photos that it has.

    Returns:
        One status per line: `line`, `product_id`, `status` (created, updated, unchanged, deleted, error) and, for an
        error, `code` and `detail`. A change that is not an error is durable.
    """
    statuses: list[Status] = []
    group: list[_Change] = []
    for number, line in enumerate(_lines(body), start=1):
        status: Status = {"line": number, "product_id": None}
        statuses.append(status)
        if number > LINES:
            detail = f"a batch must have at most {LINES} lines; this one and those after it were not read."
            status.update(status="error", code="too_many_lines", detail=detail)
            break
        try:
            fields = _fields(line)
            status["product_id"] = readable_id(fields) or None
            if fields.get("delete") is True:
                _write(group, statuses, writer)
                product_id = parse_product({"product_id": fields.get("product_id")}).product_id
                writer.delete(product_id, purge=fields.get("purge") is True)
                status["status"] = "deleted"
            else:
                photos = _photos(fields.get("images"), settings.image_roots, writer)
                group.append(_Change(line=number, product=parse_product(fields), photos=photos))
        except LookalikeError as error:
            status.update(_failed(error))
        if len(group) >= GROUP:
            _write(group, statuses, writer)
    _write(group, statuses, writer)
    return statuses


def _lines(body: IO[bytes]) -> Iterator[bytes]:
    """Yields lines that are not blank, each cut after `LINE_BYTES` + 1 bytes."""
    while line := body.readline(LINE_BYTES + 1):
        rest = line
        while len(rest) > LINE_BYTES and not rest.endswith(b"\n"):
            rest = body.readline(LINE_BYTES + 1)
        if line.strip():
            yield line


def _fields(line: bytes) -> Mapping[str, Any]:
    if len(line) > LINE_BYTES:
        raise BadRequest(f"a line must have at most {LINE_BYTES} bytes; got more.")
    fields = from_json(line)
    for name in ("delete", "purge"):
        if not isinstance(fields.get(name, False), bool):
            raise BadRequest(f"{name} must be true or false; got {json.dumps(fields[name])[:100]}.", field=name)
    if fields.get("purge") and not fields.get("delete"):
        raise BadRequest('purge goes with "delete": true; got purge alone.', field="purge")
    return fields


def _photos(names: Any, roots: Sequence[Path], writer: ProductWriter) -> list[PhotoRecord] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BadRequest("images must be a list of file paths.", field="images")
    if len(names) > MOST_IMAGES:
        raise BadRequest(f"images must be at most {MOST_IMAGES}; got {len(names):,}. Leave some out.", field="images")
    return [writer.take_in(_under_roots(name, roots)) for name in names]


def _under_roots(name: str, roots: Sequence[Path]) -> Path:
    """Returns the file that `name` means; links are followed before it is checked against the roots."""
    for root in roots:
        try:
            home = root.resolve()
            path = (home / name).resolve()
            if path.is_relative_to(home) and path.is_file():
                return path
        except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a zero byte
            break
    raise BadRequest(
        f"images must name files under the server's image roots (LOOKALIKE_IMAGE_ROOTS); got {name[:200]!r}.",
        field="images",
    )


def _write(group: list[_Change], statuses: list[Status], writer: ProductWriter) -> None:
    """Embeds and writes the waiting products in one transaction, fills in their statuses and empties `group`."""
    if not group:
        return
    try:
        outcomes = writer.put_many([(change.product, change.photos) for change in group])
        for change, outcome in zip(group, outcomes, strict=True):
            statuses[change.line - 1]["status"] = outcome
    except LookalikeError as error:
        for change in group:
            statuses[change.line - 1].update(_failed(error))
    group.clear()


def _failed(error: LookalikeError) -> Status:
    if is_full(error):
        _log.error("A batch line failed, the disk is full: %s", error)
        return {"status": "error", "code": "disk_full", "detail": DISK_FULL}
    if status_of(error) == 500:
        _log.error("A batch line failed: %s", error)
        return {"status": "error", "code": "internal", "detail": INTERNAL}
    return {"status": "error", "code": error.code, "detail": str(error)}
