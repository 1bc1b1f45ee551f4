"""A joint model that a user brought, the whole way: added, imported, rebuilt, searched by commands and over HTTP."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from shape_catalogue import COLOURS, draw_catalogue, draw_shape
from tiny_joint import WORDS, write_joint

from api.app import create_app
from data.settings import load_settings
from engine.search import SearchEngine

ASKED = [colour for colour in COLOURS if colour in WORDS]


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    given = {"LOOKALIKE_HOME": str(home), "LOOKALIKE_PRECISION": "f32"}
    command = [sys.executable, "-m", "lookalike", *arguments]
    return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose products have no texts, rebuilt with the tiny joint model by commands alone."""
    folder = tmp_path_factory.mktemp("joint")
    home = folder / "home"
    added = run(home, "backbone", "add", str(write_joint(folder / "joint")), "--name", "tiny", "--json")
    assert json.loads(added.stdout)["problems"] == [], added.stderr
    (home / "lookalike.toml").write_text('backbone = "tiny"\ntext_encoder = "backbone"\n')
    feed = draw_catalogue(folder / "feed", texts=False)
    for arguments in (("import", str(feed)), ("rebuild",)):
        ended = run(home, *arguments)
        assert ended.returncode == 0, ended.stderr
    return home


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    settings = load_settings({"LOOKALIKE_PRECISION": "f32"}, home=home)
    return create_app(settings, SearchEngine(settings)).test_client()


def colours(hits: list[dict[str, Any]]) -> set[str]:
    return {str(hit["product_id"]).partition("-")[0] for hit in hits}


@pytest.mark.parametrize("colour", ASKED)
def test_words_find_photos_though_no_product_has_a_text(colour: str, client: FlaskClient) -> None:
    answer = client.get("/v1/search/text", query_string={"q": f"a {colour} thing", "k": 3, "understand": "false"})
    assert colours(answer.get_json()["hits"]) == {colour}


def test_a_photo_finds_its_product(client: FlaskClient) -> None:
    photo = io.BytesIO()
    draw_shape("cyan", "disc", 2).save(photo, "PNG")
    answer = client.post("/v1/search/image", data={"file": (io.BytesIO(photo.getvalue()), "x.png"), "k": 1})
    (hit,) = answer.get_json()["hits"]
    # the same photo, so the server must prepare it as the rebuild did
    assert hit["product_id"] == "cyan-disc"
    assert hit["score"] > 0.9999


def test_a_photo_and_words_go_together(client: FlaskClient) -> None:
    photo = io.BytesIO()
    draw_shape("blue", "bar").save(photo, "PNG")
    data = {"file": (photo, "x.png"), "text": "red", "text_weight": "0.9", "k": "3", "understand": "false"}
    photo.seek(0)
    assert colours(client.post("/v1/search/image", data=data).get_json()["hits"]) == {"red"}


def test_status_names_the_network_and_its_text_tower(client: FlaskClient) -> None:
    status = client.get("/v1/status").get_json()
    assert (status["backbone"], status["text_encoder"]) == ("tiny", "text tower of tiny")


def test_commands_search_with_it(home: Path) -> None:
    found = json.loads(run(home, "search", "--text", "gold", "--no-understand", "-k", "3", "--json").stdout)
    assert colours(found["hits"]) == {"gold"}


def test_the_network_in_use_is_not_removed_and_check_passes(home: Path) -> None:
    ended = run(home, "backbone", "remove", "tiny")
    assert (ended.returncode, "in use by the settings, generation" in ended.stderr) == (1, True)
    ended = run(home, "backbone", "check", "tiny")
    assert (ended.returncode, "Every check passed" in ended.stdout) == (0, True)
    assert "tiny: image and text, 12 features" in run(home, "backbone", "list").stdout


def test_doctor_finds_nothing_wrong(home: Path) -> None:
    ended = run(home, "doctor")
    assert ended.returncode == 0, ended.stdout
    assert "not Lookalike's own" not in ended.stdout
