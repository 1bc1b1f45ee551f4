"""Facts, titles and prices suggested by the products most like a photo."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from tiny_shop import TinyShop, axis, photo_of

from data.catalogue import ProductFacts, parse_product
from data.settings import Settings
from engine.recognition import Recognition, ValueGuess
from engine.search import SearchEngine
from engine.suggesting import AttributeGuess, Neighbourhood, Suggestions, guess_attributes, suggestions_of

Near = dict[str, Any]
NOTHING = Recognition(labels=(), voters={}, neighbours=(), abstained=True)


def facts(number: int, colours: Sequence[str] = ("red",), **given: Any) -> ProductFacts:
    product = parse_product({"product_id": f"p{number}", **given})
    return ProductFacts(product_key=number, product=product, image_sha256=(), colours=tuple(colours))


def neighbourhood(products: Sequence[ProductFacts], *, category: str = "", kin: int | None = None) -> Neighbourhood:
    """Products on a line, each a little farther from the photo, which is where the first one is."""
    places = np.arange(len(products)) * 0.02
    likeness = 1 - np.abs(places[:, None] - places[None, :])
    return Neighbourhood(tuple(products), likeness[0], likeness, category, len(products) if kin is None else kin)


def guessed(
    near: Neighbourhood, colours: Sequence[str] = (), told: Mapping[str, ValueGuess] | None = None
) -> dict[str, AttributeGuess]:
    return {guess.name: guess for guess in guess_attributes(near, colours, told or {})}


def test_a_fact_that_goes_with_the_looks_is_guessed_and_one_that_does_not_is_not() -> None:
    products = [
        facts(
            at, brand=f"brand {at * 7 % 11}", attributes={"material": "wool" if at < 20 else "silk", "code": f"c{at}"}
        )
        for at in range(40)
    ]
    found = guessed(neighbourhood(products))
    wool, brand = found["attr.material"], found["brand"]
    assert (wool.value, wool.abstained) == ("wool", False)
    assert wool.probability > 0.9
    assert brand.abstained
    assert brand.probability < 0.3
    assert "attr.code" not in found  # no two products share one


def test_the_probability_is_how_often_such_votes_are_right() -> None:
    draw = np.random.default_rng(3)
    values = draw.choice(["a", "b"], size=100)  # nothing to do with the looks
    found = guessed(neighbourhood([facts(at, attributes={"x": value}) for at, value in enumerate(values)]))
    assert found["attr.x"].probability == pytest.approx(0.5, abs=0.2)
    assert found["attr.x"].abstained


def test_values_are_compared_without_case_and_keep_their_kind() -> None:
    products = [
        facts(at, attributes={"fit": "Slim" if at % 2 else "SLIM", "kids": False, "size": 38}) for at in range(6)
    ]
    found = guessed(neighbourhood(products))
    assert (found["attr.fit"].value, found["attr.kids"].value, found["attr.size"].value) == ("SLIM", False, 38)


def test_too_few_products_guess_nothing() -> None:
    assert guessed(neighbourhood([facts(at, brand="Acorn") for at in range(4)])) == {}


def test_products_of_the_category_vote_if_there_are_enough() -> None:
    others = [facts(9 + at, attributes={"material": "steel"}) for at in range(20)]
    kin = [facts(at, attributes={"material": "wool"}) for at in range(6)]
    assert guessed(neighbourhood([*kin, *others], category="Hats", kin=6))["attr.material"].value == "wool"
    alone = guessed(neighbourhood([*kin[:1], *others], category="Hats", kin=1))
    assert alone["attr.material"].value == "steel"


def test_the_colour_is_the_photos_own_where_the_shop_names_colours_so() -> None:
    products = [facts(at, colours=("red", "white"), colour="Red") for at in range(8)]
    found = guessed(neighbourhood(products), colours=("blue",))
    assert (found["colour"].value, found["colour"].abstained) == ("blue", False)
    wrong = [facts(at, colours=("grey",), colour="red") for at in range(8)]
    assert guessed(neighbourhood(wrong), colours=("blue",))["colour"].abstained
    words = [facts(at, colours=("red",), colour="crimson") for at in range(8)]
    assert guessed(neighbourhood(words), colours=("blue",))["colour"].value == "crimson"


def told(value: str, *others: str, probability: float = 0.95) -> ValueGuess:
    return ValueGuess(
        value=value, probability=probability, abstained=probability < 0.8, others=others,
        known=frozenset(name.casefold() for name in (value, *others)),
    )  # fmt: skip


def test_the_voter_of_an_attribute_comes_before_the_nearest_products() -> None:
    products = [facts(at, attributes={"material": "Wool" if at < 20 else "silk", "fit": "slim"}) for at in range(40)]
    found = guessed(
        neighbourhood(products), told={"attr.material": told("silk", "wool"), "attr.unknown": told("x", "y")}
    )
    assert set(found) == {"attr.material", "attr.fit"}  # no product near has the other
    silk = found["attr.material"]
    assert (silk.value, silk.probability, silk.abstained, silk.others) == ("silk", 0.95, False, ("wool",))
    assert (found["attr.fit"].value, found["attr.fit"].others) == ("slim", ())


def test_a_value_that_no_product_near_has_is_not_suggested() -> None:
    others = [facts(9 + at, attributes={"material": "steel"}) for at in range(20)]
    kin = [facts(at, attributes={"material": "wool"}) for at in range(6)]
    near = neighbourhood([*kin, *others], category="Hats", kin=6)
    assert guessed(near, told={"attr.material": told("steel", "wool")})["attr.material"].value == "wool"
    unasked = neighbourhood([*kin, *others])
    assert guessed(unasked, told={"attr.material": told("steel", "wool")})["attr.material"].value == "steel"


def test_a_value_that_the_voter_cannot_know_yet_is_suggested_by_the_products() -> None:
    new = [facts(at, attributes={"material": "hemp"}) for at in range(15)]
    known = [facts(20 + at, attributes={"material": "wool"}) for at in range(15)]
    found = guessed(neighbourhood([*new, *known]), told={"attr.material": told("wool", "silk")})["attr.material"]
    assert (found.value, found.abstained) == ("hemp", False)


def title(titles: Sequence[str], *, category: str = "Mugs", **given: Any) -> tuple[str, int] | None:
    products = [facts(at, title=text, **given) for at, text in enumerate(titles)]
    found = suggestions_of(NOTHING, neighbourhood(products, category=category), (), {}).title
    return (found.text, found.titles) if found else None


def test_a_title_has_the_words_that_titles_share_and_the_facts_that_they_name() -> None:
    names = ["Hana", "Basil", "Rumi", "Tolo", "Pino", "Sena"]
    assert title([f"Red enamel mug {name}" for name in names], colour="red") == ("Red enamel mug", 6)
    kinds = ["wool", "wool", "wool", "silk"]
    products = [facts(at, title=f"Soft {kind} scarf", attributes={"kind": kind}) for at, kind in enumerate(kinds)]
    found = suggestions_of(NOTHING, neighbourhood(products, category="Scarves"), (), {}).title
    assert found is not None
    assert found.text == "Soft scarf"  # `wool` is not said of a thing that may be of silk
    korean = [f"빨간 머그컵 {name}" for name in names]
    assert title(korean, category="머그컵") == ("빨간 머그컵", 6)


def test_no_title_is_one_products_own() -> None:
    assert title(["Royal Gala"], category="Apples") == ("Apples", 0)
    assert title(["Red mug", "Red mug Hana", "Red mug Tolo"]) == ("Mugs", 0)
    assert title(["Red mug", "Red mug", "Red mug Tolo"]) == ("Red mug", 3)
    assert title(["One", "Two", "Three"], category="") is None


def test_the_price_range_is_the_quartiles_in_the_usual_currency() -> None:
    products = [facts(at, price=price, currency="KRW") for at, price in enumerate((8000, 9000, 10000, 11000, 12000))]
    price = suggestions_of(NOTHING, neighbourhood([*products, facts(9, price=5, currency="EUR")]), (), {}).price
    assert price is not None
    assert (price.low, price.high, price.currency, price.n) == (9000, 11000, "KRW", 5)
    assert suggestions_of(NOTHING, neighbourhood(products[:4]), (), {}).price is None


@pytest.fixture
def engine(settings: Settings) -> SearchEngine:
    shop = TinyShop(settings)
    for at in range(6):
        shop.put(f"a{at}", [axis(1)], category="Mugs", attributes={"material": "clay"})
        shop.put(f"b{at}", [axis(2)], category="Hats", attributes={"material": "wool"})
    shop.publish()
    return SearchEngine(settings, backbone=shop.backbone)


def test_a_photo_is_suggested_for_without_voters_and_for_any_category(engine: SearchEngine) -> None:
    seen = engine.suggest(photo_of(1))
    assert (seen.labels, seen.abstained, seen.category) == ((), True, "")
    assert [(guess.name, guess.value) for guess in seen.attributes] == [("attr.material", "clay")]
    hats: Suggestions = engine.suggest(photo_of(1), category="hats")
    assert (hats.category, hats.attributes[0].value) == ("hats", "wool")
    assert engine.suggest(photo_of(1), category="nothing of the kind").attributes[0].value == "clay"
    assert engine.suggest(photo_of(1), box=(0, 0, 32, 32)).attributes[0].value == "clay"


def test_a_product_added_a_moment_ago_counts(settings: Settings, engine: SearchEngine) -> None:
    shop = TinyShop(settings)
    for at in range(6):
        shop.put(f"c{at}", [axis(3)], category="Cups", attributes={"material": "tin"})
    assert engine.suggest(photo_of(3)).attributes[0].value == "tin"


def test_of_a_title_as_long_as_a_feed_may_hold_only_its_beginning_is_looked_at() -> None:
    words = [f"w{number}" for number in range(60)]
    assert title([" ".join([*words, name]) for name in ("Hana", "Tolo", "Vik")]) == (" ".join(words[:40]), 3)
