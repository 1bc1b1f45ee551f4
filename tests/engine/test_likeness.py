"""Why a hit is alike, as parts of the two photos: how much each place counts, and where the part lies."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone
from tiny_shop import TinyShop, axis, photo_of

from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.photos import thumbnail_path
from data.settings import Settings
from engine.answers import PhotoPart, WhyMap
from engine.errors import InvalidQuery, NoFeatureMap
from engine.likeness import MOST_MAPS, MOST_PLACES, part_of
from engine.photos import DecodedPhoto
from engine.protocols import Floats
from engine.search import Hit, SearchEngine, SearchRequest
from engine.space import Projection, QueryAdapter

GROUND = (240, 240, 235)


@pytest.fixture(scope="module")
def engine(built_home: Path) -> SearchEngine:
    return SearchEngine(Settings(home=built_home), backbone=TinyBackbone())


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def photo_with_a_bar(left: int, top: int, size: tuple[int, int], *, side: int = 320) -> bytes:
    """Returns a photo of this size in which the product's own photo of a red bar lies."""
    table = Image.new("RGB", size, GROUND)
    table.paste(draw_shape("red", "bar").resize((side, side)), (left, top))
    return png(table)


def first(engine: SearchEngine, **fields: Any) -> tuple[Hit, WhyMap]:
    hit = engine.search(SearchRequest(why="map", k=1, **fields)).hits[0]
    assert hit.why_map is not None
    return hit, hit.why_map


def middle(part: PhotoPart) -> tuple[float, float]:
    """Returns where in its photo a part lies, each 0..1."""
    x0, y0, x1, y1 = part.box
    return (x0 + x1) / 2 / part.width, (y0 + y1) / 2 / part.height


def mean_inner_product(places: Floats, other: Floats) -> float:
    return float((places @ other).mean())


@pytest.mark.parametrize("transform", ["sqrt_l2", "l2", "none"])
def test_what_the_places_add_up_to_is_the_score(transform: str) -> None:
    draw = np.random.default_rng(3)
    maps = np.maximum(draw.normal(0, 1, (2, 81, 40)), 0).astype(np.float32)
    maps[:, :, 7] = 0  # a channel that is silent everywhere
    mean, matrix, correction = (draw.normal(0, 0.1, shape).astype(np.float32) for shape in (40, (40, 12), (12, 12)))
    space, adapter = Projection(transform=transform, mean=mean, matrix=matrix), QueryAdapter(correction)
    query = adapter.of_places(space.of_places(maps[0]))
    hit = space.of_places(maps[1])
    points = space.apply(maps.mean(axis=1))
    asked, found = adapter.apply(points[:1])[0], points[1]
    assert hit.mean(axis=0) == pytest.approx(found, abs=1e-5)
    assert query.mean(axis=0) == pytest.approx(asked, abs=1e-5)
    assert mean_inner_product(query, found) == pytest.approx(float(asked @ found), abs=1e-5)
    assert mean_inner_product(hit, asked) == pytest.approx(float(asked @ found), abs=1e-5)


def test_a_photo_in_the_middle_of_the_space_has_no_part_that_counts() -> None:
    places = np.ones((4, 3), np.float32)
    space = Projection(transform="none", mean=np.ones(3, np.float32), matrix=np.eye(3, dtype=np.float32))
    assert not space.of_places(places).any()


def test_what_is_not_alike_counts_less(engine: SearchEngine) -> None:
    picture = draw_shape("red", "disc").resize((480, 480))
    whole = np.array(first(engine, image=png(picture))[1].query.grid)
    picture.paste("blue", (0, 240, 480, 480))
    hit, why = first(engine, image=png(picture), filter='product_id = "red-disc"')
    assert hit.product_id == "red-disc"
    above, below = np.split(np.array(why.query.grid), 2)
    assert above.mean() > 3 * below.mean()
    assert below.mean() < whole[8:].mean() / 2
    assert (why.query.width, why.query.height, why.query.image_id) == (480, 480, None)
    assert (why.hit.width, why.hit.height, why.hit.image_id) == (64, 64, hit.image_id)


def redness(seen: DecodedPhoto) -> PhotoPart:
    """Returns the part of a photo of a red bar that a network would show which counts nothing but red."""
    pixels = seen.network_input.astype(np.float32)
    places = pixels.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    part = part_of(seen, places[:, :, 0] - places[:, :, 2] - 20, None)
    assert part is not None
    return part


@pytest.mark.parametrize(("size", "left", "top"), [((800, 480), 30, 100), ((400, 800), 40, 400), ((320, 320), 0, 0)])
def test_the_part_lies_where_the_thing_is(settings: Settings, size: tuple[int, int], left: int, top: int) -> None:
    part = redness(DecodedPhoto.decode(photo_with_a_bar(left, top, size), TinyBackbone.spec, settings))
    assert (part.width, part.height) == size
    bar = left + 160, top + 150  # its middle; it is 240 pixels long and 40 high
    assert middle(part) == pytest.approx((bar[0] / size[0], bar[1] / size[1]), abs=0.06)
    grid = np.array(part.grid)
    assert grid.shape == tuple(round(MOST_PLACES * side / max(size)) for side in (size[1], size[0]))
    assert grid.max() == 1
    assert grid.min() == 0


def test_a_box_is_explained_within_itself(settings: Settings) -> None:
    seen = DecodedPhoto.decode(
        photo_with_a_bar(400, 100, (800, 480)), TinyBackbone.spec, settings, box=(400, 100, 720, 420)
    )
    part = redness(seen)
    assert (part.width, part.height) == (800, 480)
    assert middle(part) == pytest.approx((560 / 800, 250 / 480), abs=0.06)
    all_of_it = part_of(seen, np.ones((8, 8), np.float32), None)
    assert all_of_it is not None
    everywhere = np.array(all_of_it.grid)
    assert not everywhere[:, :7].any()
    assert not everywhere[:, 15:].any()
    assert everywhere[3:8, 9:13].all()


def test_borders_are_no_part_of_the_photo(settings: Settings) -> None:
    noise = np.random.default_rng(1).normal(0, 40, (140, 140, 3))
    bare = np.asarray(draw_shape("red", "bar").resize((140, 140))) + noise
    screen = Image.new("RGB", (140, 300), "black")  # a letterbox above and below
    screen.paste(Image.fromarray(np.clip(bare, 0, 255).astype(np.uint8)), (0, 90))
    seen = DecodedPhoto.decode(png(screen), TinyBackbone.spec, settings)
    part = redness(seen)
    assert middle(part) == pytest.approx((32 / 64, (90 + 140 * 30 / 64) / 300), abs=0.06)
    assert not np.array(part.grid)[[0, 1, 2, 3, -1, -2, -3]].any()


def test_where_nothing_speaks_for_the_match_there_is_no_part(settings: Settings) -> None:
    seen = DecodedPhoto.decode(photo_with_a_bar(0, 0, (320, 320)), TinyBackbone.spec, settings)
    assert part_of(seen, np.full((8, 8), -1, np.float32), None) is None


def test_only_the_first_hits_are_explained(engine: SearchEngine) -> None:
    image = png(draw_shape("red", "disc"))
    plain = engine.search(SearchRequest(image=image, k=8)).hits
    hits = engine.search(SearchRequest(image=image, k=8, why="map")).hits
    assert [hit.product_id for hit in hits] == [hit.product_id for hit in plain]
    assert {hit.why_map for hit in plain} == {None}
    assert [hit.why_map is not None for hit in hits[:MOST_MAPS]] == [True] * MOST_MAPS
    assert {hit.why_map for hit in hits[MOST_MAPS:]} == {None}


def test_a_products_own_photo_that_is_most_like_the_hit_is_compared(engine: SearchEngine) -> None:
    _, why = first(engine, product_id="red-bar")
    photos = Catalogue(engine._settings.home).get("red-bar").image_sha256
    assert why.query.image_id in photos
    assert why.hit.image_id not in photos


def test_the_next_page_is_explained_too(engine: SearchEngine) -> None:
    image = png(draw_shape("red", "disc"))
    cursor = engine.search(SearchRequest(image=image, k=3)).next_cursor
    assert cursor is not None
    hits = engine.search(SearchRequest(image=image, k=3, cursor=cursor, why="map")).hits
    assert all(hit.why_map for hit in hits)


def test_a_thumbnail_stands_in_for_a_photo_that_is_gone(settings: Settings, generation: GenerationFolder) -> None:
    engine = SearchEngine(settings, backbone=TinyBackbone())
    image = png(draw_shape("red", "disc"))
    hit, _ = first(engine, image=image)
    assert hit.image_id is not None
    with Catalogue(settings.home)._connections.writing() as connection:
        connection.execute("UPDATE photos SET source = '/gone'")
    assert first(engine, image=image)[1].hit.image_id == hit.image_id
    thumbnail_path(settings.home, hit.image_id).unlink()
    assert engine.search(SearchRequest(image=image, why="map", k=1)).hits[0].why_map is None


@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({"text": "red"}, "got none"),
        ({"like": ("red-disc",)}, "got none"),
        ({"image": b"x", "more_images": (b"y",)}, "got 2"),
        ({"image": b"x", "why": "words"}, "must be map"),
    ],
)
def test_why_needs_one_photo_or_product(engine: SearchEngine, fields: dict[str, Any], got: str) -> None:
    with pytest.raises(InvalidQuery, match=got) as caught:
        engine.search(SearchRequest(**{"why": "map", **fields}))
    assert caught.value.field == "why"


def test_a_backbone_that_sees_no_places_says_so(settings: Settings) -> None:
    shop = TinyShop(settings)
    shop.put("a", [axis(1)])
    shop.publish()
    with pytest.raises(NoFeatureMap, match="cannot say which part") as caught:
        SearchEngine(settings, backbone=shop.backbone).search(SearchRequest(image=photo_of(1), why="map"))
    assert caught.value.field == "why"
