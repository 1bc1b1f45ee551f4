"""`train query-embedder` from a live generation to the next one."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_shop import DIM, TinyShop
from word_encoder import WordEncoder

from data.settings import Settings
from engine.generation import load_generation
from engine.text import tower
from training.cli import train_command
from training.embedder import part as query_embedder
from training.errors import NotEnoughData, TrainingError
from training.match import part as match
from training.reports.match import match_picture, match_rows, match_table
from training.sessions import EmbedderSession
from training.space import part as space

PRODUCTS, EACH = 32, 4


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    for module in (space, query_embedder, match, tower):
        monkeypatch.setattr(module, "TextEncoder", WordEncoder)
    return TinyShop(settings.replace(space_dim=DIM))


def fill(shop: TinyShop, products: int) -> None:
    generator = np.random.default_rng(0)
    for number in range(products):
        middle = generator.uniform(0, 1, DIM)
        noise = np.where(np.arange(DIM) < DIM - 2, 0.1, 4.0)  # the last features say nothing of the product
        points = np.abs(middle + generator.normal(0, 1, (EACH, DIM)) * noise)
        shop.put(f"p{number}", points.tolist(), title=f"kind{number}", category=f"row{number % 4}")


def test_the_command_shows_both_spaces_and_publishes(shop: TinyShop) -> None:
    fill(shop, PRODUCTS)
    before = shop.publish(metrics={"parts": {"voters": {"kept": 1}}})
    found = CliRunner().invoke(
        train_command,
        ["query-embedder", "--epochs", "40", "--batch", "32", "--seed", "3", "--publish", "--json"],
        obj=shop.settings,
        catch_exceptions=False,
    )
    metrics = json.loads(found.stdout.splitlines()[-1])
    if not metrics["published"]:
        pytest.fail(metrics["reason"])
    live = shop.store.open()
    assert live.id == metrics["generation"] != before.id
    assert live.manifest.metrics["parts"]["voters"] == {"kept": 1}
    assert live.manifest.metrics["parts"]["query_embedder"]["options"]["seed"] == 3
    loaded = load_generation(shop.settings, live, shop.backbone)
    assert loaded.index.count == PRODUCTS * EACH
    assert loaded.calibration is not None
    assert live.has("held_out_retrieval.json")
    rivals = loaded.rivals_of("kind1")
    assert rivals is not None  # made anew too: points of the old space are left out when a generation is loaded
    assert sorted(rivals.texts) == ["row0", "row1", "row2", "row3"]
    assert live.manifest.metrics["parts"]["known_queries"]["rivals"] == 4
    assert "combiner" in live.manifest.metrics["parts"]
    assert loaded.match is not None  # fitted anew, for the models of the old space mean nothing in the new one
    measured = live.manifest.metrics["parts"]["match"]
    assert set(loaded.match.kinds) == set(measured) - {"training_s"} >= {"text", "similar"}
    of_words = loaded.match.kinds["text"].answer
    learned = dict(zip(of_words.signs, of_words.weights.tolist(), strict=True))
    assert learned["held"] + learned["whole"] > 0  # the questions were looked for by their letters too
    assert measured["text"]["refused"] < 0.3
    assert measured["text"]["accepted"] < 0.3
    report = match_rows(measured)
    assert report[0][:2] == ("words", str(measured["text"]["questions"]))
    assert match_picture(measured).startswith("data:image/png")
    assert "words for what is not sold" in match_table(measured)
    assert match_table({}) == ""
    # the next training takes the options over
    session = EmbedderSession.open(shop.settings, {})
    session.close()
    assert (session.options.seed, session.options.batch) == (3, 32)


def test_nothing_live_and_too_few_products_are_told(shop: TinyShop) -> None:
    with pytest.raises(TrainingError, match="rebuild"):
        EmbedderSession.open(shop.settings, {})
    fill(shop, 3)
    shop.publish()
    session = EmbedderSession.open(shop.settings, {})
    with pytest.raises(NotEnoughData, match="30 products"):
        session.train()
    session.close()
    assert not session.folder.exists()


@pytest.mark.parametrize("option", [["--loss", "hope"], ["--source", "rumour"]])
def test_unknown_options_are_refused(shop: TinyShop, option: list[str], tmp_path: Path) -> None:
    fill(shop, PRODUCTS)
    shop.publish()
    with pytest.raises(TrainingError, match=option[1]):
        CliRunner().invoke(train_command, ["query-embedder", *option], obj=shop.settings, catch_exceptions=False)
