"""Random changes of a few products over HTTP, and the plain model that says what each must have answered.

    python product_changes.py HOME SEED CHANGES

It prints a line when it is ready and waits for one on standard input, so that several start together.
Then it prints one `Change` a line as JSON.
"""

import hashlib
import io
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fake_engine import FakeEngine
from flask.testing import FlaskClient
from PIL import Image

from api.app import create_app
from data.catalogue import Catalogue
from data.settings import Settings

IDS = ("a", "b")
KINDS = ("put", "put photo", "patch", "patch", "delete", "delete", "purge", "get", "batch")
COLOURS = ("red", "blue")
State = tuple[str, str, str] | None  # title, brand, sha256 of its photo; None: there is no such product
DELETED: State = ("", "", "")  # its facts and photos are still kept


@dataclass(frozen=True)
class Change:
    """One change that was asked for, and what the server answered.

    Attributes:
        kind: put, patch, delete, purge or get.
        value: the new title of a put, the new brand of a patch.
        photo: sha256 of the photo that came with it; "": none.
        status: the HTTP status, or the status of the line of a batch.
        state: the product in the answer; None where it holds none.
        started, ended: nanoseconds of the machine's monotonic clock.
    """

    product_id: str
    kind: str
    value: str
    photo: str
    status: int | str
    state: State
    started: int
    ended: int


def live(state: State) -> State:
    """Returns the state that others see: None of a deleted product."""
    return None if state == DELETED else state


def after(state: State, change: Change) -> State:
    """Returns the state that `change` leaves: the plain model."""
    seen = live(state)
    if change.kind == "put":
        return change.value, "", change.photo or (seen[2] if seen else "")
    if change.kind == "patch" and seen:
        return seen[0], change.value, seen[2]
    if change.kind == "delete" and seen:
        return DELETED
    return None if change.kind == "purge" else state


def fits(before: State, change: Change) -> bool:
    """Returns whether the answer to `change` is right where the product was in the state `before`."""
    seen, left = live(before), live(after(before, change))
    found = before if change.kind == "purge" else seen
    if isinstance(change.status, str):
        expected = "updated" if seen else "created"
        if change.kind in ("delete", "purge"):
            expected = "deleted" if found else "error"
        return change.status == ("unchanged" if seen is not None and left == seen else expected)
    if change.kind == "put":
        return (change.status, change.state) == (200 if seen else 201, left)
    if change.kind in ("delete", "purge"):
        return change.status == (204 if found else 404)
    return (change.status, change.state) == (200 if seen else 404, left)


def explained(first: Sequence[Change], second: Sequence[Change], last: State) -> bool:
    """Returns whether some order of the changes of one product, made by two processes, explains all their answers.

    Each process's own order is kept, and a change that ended before another began comes before it.
    """
    reached: set[tuple[int, int, State]] = {(0, 0, None)}
    while reached:
        if any((done, other) == (len(first), len(second)) and live(state) == last for done, other, state in reached):
            return True
        reached = {found for at in reached for found in _next(at, first, second)}
    return False


def _next(
    at: tuple[int, int, State], first: Sequence[Change], second: Sequence[Change]
) -> Iterator[tuple[int, int, State]]:
    """Yields how many changes of each process may have happened one step later, and the state they leave."""
    done, other_done, state = at
    mine = first[done] if done < len(first) else None
    theirs = second[other_done] if other_done < len(second) else None
    if mine and not (theirs and theirs.ended < mine.started) and fits(state, mine):
        yield done + 1, other_done, after(state, mine)
    if theirs and not (mine and mine.ended < theirs.started) and fits(state, theirs):
        yield done, other_done + 1, after(state, theirs)


def main(home: Path, seed: int, count: int) -> None:
    client = create_app(Settings(home=home), FakeEngine(Catalogue(home))).test_client()
    chance = random.Random(seed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(count):
        for change in _ask(client, chance, f"{seed}-{number}"):
            sys.stdout.write(json.dumps(asdict(change)) + "\n")


def _ask(client: FlaskClient, chance: random.Random, value: str) -> list[Change]:
    kind, product_id, colour = chance.choice(KINDS), chance.choice(IDS), chance.choice(COLOURS)
    started = time.monotonic_ns()
    if kind == "batch":
        return _batch(client, chance, value)
    if kind in ("put", "put photo"):
        data: dict[str, Any] = {"product": json.dumps({"title": value})}
        if kind == "put photo":
            data["image"] = (io.BytesIO(photo(colour)), "photo.png")
        response = client.put(f"/v1/products/{product_id}", data=data, content_type="multipart/form-data")
    elif kind == "patch":
        response = client.patch(f"/v1/products/{product_id}", json={"brand": value})
    elif kind == "purge":
        response = client.delete(f"/v1/products/{product_id}?purge=true")
    else:
        response = client.open(f"/v1/products/{product_id}", method=kind.upper())
    state = _state(response.get_json()) if response.status_code in (200, 201) else None
    sent = hashlib.sha256(photo(colour)).hexdigest() if kind == "put photo" else ""
    ended = time.monotonic_ns()
    return [Change(product_id, kind.split()[0], value, sent, response.status_code, state, started, ended)]


def _batch(client: FlaskClient, chance: random.Random, value: str) -> list[Change]:
    ids, kinds = chance.choices(IDS, k=3), chance.choices(("delete", "purge", "put", "put"), k=3)
    fields: dict[str, dict[str, Any]] = {
        "delete": {"delete": True},
        "purge": {"delete": True, "purge": True},
        "put": {"title": value},
    }
    lines = [{"product_id": product_id, **fields[kind]} for product_id, kind in zip(ids, kinds, strict=True)]
    started = time.monotonic_ns()
    body = "\n".join(map(json.dumps, lines))
    answer = client.post("/v1/products:batch", data=body, content_type="application/x-ndjson").get_data(as_text=True)
    ended = time.monotonic_ns()
    return [
        Change(product_id, kind, value, "", json.loads(status)["status"], None, started, ended)
        for product_id, kind, status in zip(ids, kinds, answer.splitlines(), strict=True)
    ]


def _state(document: dict[str, Any]) -> State:
    return document["title"], document["brand"], "".join(image["image_id"] for image in document["images"])


def photo(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    return out.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
