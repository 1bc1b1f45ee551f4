"""Measures what a background costs: the sample's things in the same snapshots, each in other places than its own.

    python benchmarks/backgrounds.py HOME [--places 4]

HOME is the home of the sample catalogue (`lookalike --home HOME demo`), live and untouched. The thing, its size, turn,
blur and noise stay as they are in `queries/`; what lies behind it changes, with the light and the shadow there. R@1 is
how often the first hit is the product. The last line is of photos of the place alone, which are no match.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from data.sample import SAMPLE_NOW, Item, draw_item, phone_photo, plan_item
from data.settings import Settings
from engine.answers import SearchAnswer
from engine.search import SearchEngine, SearchRequest

_SEED, _PRODUCTS = 0, 240  # the sample's own
_OWN = 0  # the place that the sample's query photo shows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--places", type=int, default=4, help="other places for each thing")
    options = parser.parse_args()
    engine = SearchEngine(Settings(home=options.home))
    engine.warm()
    found = np.zeros((_PRODUCTS, options.places + 1), np.bool_)
    taken = np.zeros_like(found)
    empty = np.zeros(_PRODUCTS, np.bool_)
    for number in range(_PRODUCTS):
        item = plan_item(number, _SEED, SAMPLE_NOW)
        product = draw_item(item, _SEED)
        for place in range(options.places + 1):
            answer = asked(engine, snapshot(item, product, place))
            found[number, place] = answer.hits[0].product_id == item.product_id
            taken[number, place] = not answer.no_match
        nothing = Image.new("RGBA", product.size)
        empty[number] = not asked(engine, snapshot(item, nothing, _OWN)).no_match
    own, others = found[:, _OWN].mean(), found[:, _OWN + 1 :].mean()
    print(f"R@1 in its own place {own:.3f}, in {options.places} others {others:.3f}: {own - others:+.3f} lost")
    everywhere, nowhere = found.all(axis=1).mean(), (~found).all(axis=1).mean()
    print(f"right in every place: {everywhere:.3f} of {_PRODUCTS} things; in none: {nowhere:.3f}")
    print(f"no match: own place {1 - taken[:, _OWN].mean():.3f}, elsewhere {1 - taken[:, _OWN + 1 :].mean():.3f}")
    print(f"places without a thing that are called a match: {empty.mean():.3f}")


def snapshot(item: Item, product: Image.Image, place: int) -> bytes:
    """Returns the sample's query photo of a thing as a JPEG file, in its own place (0) or in another (1 and up)."""
    elsewhere = None if place == _OWN else np.random.default_rng([_SEED, 5, item.number, place])
    rng = np.random.default_rng([_SEED, 4, item.number, 0])
    content = io.BytesIO()
    phone_photo(product, rng, flat=item.kind.flat, elsewhere=elsewhere).save(content, "JPEG", quality=60)
    return content.getvalue()


def asked(engine: SearchEngine, photo: bytes) -> SearchAnswer:
    return engine.search(SearchRequest(image=photo, k=1))


if __name__ == "__main__":
    main()
