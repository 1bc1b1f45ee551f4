"""Limits of a search: each stands once in the code, and every way in keeps it."""

from typing import Any

import numpy as np
import pytest
from tiny_shop import TinyShop, axis

import engine.search
import lookalike
from api.app import create_app
from api.openapi.document import DOCUMENT
from data.filters import MAX_FILTER
from data.settings import Settings
from engine.answers import MAX_K, MAX_TEXT
from engine.generation import Generation
from engine.protocols import Floats
from engine.search import MOST_LABELS, MOST_RELATED, SearchEngine

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
