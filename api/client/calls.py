"""The client's calls: one method for each thing that the HTTP API does, with typed answers."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import quote, urlencode

from api.client.answers import (
    BatchStatus,
    Completion,
    EventsAnswer,
    Product,
    Recognition,
    SearchAnswer,
    Status,
    read,
)
from api.client.connection import Connection

PhotoFile = str | Path | bytes
Box = tuple[float, float, float, float]
_Fields = list[tuple[str, Any]]


class SearchOptions(TypedDict, total=False):
    """What every search takes; docs/http.md says what each means."""

    not_text: str
    text_weight: float
    filter: str
    k: int
    cursor: str
    diversity: float
    freshness: float
    min_probability: float
    legs: str
    understand: bool
    facets: str
    sort: str
    max_per: str
    like: Sequence[str]
    unlike: Sequence[str]


class Client:
    """A Lookalike server, called over HTTP; safe to use from several threads.

    A photo is the path of an image file, or its bytes. Every method raises `ClientError` where the server refuses or
    does not answer; its `status`, `title`, `detail` and `code` say why.

    Example: lookalike.Client("http://127.0.0.1:8080").search("red mug", filter="price < 40").hits

    Args:
        url: address of the server.
        key: API key, if the server asks for one.
        timeout_s: seconds to wait for each part of an answer.
        retries: how often a request is sent again where the server is busy or the connection is lost.
    """

    def __init__(self, url: str, key: str = "", *, timeout_s: float = 30.0, retries: int = 3) -> None:
        self._connection = Connection(url, key, timeout_s=timeout_s, retries=retries)

    def __repr__(self) -> str:
        return f"lookalike.Client({self._connection.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that were kept open."""
        self._connection.close()

    def search(
        self, text: str = "", *, image: PhotoFile | Sequence[PhotoFile] | None = None, photo_id: str = "",
        product_id: str = "", image_url: str = "", box: Box | None = None, objects: bool = False, why: str = "",
        **options: Unpack[SearchOptions],
    ) -> SearchAnswer:  # fmt: skip
        """Finds products by words, by a photo, by a product, or by words beside one of the others.

        Args:
            image: a photo, or up to 8 photos of one thing from several sides.
            photo_id: instead of a photo, the `photo_id` of an earlier answer.
            image_url: instead of a photo, its address, if the server fetches addresses.
            box: x0, y0, x1, y1, the part of the photo that counts, in pixels of the photo as shown.
            objects: whether to look for several things in the photo, too.
            why: `map`: each of the first five hits tells in `why_map` which parts of the photos make them alike.
        """
        photos = [] if image is None else [image] if isinstance(image, str | Path | bytes) else list(image)
        sources = {"photo_id": photo_id, "product_id": product_id, "image_url": image_url}
        if not (photos or any(sources.values()) or box or objects or why):
            return read(SearchAnswer, self._json("POST", "/v1/search/text", json={"q": text, **options}))
        asked = {**sources, "text": text, "box": box, "objects": objects or None, "why": why, **options}
        fields = _form(asked) + [_file("file", one) for one in photos]
        return read(SearchAnswer, self._json("POST", "/v1/search/image", fields=fields))

    def similar(
        self, product_id: str, *, text: str = "", why: str = "", **options: Unpack[SearchOptions]
    ) -> SearchAnswer:
        """Finds products that look like this one, perhaps as the words `text` say; `why` as of `search`."""
        query = urlencode(_form({"text": text, "why": why, **options}))
        return read(SearchAnswer, self._json("GET", f"{_path(product_id)}/similar?{query}"))

    def recognise(
        self, photo: PhotoFile, *, k: int = 5, within: Sequence[str] = (), box: Box | None = None,
        attributes: bool = False, category: str = "",
    ) -> Recognition:  # fmt: skip
        """Says what a photo shows: up to k labels, best first.

        Args:
            within: the only labels that may be named; empty: all.
            attributes: whether to suggest facts, a title and a price range too.
            category: to suggest them for; empty: the one that is recognised.
        """
        asked = {"k": k, "within": json.dumps(list(within)) if within else "", "box": box, "category": category}
        form = _form({**asked, "attributes": attributes or None})
        return read(Recognition, self._json("POST", "/v1/recognize", fields=[*form, _file("file", photo)]))

    def recommend(
        self, *, label: str = "", product_id: str = "", image: PhotoFile | None = None, colour: str = "",
        filter: str = "", k: int = 10,
    ) -> SearchAnswer:  # fmt: skip
        """Finds products of the same kind as a label or a product, those in its colours first."""
        asked = {"label": label, "product_id": product_id, "colour": colour, "filter": filter, "k": k}
        photo = [] if image is None else [_file("file", image)]
        return read(SearchAnswer, self._json("POST", "/v1/recommend", fields=[*_form(asked), *photo]))

    def complete(self, typed: str, *, k: int = 8) -> tuple[Completion, ...]:
        """Returns up to k texts that go on like what was typed, best first."""
        answer = self._json("GET", f"/v1/queries/complete?{urlencode({'q': typed, 'k': k})}")
        return read(tuple[Completion, ...], answer["completions"])

    def get(self, product_id: str) -> Product:
        """Returns a product of the catalogue."""
        return read(Product, self._json("GET", _path(product_id)))

    def put(self, product: Mapping[str, Any], images: Iterable[PhotoFile] = ()) -> Product:
        """Adds or replaces a product, and returns it; it is durable then, and the next search finds it.

        Args:
            product: its facts, with its `product_id`.
            images: its photos; none: it keeps those that it has.
        """
        facts = ("product.json", json.dumps(dict(product)), "application/json")
        fields = [("product", facts), *(_file("image", image) for image in images)]
        return read(Product, self._json("PUT", _path(str(product["product_id"])), fields=fields))

    def patch(self, product_id: str, **facts: Any) -> Product:
        """Replaces the facts that are named, and returns the product; None clears a fact."""
        return read(Product, self._json("PATCH", _path(product_id), json=facts))

    def delete(self, product_id: str, *, purge: bool = False) -> None:
        """Takes a product out of every later search.

        Args:
            purge: whether its facts and photos are erased at once.
        """
        self._connection.ask("DELETE", f"{_path(product_id)}?purge={json.dumps(purge)}")

    def batch(self, changes: Iterable[Mapping[str, Any]]) -> tuple[BatchStatus, ...]:
        """Makes many changes, and returns what became of each, in order.

        Args:
            changes: products, or `{"product_id": ..., "delete": True}`; at most 20,000.
        """
        body = "".join(f"{json.dumps(dict(change))}\n" for change in changes)
        media = {"Content-Type": "application/x-ndjson"}
        answer = self._connection.ask("POST", "/v1/products:batch", body=body.encode(), headers=media)
        return tuple(read(BatchStatus, json.loads(line)) for line in answer.splitlines())

    def events(self, events: Iterable[Mapping[str, Any]]) -> EventsAnswer:
        """Reports what shoppers did: searches, clicks, carts and purchases; at most 1,000 at once.

        An event without `event_id` gets one, so that it counts once even if it has to be sent again.
        """
        named = [{"event_id": uuid.uuid4().hex, **event} for event in events]
        return read(EventsAnswer, self._json("POST", "/v1/events", json=named))

    def status(self) -> Status:
        """Returns what is live on the server, and how much waits."""
        return read(Status, self._json("GET", "/v1/status"))

    def _json(self, method: str, path: str, **content: Any) -> Any:
        return json.loads(self._connection.ask(method, path, **content))


def _path(product_id: str) -> str:
    return f"/v1/products/{quote(product_id, safe='')}"


def _form(values: Mapping[str, Any]) -> _Fields:
    """Returns values as fields of a form; empty ones are left out, and a list of ids is one field for each."""
    fields: _Fields = []
    for name, value in values.items():
        if name in ("like", "unlike"):
            fields += [(name, product_id) for product_id in value]
        elif value is not None and value != "":
            fields.append((name, value if isinstance(value, str) else json.dumps(value)))
    return fields


def _file(name: str, photo: PhotoFile) -> tuple[str, Any]:
    if isinstance(photo, bytes):
        return name, ("photo", photo)
    return name, (Path(photo).name, Path(photo).read_bytes())
