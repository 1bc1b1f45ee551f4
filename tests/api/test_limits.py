"""Limits of a search: each stands once in the code, and every way in keeps it."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from tiny_shop import TinyShop, axis
from werkzeug.test import TestResponse

import engine.search
import lookalike
from api.app import create_app
from api.openapi.document import DOCUMENT
from data.completion import MOST_COMPLETIONS, MOST_TYPED
from data.filters import MAX_FILTER
from data.settings import Settings
from engine.answers import MAX_K, MAX_TEXT
from engine.generation import Generation
from engine.protocols import Floats
from engine.search import MOST_LABELS, MOST_RELATED, SearchEngine, SearchRequest

LIMITS = {"text": MAX_TEXT, "not_text": MAX_TEXT, "filter": MAX_FILTER, "k": MAX_K}


class AnyWords:
    """A text tower to which all words mean the first axis."""

    def embed(self, texts: list[str]) -> Floats:
        return np.array([axis(0) for _ in texts], np.float32)


@pytest.fixture
def searcher(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> SearchEngine:
    """A real engine over a tiny shop; the command line gets it too."""
    shop = TinyShop(settings)
    shop.put("a", [axis(0)])
    shop.put("b", [axis(1)])
    shop.put("c", [axis(2)])
    shop.publish()
    searcher = SearchEngine(settings, backbone=shop.backbone)
    monkeypatch.setattr(Generation, "text_tower", lambda self: AnyWords())
    monkeypatch.setattr(engine.search, "SearchEngine", lambda *_, **__: searcher)
    return searcher


def of_size(field: str, size: int) -> Any:
    if field == "k":
        return size
    return "x" * size if field != "filter" else f'title != "{"x" * (size - 11)}"'


def exit_code(arguments: list[str]) -> int:
    try:
        lookalike.main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("over", [0, 1])
def test_every_way_in_keeps_the_limit(
    searcher: SearchEngine, settings: Settings, capsys: pytest.CaptureFixture[str], field: str, over: int
) -> None:
    value = of_size(field, LIMITS[field] + over)
    client = create_app(settings, searcher).test_client()
    answer = client.post("/v1/search/image", json={"product_id": "a", field: value})
    assert (answer.status_code, answer.get_json().get("field")) == ((400, field) if over else (200, None))
    if field != "text":
        similar = client.get("/v1/products/a/similar", query_string={field: value})
        assert similar.status_code == answer.status_code

    option = "-k" if field == "k" else "--" + field.replace("_", "-")
    assert exit_code(["--home", str(settings.home), "search", "--product", "a", option, str(value)]) == 2 * over
    assert bool(capsys.readouterr().err) == bool(over)

    shop = lookalike.Shop(settings)
    refused: list[str] = []
    try:
        shop.search(product_id="a", **{field: value})
    except lookalike.LookalikeError as error:
        refused.append(getattr(error, "field", ""))
    assert refused == [field] * over


@pytest.mark.parametrize("over", [0, 1])
def test_words_in_q_are_refused_as_q(searcher: SearchEngine, settings: Settings, over: int) -> None:
    client = create_app(settings, searcher).test_client()
    for path in ("/v1/search/text", "/v1/queries/related"):
        answer = client.get(path, query_string={"q": "x" * (MAX_TEXT + over)})
        assert (answer.status_code, answer.get_json().get("field")) == ((400, "q") if over else (200, None))
    page = client.get("/", query_string={"q": "x" * (MAX_TEXT + over)})
    assert (page.status_code, f'maxlength="{MAX_TEXT}"' in page.text) == (400 if over else 200, True)


@pytest.mark.parametrize(
    ("field", "bad"), [("q", "x" * (MOST_TYPED + 1)), ("q", " "), ("k", 0), ("k", MOST_COMPLETIONS + 1), ("k", 1.5)]
)
def test_what_is_typed_is_bounded(client: FlaskClient, field: str, bad: str | float) -> None:
    fields = {"q": "가" * MOST_TYPED, "k": MOST_COMPLETIONS}
    assert client.get("/v1/queries/complete", query_string=fields).get_json() == {"completions": []}
    answer = client.get("/v1/queries/complete", query_string=fields | {field: bad})
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)


def test_k_of_other_answers(searcher: SearchEngine, settings: Settings) -> None:
    client = create_app(settings, searcher).test_client()
    assert client.get(f"/v1/queries/related?q=x&k={MOST_RELATED}").status_code == 200
    assert client.get(f"/v1/queries/related?q=x&k={MOST_RELATED + 1}").get_json()["field"] == "k"
    assert client.post("/v1/recommend", json={"product_id": "a", "k": MAX_K}).status_code == 200
    assert client.post("/v1/recommend", json={"product_id": "a", "k": MAX_K + 1}).get_json()["field"] == "k"


def test_the_openapi_document_and_the_help_name_the_limits(capsys: pytest.CaptureFixture[str]) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name in ("ImageSearch", "ImageUpload", "TextSearch"):
        fields = schemas[name]["properties"]
        words = fields["text" if name != "TextSearch" else "q"]
        assert (words["maxLength"], fields["not_text"]["maxLength"]) == (MAX_TEXT, MAX_TEXT)
        assert (fields["filter"]["maxLength"], fields["k"]["maximum"]) == (MAX_FILTER, MAX_K)
    assert schemas["Recommend"]["properties"]["k"]["maximum"] == MAX_K
    assert schemas["RecognizeUpload"]["properties"]["k"]["maximum"] == MOST_LABELS
    exit_code(["search", "--help"])
    exit_code(["recognize", "--help"])
    printed = capsys.readouterr().out
    assert f"1 to {MAX_K}" in printed
    assert f"1 to {MOST_LABELS}" in printed


def of_length(schema: Mapping[str, Any], over: int) -> Any:
    """Returns a value at the limit that a schema names, or `over` beyond it."""
    if "maxLength" in schema:
        return "x" * (schema["maxLength"] + over)
    if "maxItems" in schema:
        return ["x"] * (schema["maxItems"] + over)
    if "maxProperties" in schema:
        return {f"a{number}": 1 for number in range(schema["maxProperties"] + over)}
    if "maximum" in schema:
        return schema["maximum"] + over
    assert "exclusiveMaximum" in schema
    return schema["exclusiveMaximum"] - 1 + over


Send = Callable[[FlaskClient, dict[str, Any]], TestResponse]
CLICK = {"kind": "click", "query_id": "q", "product_id": "a"}
LIMITED: dict[str, tuple[Send, list[str]]] = {
    "ImageSearch": (lambda client, fields: client.post("/v1/search/image", json={"product_id": "a", **fields}),
                    ["text", "not_text", "k", "diversity", "freshness", "text_weight"]),
    "TextSearch": (lambda client, fields: client.post("/v1/search/text", json={"q": "mug", **fields}),
                   ["q", "not_text", "k", "diversity", "freshness", "text_weight"]),
    "Recommend": (lambda client, fields: client.post("/v1/recommend", json={"label": "Mugs", **fields}),
                  ["label", "colour", "k"]),
    "ProductFacts": (lambda client, fields: client.patch("/v1/products/a", json=fields),
                     ["title", "description", "brand", "category", "price", "currency", "colour", "attributes"]),
    "Event": (lambda client, fields: client.post("/v1/events", json={**CLICK, **fields}),
              ["event_id", "query_id", "query_text", "product_id", "position", "shown", "session"]),
}  # fmt: skip


def accepted(answer: TestResponse) -> bool:
    return answer.status_code < 300 and not answer.get_json().get("refused")


@pytest.mark.parametrize("schema", LIMITED)
def test_what_the_openapi_document_says_is_what_is_refused(client: FlaskClient, schema: str) -> None:
    assert client.put("/v1/products/a", data={"product": (io.BytesIO(b"{}"), "a.json")}).status_code == 201
    send, fields = LIMITED[schema]
    for field in fields:
        limits = DOCUMENT["components"]["schemas"][schema]["properties"][field]
        answers = [send(client, {field: of_length(limits, over)}) for over in (0, 1)]
        assert (field, *map(accepted, answers)) == (field, True, False)


def test_other_limits_of_the_openapi_document(client: FlaskClient, photo: Callable[..., bytes]) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    most = schemas["ProductUpload"]["properties"]["image"]["maxItems"]
    path_id = DOCUMENT["paths"]["/v1/products/{product_id}"]["parameters"][0]["schema"]
    for over, statuses in ((0, {201}), (1, {400, 413})):
        parts = {
            "product": (io.BytesIO(b"{}"), "a.json"),
            "image": [(io.BytesIO(photo()), "a.jpg") for _ in range(most + over)],
        }
        assert client.put("/v1/products/a", data=parts).status_code in statuses
        put = client.put(f"/v1/products/{of_length(path_id, over)}", data={"product": (io.BytesIO(b"{}"), "a.json")})
        assert put.status_code in statuses
    events = DOCUMENT["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"][1]
    for over, status in ((0, 202), (1, 400)):
        assert client.post("/v1/events", json=[{"kind": "x"}] * (events["maxItems"] + over)).status_code == status
    for name in ("cursor", "image_url"):
        limits = schemas["ImageSearch"]["properties"][name]
        answers = [client.post("/v1/search/image", json={name: of_length(limits, over)}) for over in (0, 1)]
        assert ["must have at most" in answer.get_json()["detail"] for answer in answers] == [False, True]


def test_a_filter_may_be_as_long_for_recommendations_as_for_searches(client: FlaskClient) -> None:
    longest = of_size("filter", MAX_FILTER)
    deepest = "(" * 31 + "price < 9" + ")" * 31
    wanted = {"label": 'M"' * 100, "colour": "\\" * 200}
    for expression in (longest, deepest, " AND ".join(["price<9"] * 150)):
        assert client.post("/v1/recommend", json={**wanted, "filter": expression}).status_code == 200
    answer = client.post("/v1/recommend", json={**wanted, "filter": of_size("filter", MAX_FILTER + 1)})
    assert answer.get_json()["code"] == "bad_filter"
    answer = client.post("/v1/recommend", json={**wanted, "filter": "price < 9 AND (x"})
    assert answer.get_json()["position"] == 16


def test_later_pages_keep_every_filter_however_long(searcher: SearchEngine) -> None:
    long = of_size("filter", MAX_FILTER)
    first = searcher.search(SearchRequest(text="x", filter=long, also=(long, 'product_id != "c"'), k=1))
    assert first.next_cursor
    second = searcher.search(SearchRequest(cursor=first.next_cursor, k=5))
    assert sorted(hit.product_id for hit in (*first.hits, *second.hits)) == ["a", "b"]
