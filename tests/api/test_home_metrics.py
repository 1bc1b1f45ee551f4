"""The metrics of what is served, and the board that draws them."""

import io
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from shape_catalogue import draw_shape

from api.app import create_app
from data.generations import FIGURES, GenerationFolder
from data.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def shop(generation: GenerationFolder, settings: Settings, tiny: None) -> FlaskClient:
    return create_app(settings).test_client()


def samples(client: FlaskClient) -> dict[tuple[str, str], float]:
    """Returns (name, value of the only label or empty) -> value of every sample with at most one label."""
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    found = [sample for family in families for sample in family.samples if len(sample.labels) < 2]
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in found}


def test_generation_catalogue_and_rebuild_are_told(shop: FlaskClient, generation: GenerationFolder) -> None:
    found = samples(shop)
    assert found["lookalike_products", ""] == 24
    assert found["lookalike_pending_products", ""] == 0
    assert 0 < found["lookalike_generation_age_seconds", ""] < 86_400
    assert found["lookalike_last_rebuild_published", ""] == 1
    assert found["lookalike_last_rebuild_duration_seconds", ""] > 0
    expected = generation.measured("space")["photo_r1"]
    assert found["lookalike_quality", "photo_first"] == pytest.approx(expected)
    assert {label for name, label in found if name == "lookalike_quality"} <= {figure.name for figure in FIGURES}


def test_searches_without_a_match_and_hits_put_since_the_rebuild_are_counted(shop: FlaskClient) -> None:
    photo = io.BytesIO()
    draw_shape("navy", "disc").save(photo, "PNG")
    parts = {"product": json.dumps({"title": "navy disc"}), "image": (io.BytesIO(photo.getvalue()), "x.png")}
    assert shop.put("/v1/products/new", data=parts).status_code == 201
    answers = [shop.get(f"/v1/search/text?q={words}&k=30").get_json() for words in ("navy+disc", "zxqv+wjkk")]
    found = samples(shop)
    unmatched = sum(answer["no_match"] for answer in answers)
    assert found.get(("lookalike_searches_total", "true"), 0) == unmatched
    assert found["lookalike_searches_total", "false"] == 2 - unmatched
    new = sum(hit["product_id"] == "new" for answer in answers for hit in answer["hits"])
    assert found["lookalike_hits_total", "true"] == new >= 1
    assert found["lookalike_hits_total", "false"] == sum(len(answer["hits"]) for answer in answers) - new


def test_a_home_that_is_empty_or_damaged_still_has_metrics(client: FlaskClient, settings: Settings) -> None:
    (settings.home / "last_rebuild.json").write_text('{"started_at": 5}')
    (settings.home / "CURRENT").write_text("nonsense")
    found = samples(client)
    assert found["lookalike_products", ""] == 0
    assert not [name for name, _ in found if name.startswith("lookalike_last_rebuild")]


def test_the_board_draws_metrics_that_exist_and_the_docs_name_them(shop: FlaskClient) -> None:
    shop.get("/v1/search/text?q=disc")
    families = text_string_to_metric_families(shop.get("/metrics").get_data(as_text=True))
    names = {sample.name for family in families for sample in family.samples}
    board = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
    targets = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    drawn = {name for target in targets for name in re.findall(r"lookalike_\w+", target)}
    assert drawn <= names
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    told = set(re.findall(r"lookalike_\w+", (DOCS / "admin.md").read_text(encoding="utf-8")))
    own = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in names if name.startswith("lookalike_")}
    assert {name.removesuffix("_total") for name in told} >= {name.removesuffix("_total") for name in own}
    assert told <= names | own
