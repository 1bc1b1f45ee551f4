"""The search engine: requests, mixing, filters and what each refuses."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tiny_shop import DIM, AxisTower, TinyShop, axis, blend, ids, name_of, photo_of

from data.errors import InvalidFilter, InvalidImage, NoGeneration, UnknownProduct
from engine.answers import Cursor
from engine.errors import InvalidQuery
from engine.generation import Generation
from engine.search import SearchEngine, SearchRequest


def test_an_answer_explains_its_hits_as_long_as_it_is_kept(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(1), axis(2)])
    shop.put("b", [axis(3)])
    shop.publish()
    answer = engine.search(SearchRequest(image=photo_of(2), text="axis1"))
    for hit in answer.hits:
        found = engine.explain(answer.query_id, hit.product_id)
        assert found
        assert (found.hit, tuple(reason.text for reason in found.reasons)) == (hit, hit.why)
    found = engine.explain(answer.query_id, "a")
    assert found
    assert [(reason.kind, len(reason.values)) for reason in found.reasons] == [("photo", 2), ("shares", 6)]
    assert engine.explain(answer.query_id, "none") is engine.explain("f" * 16, "a") is None
    assert engine.likely(answer.query_id, 0.15) is engine.likely("f" * 16, 0.15) is None  # there are no probabilities


def test_a_photo_finds_its_product_with_its_facts(shop: TinyShop, engine: SearchEngine) -> None:
    now = datetime.now(UTC)
    shop.put(
        "a", [axis(1), axis(2)], brand="Acme", price=9.5, currency="EUR", category="Shoes",
        created_at=(now - timedelta(days=3)).isoformat(),
    )  # fmt: skip
    shop.put("b", [blend(2, 3, 0.5)], created_at=(now - timedelta(days=300)).isoformat())
    shop.put("undated", [axis(3)])
    shop.put("ahead", [axis(4)], created_at=(now + timedelta(days=40)).isoformat())
    generation = shop.publish()
    answer = engine.search(SearchRequest(image=photo_of(2)))
    first, second, undated, ahead = answer.hits
    assert (first.product_id, first.title, first.brand, first.price, first.currency) == ("a", "a", "Acme", 9.5, "EUR")
    assert (first.category, first.fresh, second.fresh, undated.fresh, ahead.fresh) == (
        "Shoes",
        True,
        False,
        False,
        False,
    )
    assert first.score == pytest.approx(1)
    assert first.image_id == name_of(axis(2))
    assert first.image_url == f"/thumbs/{name_of(axis(2))}.webp"
    assert first.why == ("nearest of its 2 photos: number 2",)
    assert first.match_probability is None
    assert (answer.generation, answer.pending, answer.next_cursor, answer.no_match) == (generation.id, 0, None, False)


def test_words_and_photo_are_mixed_by_weight(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("photo", [axis(0)])
    shop.put("words", [axis(1)])
    shop.put("both", [blend(0, 1, 0.5**0.5)])
    shop.publish()
    request = SearchRequest(image=photo_of(0), text="axis1")
    assert ids(engine.search(request))[0] == "both"
    assert ids(engine.search(replace(request, text_weight=0.05)))[0] == "photo"
    assert ids(engine.search(replace(request, text_weight=0.95)))[0] == "words"
    assert engine.search(request).hits[0].why == ("photo 0.71 (50%), words 0.71 (50%)",)


def test_unwanted_words_push_products_down(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("with", [blend(0, 1, 0.8)])
    shop.put("without", [blend(0, 2, 0.75)])
    shop.publish()
    assert ids(engine.search(SearchRequest(text="axis0"))) == ["with", "without"]
    assert ids(engine.search(SearchRequest(text="axis0", not_text="axis1"))) == ["without", "with"]


def test_similar_leaves_the_product_itself_out(shop: TinyShop, engine: SearchEngine) -> None:
    for name, point in {"a": axis(0), "twin": axis(0), "near": blend(0, 1, 0.9), "far": axis(5)}.items():
        shop.put(name, [point])
    shop.publish()
    assert ids(engine.search(SearchRequest(product_id="a"))) == ["twin", "near", "far"]
    assert ids(engine.search(SearchRequest(product_id="a", text="axis5", text_weight=0.9)))[0] == "far"
    with pytest.raises(UnknownProduct):
        engine.search(SearchRequest(product_id="nobody"))


def test_similar_to_a_product_that_was_just_added(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    shop.put("b", [axis(0)])
    assert ids(engine.search(SearchRequest(product_id="b"))) == ["a"]
    shop.put("c", [axis(4)], embedded=False)
    with pytest.raises(InvalidQuery, match="embedded photos"):
        engine.search(SearchRequest(product_id="c"))


def test_a_box_is_cut_from_the_upright_photo(shop: TinyShop, engine: SearchEngine) -> None:
    import io

    from PIL import Image

    left, right = Image.new("RGB", (100, 40), (20, 0, 0)), Image.new("RGB", (50, 40), (50, 0, 0))
    left.paste(right, (50, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees: 40 wide, 100 high, the left half on top
    out = io.BytesIO()
    left.save(out, "PNG", exif=exif)
    shop.put("top", [axis(2)])
    shop.put("bottom", [axis(5)])
    shop.publish()
    assert ids(engine.search(SearchRequest(image=out.getvalue(), box=(0, 0, 40, 50))))[0] == "top"
    assert ids(engine.search(SearchRequest(image=out.getvalue(), box=(4, 60, 36, 100))))[0] == "bottom"
    with pytest.raises(InvalidQuery, match="40 x 100"):
        engine.search(SearchRequest(image=out.getvalue(), box=(0, 0, 100, 40)))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "text, image, product_id or like"),
        ({"text": "   "}, "text, image, product_id or like"),
        ({"not_text": "axis1"}, "text, image, product_id or like"),
        ({"text": "x" * 1001}, "text must"),
        ({"text": "axis0", "not_text": "x" * 1001}, "not_text"),
        ({"text": "axis0", "k": 0}, "k must"),
        ({"text": "axis0", "k": 1001}, "k must"),
        ({"text": "axis0", "text_weight": 1.5}, "text_weight"),
        ({"text": "axis0", "text_weight": float("nan")}, "text_weight"),
        ({"text": "axis0", "diversity": -0.1}, "diversity"),
        ({"text": "axis0", "freshness": 2.0}, "freshness"),
        ({"text": "axis0", "box": (0, 0, 20, 20)}, "box needs exactly one image; got none"),
        ({"image": photo_of(0), "product_id": "a"}, "not both"),
        ({"image": photo_of(0), "box": (0, 0, 15, 40)}, "at least 16"),
        ({"image": photo_of(0), "box": (0, 0, float("nan"), 40)}, "four numbers"),
        ({"image": photo_of(0), "box": (20, 0, 0, 40)}, "at least 16"),
        ({"image": photo_of(0), "box": (-1, 0, 20, 40)}, "64 x 48"),
        ({"text": "axis0", "cursor": "garbage"}, "next_cursor"),
        ({"cursor": "é"}, "next_cursor"),
        ({"cursor": Cursor("0" * 16, 10, "0" * 16).encode()[:-2]}, "next_cursor"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    fields: dict[str, Any], named: str, shop: TinyShop, engine: SearchEngine
) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    with pytest.raises(InvalidQuery, match=named):
        engine.search(SearchRequest(**fields))


def test_bad_filters_and_photos_are_refused_by_their_own_errors(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    with pytest.raises(InvalidFilter):
        engine.search(SearchRequest(text="axis0", filter="brand ="))
    with pytest.raises(InvalidImage):
        engine.search(SearchRequest(image=b""))


def test_where_no_words_were_learned_their_letters_still_find_products(shop: TinyShop) -> None:
    shop.put("a", [axis(0)], title="Red shoe")
    shop.publish()
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    answer = engine.search(SearchRequest(text="shoes"))
    assert [(hit.product_id, hit.why) for hit in answer.hits] == [("a", ("has the words: shoes",))]
    assert engine.search(SearchRequest(text="laptop")).no_match
    with pytest.raises(InvalidQuery, match="title"):
        engine.search(SearchRequest(text="shoes", image=photo_of(0)))


def test_a_code_or_title_stands_first_whatever_it_looks_like(shop: TinyShop, engine: SearchEngine) -> None:
    for name, point in (("p1", axis(0)), ("p2", axis(1)), ("p3", axis(2))):
        shop.put(name, [point], title=f"axis0 {name}", attributes={"sku": f"AX-{name}"})
    shop.publish()
    shop.put("fresh", [axis(3)], title="axis0", embedded=False)
    assert ids(engine.search(SearchRequest(text="axis0")))[0] == "fresh"
    hit = engine.search(SearchRequest(text="ax-p3", diversity=1.0, freshness=1.0)).hits[0]
    assert (hit.product_id, hit.why[0]) == ("p3", "code matches: sku")
    assert "p2" not in ids(engine.search(SearchRequest(text="p2", filter='title != "axis0 p2"')))


def test_more_products_of_one_title_than_an_answer_holds(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.answers.find.DEPTH", 3)
    for place in range(5):
        shop.put(f"p{place}", [axis(place)], title="axis0")
    shop.publish()
    hits = engine.search(SearchRequest(text="axis0")).hits
    assert len(hits) == 3
    assert {hit.why[0] for hit in hits} == {"title matches"}


def test_the_legs_can_be_asked_alone(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("looks", [axis(0)], title="nothing")
    shop.put("reads", [axis(1)], title="axis0 cup")
    shop.publish()
    assert ids(engine.search(SearchRequest(text="axis0", legs="dense"))) == ["looks", "reads"]
    assert ids(engine.search(SearchRequest(text="axis0", legs="lexical"))) == ["reads"]
    assert sorted(ids(engine.search(SearchRequest(text="axis0")))) == ["looks", "reads"]
    with pytest.raises(InvalidQuery, match="legs"):
        engine.search(SearchRequest(text="axis0", legs="both"))


def test_a_title_with_a_typing_error_is_a_name_and_no_condition(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("it", [axis(0)], title="Lamp under 20 euro", price=50, currency="EUR")
    for number in range(30):
        shop.put(f"cheap-{number}", [axis(1)], title=f"chair {number}", price=10, currency="EUR")
    shop.publish()
    assert engine.search(SearchRequest(text="chair under 20 euro")).understood
    answer = engine.search(SearchRequest(text="lmap under 20 euro"))
    assert (answer.hits[0].product_id, answer.understood) == ("it", ())


def test_the_meaning_is_that_of_the_mended_words(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("reads", [axis(1)], title="backpack5")
    shop.put("looks", [axis(5)], title="nothing")
    shop.put("typed", [axis(0)], title="anything")
    shop.publish()
    answer = engine.search(SearchRequest(text="backpackx"))
    assert (answer.did_you_mean, ids(answer)) == ("backpack5", ["reads", "looks", "typed"])
    assert ids(engine.search(SearchRequest(text="backpackx", legs="dense")))[0] == "typed"


def test_a_word_that_no_product_has_is_no_typing_error(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("shoe", [axis(1)], title="sneaker")
    shop.put("other", [axis(0)], title="anything")
    shop.publish()
    assert engine.search(SearchRequest(text="speaker")).did_you_mean is None
    assert engine.search(SearchRequest(text="speeker")).did_you_mean is None
    assert engine.search(SearchRequest(text="sneeker")).did_you_mean == "sneaker"
    shop.put("shirt", [axis(1)], title="plain shirt")
    engine.refresh()
    assert engine.search(SearchRequest(text="plaid shirt")).did_you_mean is None
    assert engine.search(SearchRequest(text="plian shirt")).did_you_mean == "plain shirt"


def test_a_product_without_a_photo_is_found_by_words_codes_and_filters(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("seen", [axis(0)], title="axis0")
    shop.put("unseen", [], title="Bosch drill XK-4432", price=99)
    shop.publish()
    for text in ("bosch drill", "XK-4432", "unseen", "xk4432", "bosch dril"):
        answer = engine.search(SearchRequest(text=text, filter="price < 100", k=1, diversity=0.5))
        assert [(hit.product_id, hit.image_url) for hit in answer.hits] == [("unseen", None)]
    assert not engine.search(SearchRequest(text="drill", filter="price < 50")).hits


def test_k_products_come_back_under_a_filter(shop: TinyShop, engine: SearchEngine) -> None:
    for number in range(60):
        shop.put(
            f"p{number:02d}", [axis(number % DIM), blend(0, 1, number / 60)], brand="x" if number % 6 == 0 else "y"
        )
    shop.publish()
    answer = engine.search(SearchRequest(text="axis3", filter='brand = "x"', k=10))
    assert len(answer.hits) == 10
    assert {hit.brand for hit in answer.hits} == {"x"}
    assert engine.search(SearchRequest(text="axis3", filter='brand = "nobody"')).hits == ()


def test_a_search_without_a_generation_is_an_error_and_status_is_not(engine: SearchEngine) -> None:
    with pytest.raises(NoGeneration):
        engine.search(SearchRequest(text="axis0"))
    status = engine.status()
    assert status["generation"] is None
    assert "rebuild" in status["problem"]


def test_status_tells_what_is_live(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    generation = shop.publish()
    shop.put("b", [axis(1)])
    shop.put("c", [axis(2)], embedded=False)
    status = engine.status()
    assert status["generation"] == generation.id
    assert status["fingerprint"] == shop.backbone.spec.fingerprint
    assert (status["backbone"], status["precision"], status["index"]) == ("points", "f32", "faiss flat cpu")
    assert (status["rows"], status["delta_rows"], status["pending"]) == (1, 1, 1)
    assert "GPU" in status["index_reason"]


def test_stages_are_timed(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Generation, "text_tower", lambda self: AxisTower())
    stages: dict[str, float] = {}
    engine = SearchEngine(shop.settings, backbone=shop.backbone, on_stage=stages.__setitem__)
    shop.put("a", [axis(0)])
    shop.publish()
    engine.warm()
    engine.search(SearchRequest(image=photo_of(0), text="axis0"))
    assert {"decode", "embed", "text", "search", "rank", "facts"} <= set(stages)
    assert all(milliseconds >= 0 for milliseconds in stages.values())


def test_answers_stay_right_while_generations_are_swapped(shop: TinyShop, engine: SearchEngine) -> None:
    """Every product has been there from the start, so every answer must hold all of them, of one generation."""
    names = {f"p{number}" for number in range(12)}
    for number, name in enumerate(sorted(names)):
        shop.put(name, [blend(0, 1, number / 12)])
    published = {shop.publish().id}
    done, failures, served = threading.Event(), [], set()

    def ask() -> None:
        while not done.is_set():
            answer = engine.search(SearchRequest(text="axis0", k=50))
            served.add(answer.generation)
            if set(ids(answer)) != names or len(answer.hits) != len(names):
                failures.append(ids(answer))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(6):
        shop.put("p0", [blend(0, 1, 0.5 + number / 100)])
        published.add(shop.publish().id)
    while engine.status()["generation"] != max(published):
        engine._live.wait(10)
    done.set()
    for thread in threads:
        thread.join(10)
    assert failures == []
    assert served <= published
