"""The sample catalogue: complete, repeatable, synthetic, and true to the facts it states."""

import csv
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data.catalogue import parse_product
from data.errors import SettingsError
from data.photos import COLOUR_NAMES
from data.sample import folder as sample
from data.sample import generate_sample
from data.sample.folder import SAMPLE_NOW, draw_item
from data.sample.kinds import GLOSS, KINDS
from data.sample.patterns import COLOURS, PATTERNS
from data.sample.plan import Item, plan_item
from data.sample.scenes import phone_photo
from data.sample.texts import description, text_queries, title, title_ko


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 24 products."""
    return generate_sample(tmp_path_factory.mktemp("sample") / "sample", products=24).parent


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """The plan of the full sample."""
    return [plan_item(number, 0, SAMPLE_NOW) for number in range(240)]


def test_every_file_named_is_there_and_nothing_else(folder: Path) -> None:
    photos = {name for row in rows(folder) for name in row["images"]}
    with (folder / "queries.csv").open(encoding="utf-8", newline="") as source:
        queries = {row["query_photo"] for row in csv.DictReader(source)}
    described = {"catalogue.jsonl", "queries.csv", "text_queries.csv", "README.txt", "sample.json"}
    assert set(digests(folder)) == photos | queries | described
    assert len(photos) == 24 * 3
    assert len(queries) == 24


def test_catalogue_rows_are_valid_products(folder: Path) -> None:
    products = [parse_product(row) for row in rows(folder)]
    assert len({product.product_id for product in products}) == 24
    for product in products:
        assert product.currency == "EUR"
        assert product.price
        assert {"material", "pattern", "size", "title_ko"} <= set(product.attributes)


def test_held_out_photos_are_not_in_the_catalogue(folder: Path) -> None:
    found = digests(folder)
    catalogue = {digest for name, digest in found.items() if name.startswith("photos/")}
    queries = {digest for name, digest in found.items() if name.startswith("queries/")}
    assert not catalogue & queries
    assert len(catalogue) + len(queries) == 24 * 4


def test_a_snapshot_elsewhere_shows_the_same_thing_before_something_else() -> None:
    card = Image.new("RGBA", (300, 300), (200, 30, 30, 255))

    def taken(elsewhere: int | None) -> Any:
        place = None if elsewhere is None else np.random.default_rng(elsewhere)
        return np.asarray(phone_photo(card, np.random.default_rng(3), flat=True, elsewhere=place), np.float32)

    own, other = taken(None), taken(9)
    assert own.shape == other.shape
    reddish = own[..., 0] > own[..., 1] + 60
    change = np.abs(own - other).mean(axis=-1)
    assert 0.1 < reddish.mean() < 0.9
    assert change[~reddish].mean() > 3 * change[reddish].mean()
    np.testing.assert_array_equal(other, taken(9))


def test_photos_are_of_shop_size_and_not_flat(folder: Path) -> None:
    for path in sorted((folder / "photos").iterdir())[:12] + sorted((folder / "queries").iterdir())[:6]:
        with Image.open(path) as image:
            assert min(image.size) >= 416
            assert max(image.size) <= 640
            assert np.asarray(image.convert("L")).std() > 8


def test_readme_says_it_is_synthetic(folder: Path) -> None:
    assert "synthetic" in (folder / "README.txt").read_text(encoding="utf-8").splitlines()[0]


def test_the_same_seed_gives_the_same_bytes_in_one_process_or_several(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(work: Any, items: list[Item]) -> Iterator[None]:
        yield from map(work, items)

    monkeypatch.setattr(sample, "_photographed", alone)
    once = generate_sample(tmp_path / "once", products=4).parent
    again = generate_sample(tmp_path / "again", products=4).parent
    assert digests(once) == digests(again)
    pooled = digests(folder)
    drawn = {name: digest for name, digest in digests(once).items() if name.endswith(".jpg")}
    assert drawn.items() <= pooled.items()


def test_another_seed_gives_other_photos(folder: Path, tmp_path: Path) -> None:
    other = generate_sample(tmp_path / "other", products=1, seed=1).parent
    assert not set(digests(other / "photos").values()) & set(digests(folder / "photos").values())


def test_a_complete_sample_is_left_alone(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert generate_sample(folder, products=24) == folder / "catalogue.jsonl"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("damage", ["photo missing", "photo cut short", "marker unreadable"])
def test_a_damaged_sample_is_made_again(tmp_path: Path, damage: str) -> None:
    folder = generate_sample(tmp_path / "sample", products=1).parent
    whole = digests(folder)
    photo = next((folder / "photos").iterdir())
    if damage == "photo missing":
        photo.unlink()
    elif damage == "photo cut short":
        photo.write_bytes(photo.read_bytes()[:100])
    else:
        (folder / "sample.json").write_text("{")
    generate_sample(folder, products=1)
    assert digests(folder) == whole


def test_other_parameters_replace_the_sample_and_leave_nothing_beside_it(tmp_path: Path) -> None:
    folder = generate_sample(tmp_path / "sample", products=2).parent
    now = datetime(2030, 5, 1, tzinfo=UTC)
    generate_sample(folder, products=1, now=now)
    assert [row["product_id"] for row in rows(folder)] == ["mug-001"]
    assert now - timedelta(days=731) < datetime.fromisoformat(rows(folder)[0]["created_at"]) < now
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sample, "phone_photo", fail)
    with pytest.raises(OSError, match="disk full"):
        generate_sample(tmp_path / "sample", products=1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="must be missing, empty or hold a sample"):
        generate_sample(tmp_path, products=1)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    assert generate_sample(tmp_path / "sample", products=1).exists()


@pytest.mark.parametrize("arguments", [{"products": 0}, {"products": 10_001}, {"seed": -1}])
def test_bad_arguments_are_refused(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="must be"):
        generate_sample(tmp_path / "sample", **arguments)


def test_the_full_plan_covers_what_a_shop_needs(items: list[Item]) -> None:
    assert len({item.product_id for item in items}) == 240
    assert len({item.kind.category for item in items}) == len(KINDS) >= 12
    assert {item.colour for item in items} == set(COLOUR_NAMES) == set(COLOURS)
    assert {item.pattern for item in items} == set(PATTERNS)
    assert len({item.brand for item in items}) == 10
    assert 0.8 < np.mean([item.in_stock for item in items]) < 1
    ages = [(SAMPLE_NOW - item.created_at).days for item in items]
    assert min(ages) >= 0
    assert max(ages) <= 730
    assert 10 <= sum(age <= 30 for age in ages) <= 80
    assert np.histogram(ages, bins=8, range=(0, 730))[0].min() >= 12


def test_products_do_not_depend_on_how_many_there_are(items: list[Item]) -> None:
    assert plan_item(17, 0, SAMPLE_NOW) == items[17]


def test_similar_products_exist(items: list[Item]) -> None:
    """A third of the products have a sibling of the same look, told apart by its shape alone."""
    looks = [(item.kind.category, item.colour, item.pattern, item.material, item.accent, item.trim) for item in items]
    assert 60 <= len(looks) - len(set(looks)) <= 100
    assert (np.asarray(draw_item(items[16], 0)).shape) != np.asarray(draw_item(items[32], 0)).shape


def test_every_kind_uses_known_materials_and_patterns() -> None:
    for kind in KINDS:
        assert set(kind.materials) <= set(GLOSS)
        assert set(kind.patterns) <= set(PATTERNS)
        assert len(kind.sizes) >= 2


def test_texts_say_the_facts_in_both_languages(items: list[Item]) -> None:
    for item in items:
        assert item.colour in title(item).lower()
        assert item.kind.noun.lower() in title(item).lower()
        assert item.kind.noun_ko in title_ko(item)
        assert item.material in description(item)
        assert title_ko(item) in description(item)
        assert not any("가" <= letter <= "힣" for letter in title(item))
    assert len({title(item) for item in items}) == 240


def test_text_queries_are_answerable_and_distinct(items: list[Item]) -> None:
    queries = list(text_queries(items))
    assert len({query.query_text for query in queries}) == len(queries)
    assert {query.language for query in queries} == {"en", "ko"}
    for query in queries:
        asked = {"category": query.category, "colour": query.colour, "pattern": query.pattern}
        facts = [{"category": i.kind.category, "colour": i.colour, "pattern": i.pattern} for i in items]
        assert any(all(fact[name] == value for name, value in asked.items() if value) for fact in facts)
        assert query.product_id in {"", *(item.product_id for item in items)}
    assert any(query.query_text == "red striped mug" for query in queries)


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=[kind.category for kind in KINDS])
def test_each_kind_is_drawn_in_its_colour(kind: int, items: list[Item]) -> None:
    """The stated colour is really there: a good share of the product's pixels is nearer to it than to most others."""
    item = dataclasses.replace(items[kind], pattern="plain")
    picture = np.asarray(draw_item(item, 0), np.float32) / np.float32(255)
    solid = picture[picture[..., 3] > 0.9][:, :3]
    names = list(COLOURS)
    palette = np.array([COLOURS[name] for name in names], np.float32)
    # Shading changes brightness, so colours are compared by direction, and brightness counts little.
    distance = np.linalg.norm(_tone(solid)[:, None] - _tone(palette)[None], axis=2)
    share = np.mean(np.argsort(distance, axis=1)[:, :3] == names.index(item.colour)) * 3
    assert solid.shape[0] > 15_000
    assert share > 0.25


def _tone(rgb: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    light = rgb.max(axis=-1, keepdims=True)
    return np.concatenate([rgb / np.maximum(light, 0.05), light * 0.7], axis=-1)
