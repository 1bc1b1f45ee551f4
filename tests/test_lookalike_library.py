"""Lookalike from Python: the same engine and errors as over HTTP, light until it is used, and hits that show well."""

import dataclasses
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shape_catalogue import draw_catalogue, draw_shape
from tiny_backbone import TinyBackbone
from tiny_shop import DIM, TinyShop, axis, photo_of

import engine.search
import lookalike
from api.app import create_app
from api.errors import BadRequest
from api.hits import Hits, hits_table
from data.catalogue import Catalogue
from data.errors import (
    InvalidFeed,
    InvalidFilter,
    InvalidImage,
    LookalikeError,
    NoGeneration,
    SettingsError,
    UnknownProduct,
)
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.photos import thumbnail_path
from data.settings import Settings
from engine.errors import InvalidQuery
from engine.search import SearchEngine
from engine.space import Projection
from indexer.errors import NothingToIndex
from indexer.importing import restore

ROOT = Path(__file__).parent.parent
HEAVY = (
    "numpy", "PIL", "faiss", "keras", "tensorflow", "torch", "openvino", "sentence_transformers", "sklearn", "flask",
    "sqlite3", "sqlite_utils", "pyarrow", "matplotlib", "pandas", "api", "engine", "indexer", "training",
)  # fmt: skip


@pytest.fixture
def shop(settings: Settings) -> lookalike.Shop:
    """A shop with a product on each axis of the space but the last three, in a published generation."""
    tiny = TinyShop(settings)
    for number in range(DIM - 3):
        tiny.put(f"p{number}", [axis(number)], price=10 + number, currency="EUR")
    tiny.publish()
    return lookalike.Shop(settings, backbone=tiny.backbone)


@pytest.fixture
def shapes(generation: GenerationFolder, settings: Settings) -> lookalike.Shop:
    """The shop of shapes, with text tower and voters."""
    return lookalike.Shop(settings, backbone=TinyBackbone())


def examples_of(document: str) -> Iterator[CodeType]:
    """Yields a document's Python examples, compiled, with the document's own line numbers."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield compile("\n" * text[: block.start(1)].count("\n") + block[1], document, "exec")


def ids(hits: Hits) -> list[str]:
    return [hit.product_id for hit in hits]


@pytest.mark.alone
def test_importing_and_opening_is_quick_and_loads_nothing_heavy() -> None:
    program = (
        "import json, logging, sys, time; started = time.perf_counter()\n"
        "import lookalike; shop = lookalike.open('somewhere', threads=2); repr(shop)\n"
        "took_s = time.perf_counter() - started\n"
        f"loaded = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "print(json.dumps([took_s, loaded, len(logging.root.handlers)]))"
    )
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT).stdout)
        for _ in range(3)
    ]
    assert runs[0][1:] == [[], 0]
    assert min(took_s for took_s, *_ in runs) < 0.3
    assert not (ROOT / "somewhere").exists()


def test_settings_are_keyword_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path / "named"))
    monkeypatch.setenv("LOOKALIKE_THREADS", "3")
    assert lookalike.open().settings.home == tmp_path / "named"
    assert lookalike.open(str(tmp_path), threads=2).settings == Settings(home=tmp_path, threads=2)
    with pytest.raises(SettingsError, match=r"max_pixel must be a known setting.*max_pixels\?"):
        lookalike.open(tmp_path, max_pixel=1)
    with pytest.raises(SettingsError, match="environment"):
        lookalike.open(tmp_path, environment={})
    with pytest.raises(SettingsError, match="threads must be a whole number; got 'two'"):
        lookalike.open(tmp_path, threads="two")


def test_every_form_of_a_photo_finds_the_same(shop: lookalike.Shop, tmp_path: Path) -> None:
    content = photo_of(3)
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    image = Image.open(io.BytesIO(content))
    for form in (path, str(path), content, image, np.asarray(image)):
        hits = shop.search(image=form, k=1)
        assert (ids(hits), round(hits[0].score, 5)) == (["p3"], 1.0)


@pytest.mark.parametrize("method", ["search", "recognise", "recommend", "embed", "put"])
@pytest.mark.parametrize("photo", [Path("none.jpg"), "none.jpg", b"no image", np.zeros((20, 20)), 7])
def test_what_is_no_photo_is_refused_everywhere(shop: lookalike.Shop, method: str, photo: Any) -> None:
    call: dict[str, Callable[[], object]] = {
        "search": lambda: shop.search(image=photo),
        "recognise": lambda: shop.recognise(photo),
        "recommend": lambda: shop.recommend(label="x", image=photo),
        "embed": lambda: shop.embed([photo]),
        "put": lambda: shop.put({"product_id": "x"}, [photo]),
    }
    with pytest.raises(LookalikeError) as refused:
        call[method]()
    assert isinstance(refused.value, InvalidImage) or method == "recognise"  # it asks for voters before it decodes
    with pytest.raises(UnknownProduct):
        shop.delete("x")


def test_what_was_put_is_found_and_what_was_deleted_is_not(shop: lookalike.Shop) -> None:
    facts = {"product_id": "new", "title": "New", "price": 3}
    assert shop.put(facts, [photo_of(6)]) == "created"
    assert ids(shop.search(image=photo_of(6), k=1)) == ["new"]
    assert ids(shop.search(image=photo_of(6), filter="price < 5")) == ["new"]
    assert shop.put(facts, images=[photo_of(6)]) == "unchanged"
    assert shop.put({**facts, "price": 7}) == "updated"
    assert ids(shop.search(image=photo_of(6), filter="price = 7")) == ["new"]  # its photo was kept
    other = lookalike.Shop(shop.settings, backbone=TinyShop(shop.settings).backbone)
    assert ids(other.search(image=photo_of(6), k=1)) == ["new"]
    shop.delete("new")
    assert "new" not in ids(shop.search(image=photo_of(6)))
    with pytest.raises(UnknownProduct, match="new"):
        shop.delete("new")


def test_what_a_full_feed_deleted_is_found_again_once_it_is_restored(shop: lookalike.Shop, tmp_path: Path) -> None:
    before = shop.search(image=photo_of(3), k=5)
    feed = tmp_path / "feed.csv"
    feed.write_text("product_id,price\np0,10\n")
    assert shop.import_feed(feed, full_feed=True).refusal
    assert ids(shop.search(image=photo_of(3), k=5)) == ids(before), "too many are missing"
    run = shop.import_feed(feed, full_feed=True, force=True).run
    assert ids(shop.search(image=photo_of(3), k=5)) == ["p0"]
    restore(shop.settings, run)
    after = shop.search(image=photo_of(3), k=5)
    assert ids(after)[0] == ids(before)[0] == "p3"


def test_a_put_that_fails_changes_nothing(shop: lookalike.Shop) -> None:
    with pytest.raises(InvalidImage, match="photo number 2"):
        shop.put({"product_id": "p0", "title": "after"}, [photo_of(5), photo_of(6)[:60]])
    with pytest.raises(LookalikeError, match="price must be"):
        shop.put({"product_id": "p0", "price": "much"}, [photo_of(5)])
    assert Catalogue(shop.settings.home).get("p0").product.title == "p0"


def test_before_anything_is_published_products_go_in_and_searches_say_what_to_do(settings: Settings) -> None:
    shop = lookalike.Shop(settings, backbone=TinyShop(settings).backbone)
    with pytest.raises(NothingToIndex):
        shop.rebuild()
    assert shop.status()["live"] is None
    assert shop.put({"product_id": "a"}, [photo_of(1)]) == "created"
    for call in (lambda: shop.search("a"), lambda: shop.embed([photo_of(1)]), lambda: shop.recognise(photo_of(1))):
        with pytest.raises(NoGeneration, match="lookalike rebuild"):
            call()


def test_vectors_are_those_the_engine_searches_with(shop: lookalike.Shop, tmp_path: Path) -> None:
    numbers = [place % DIM for place in range(70)]  # several batches
    assert np.array_equal(shop.embed(map(photo_of, numbers), space="pool3"), np.eye(DIM, dtype=np.float32)[numbers])
    vectors = shop.embed([photo_of(1), photo_of(6)])
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, DIM)
    scores = {hit.product_id: hit.score for hit in shop.search(image=photo_of(1))}
    catalogue = shop.embed([photo_of(number) for number in range(DIM - 3)], space="product")
    assert np.allclose([scores[f"p{number}"] for number in range(DIM - 3)], catalogue @ vectors[0])
    assert shop.embed([]).shape == (0, DIM)
    assert shop.embed([], "pool3").shape == (0, DIM)


def test_features_are_the_stored_ones_and_points_their_projection(
    shapes: lookalike.Shop, generation: GenerationFolder
) -> None:
    catalogue, spec = Catalogue(shapes.settings.home), TinyBackbone.spec
    photos = catalogue.photos(catalogue.get("red-disc").image_sha256)
    features = shapes.embed([photo.source for photo in photos.values()], space="pool3")
    stored = FeatureStore(shapes.settings.home, spec.fingerprint, spec.dim).read(list(photos))
    assert np.allclose(features, stored, atol=1e-3)  # float16 on disk
    points = shapes.embed([photo.source for photo in photos.values()])
    assert np.allclose(points, Projection.load(generation.path("projection.safetensors")).apply(features), atol=1e-6)
    assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)


def test_embed_names_what_is_wrong(shop: lookalike.Shop) -> None:
    with pytest.raises(InvalidImage, match="photo number 2: image must be"):
        shop.embed([photo_of(1), b"no image", photo_of(2)])
    with pytest.raises(InvalidQuery, match="space must be one of product, pool3; got 'pool_3'"):
        shop.embed([photo_of(1)], space="pool_3")
    singles: tuple[Any, ...] = ("a.jpg", photo_of(1), Path("a.jpg"), Image.open(io.BytesIO(photo_of(1))))
    for single in singles:
        for call in (shop.embed, partial(shop.put, {"product_id": "x"})):
            with pytest.raises(InvalidImage, match=r"photos must be a list.*\[photo\]"):
                call(single)


def test_questions_are_refused_as_by_the_engine(shop: lookalike.Shop) -> None:
    both = {"image": photo_of(1), "product_id": "p1"}
    for wrong in ({}, {"image": photo_of(1), "k": 0}, both, {"text": "x", "box": (0, 0, 9, 9)}):
        with pytest.raises(InvalidQuery):
            shop.search(**wrong)
    with pytest.raises(InvalidFilter):
        shop.search(image=photo_of(1), filter="price <")
    with pytest.raises(BadRequest, match="label or product_id"):
        shop.recommend(image=photo_of(1))
    with pytest.raises(TypeError):
        shop.search(colour="red")  # type: ignore[call-arg]


def test_pages_by_cursor_hold_every_product_once(shop: lookalike.Shop) -> None:
    hits = shop.search(image=photo_of(2), k=2)
    seen = ids(hits)
    while hits.next_cursor:
        hits = shop.search(cursor=hits.next_cursor, k=2)
        seen += ids(hits)
    assert sorted(seen) == [f"p{number}" for number in range(DIM - 3)]


def test_http_and_library_give_the_same_answers(shapes: lookalike.Shop) -> None:
    photo = draw_shape("green", "square", 70)
    content = io.BytesIO()
    photo.save(content, "PNG")
    client = create_app(shapes.settings, SearchEngine(shapes.settings, backbone=TinyBackbone())).test_client()

    def post(url: str, **fields: Any) -> Any:
        return client.post(url, data={"file": (io.BytesIO(content.getvalue()), "a.png"), **fields}).get_json()

    def as_json(value: Any) -> Any:
        return json.loads(json.dumps(dataclasses.asdict(value)))

    def hits_as_json(found: Iterable[Any]) -> list[Any]:
        """Hits as JSON; over HTTP they have a `why_map` only where one was asked for."""
        return [{name: value for name, value in as_json(hit).items() if name != "why_map"} for hit in found]

    options: dict[str, Any] = {
        "text": "in blue", "text_weight": 0.3, "filter": "price < 30", "k": 5, "diversity": 0.4, "not_text": "disc",
    }  # fmt: skip
    found = shapes.search(image=photo, box=(8, 8, 60, 60), **options)
    assert hits_as_json(found) == post("/v1/search/image", box="[8,8,60,60]", **options)["hits"]
    seen = as_json(shapes.recognise(photo, k=2))
    assert seen["labels"] == post("/v1/recognize", k=2)["labels"]
    suggested, answered = as_json(shapes.suggest(photo, k=2)), post("/v1/recognize", k=2, attributes="true")
    for name in ("labels", "category", "attributes", "title", "price"):
        assert suggested[name] == answered[name], name
    label = seen["labels"][0]["label"]
    recommended = shapes.recommend(label=label, image=photo, colour="파랑", k=4)
    assert hits_as_json(recommended) == post("/v1/recommend", label=label, colour="파랑", k=4)["hits"]
    similar = client.post("/v1/recommend", json={"product_id": "red-disc"}).get_json()["hits"]
    assert hits_as_json(shapes.recommend(product_id="red-disc")) == similar


def test_after_a_rebuild_the_new_generation_answers(settings: Settings, tmp_path: Path) -> None:
    settings = settings.replace(space_dim=24)
    feed = draw_catalogue(tmp_path / "feed", texts=False)
    shop = lookalike.Shop(settings, backbone=TinyBackbone())
    assert shop.import_feed(str(feed), images=str(feed.parent), report=tmp_path / "report.jsonl").created == 24
    assert (tmp_path / "report.jsonl").exists()
    with pytest.raises(InvalidFeed, match="format must be one of auto, csv"):
        shop.import_feed(feed, format="xls")
    with pytest.raises(InvalidFeed, match=r"none\.csv"):
        shop.import_feed("none.csv")
    first = shop.rebuild().generation
    assert shop.search(product_id="red-disc").generation == first == shop.status()["live"]["generation"]
    shop.put({"product_id": "new"}, [draw_shape("magenta", "square", 7)])
    second = shop.rebuild(train=False).generation
    hits = shop.search(image=draw_shape("magenta", "square", 7), k=1)
    assert (ids(hits), hits.generation) == (["new"], second)
    assert second != first


def test_many_threads_share_one_engine(shop: lookalike.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[SearchEngine] = []
    together = threading.Barrier(8)

    class Counted(SearchEngine):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **options)

    def search(number: int) -> list[str]:
        together.wait()
        return ids(shop.search(image=photo_of(number % 5), k=1))

    monkeypatch.setattr(engine.search, "SearchEngine", Counted)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(search, range(8))) == [[f"p{number % 5}"] for number in range(8)]
    assert len(made) == 1


def test_hits_are_a_sequence_that_prints_as_the_command_does(shop: lookalike.Shop) -> None:
    hits = shop.search(image=photo_of(3), k=4)
    assert (len(hits), hits[0], hits[-1]) == (4, hits.hits[0], hits.hits[3])
    assert ids(hits[1:3]) == ids(hits)[1:3]
    assert isinstance(hits[1:3], Hits)
    assert "p3" in ids(hits)
    lines = repr(hits).splitlines()
    assert lines[0].split() == ["score", "product_id", "price", "title"]
    assert lines[1].split() == ["1.000", "p3", "13.00", "EUR", "p3"]
    assert "4 of 5 hits" in lines[-1]
    assert repr(hits) == hits_table(hits)
    nothing = shop.search(image=photo_of(3), filter="price > 1000")
    assert not nothing
    assert repr(nothing).endswith("No match.")
    assert "No match." in nothing._repr_html_()


def test_titles_of_strangers_are_text_on_the_page_and_one_line_in_the_table(shop: lookalike.Shop) -> None:
    hostile = "<script>alert(1)</script>\n\"'&"
    shop.put({"product_id": "<b>x", "title": hostile, "price": 3, "currency": "<i>"}, [photo_of(6)])
    hits = shop.search(image=photo_of(6), k=1)
    page = hits._repr_html_()
    for raw in ("<script", "<b>", "<i>"):
        assert raw not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert len(repr(hits).splitlines()) == 3


def test_a_notebook_shows_thumbnails_inline(shop: lookalike.Shop) -> None:
    shop.put({"product_id": "new"}, [photo_of(6)])
    hits = shop.search(image=photo_of(6), k=2)
    page = hits._repr_html_()
    assert page.count("<img") == 2
    assert page.count("data:image/webp;base64,UklGR") == 1  # the others' thumbnails are not there: TinyShop writes none
    thumbnail_path(shop.settings.home, hits[0].image_id or "").unlink()
    assert "UklGR" not in hits._repr_html_()
    many = dataclasses.replace(hits, hits=hits.hits * 40)
    assert many._repr_html_().count("<img") == 50
    assert "and 30 more" in many._repr_html_()


def test_a_frame_needs_pandas(shop: lookalike.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = shop.search(image=photo_of(3), k=2)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(LookalikeError, match="pip install pandas"):
        hits.to_frame()
    stand_in = SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    rows, columns = hits.to_frame()
    assert [row["product_id"] for row in rows] == ids(hits)
    assert columns[:2] == ["product_id", "score"]


def test_the_examples_of_the_documents_run(
    shapes: lookalike.Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes.put({"product_id": "mug-17", "title": "Blue mug", "category": "disc"}, [draw_shape("blue", "disc", 70)])
    for name, photo in (
        ("photo", ("red", "disc", 71)),
        ("front", ("red", "disc", 74)),
        ("side", ("red", "disc", 75)),
        ("a", ("red", "bar", 72)),
        ("b", ("blue", "bar", 73)),
    ):
        draw_shape(*photo).save(tmp_path / f"{name}.jpg")
    (tmp_path / "feed.csv").write_text("product_id,title,price,image\nmug-19,Green mug,7,b.jpg\n")
    (tmp_path / "var").symlink_to(shapes.settings.home)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lookalike, "Shop", partial(lookalike.Shop, backbone=TinyBackbone()))
    for document, least in (("README.md", 1), ("docs/python.md", 6)):
        examples = list(examples_of(document))
        assert len(examples) >= least, f"{document} must hold examples"
        names: dict[str, Any] = {}
        for example in examples:
            exec(example, names)  # noqa: S102
        assert ids(names["hits"])
        assert names["vectors"].shape[0] == 2
