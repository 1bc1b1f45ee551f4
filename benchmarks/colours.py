"""Measures how rightly colours of products are read off their photos, on the sample catalogue, whose colours are known.

    python benchmarks/colours.py [--products 240]

A name is right where the product's texts say that colour: of the thing, its pattern or its details.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.catalogue import product_colours
from data.photos import COLOUR_NAMES, decode_within_borders, dominant_colours
from data.sample import generate_sample
from data.settings import Settings

_SIDE = 320
Names = Sequence[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=240)
    with tempfile.TemporaryDirectory() as folder:
        catalogue = generate_sample(Path(folder), products=parser.parse_args().products)
        products = [json.loads(line) for line in catalogue.read_text(encoding="utf-8").splitlines()]
        photos = [[_seen(catalogue.parent / image) for image in product["images"]] for product in products]
    own, right = [product["colour"] for product in products], [_right(product) for product in products]
    print(f"{len(products)} products               main colour first  main colour named  wrong names a product")
    every = [tuple(dict.fromkeys(name for names in shown for name in names)) for shown in photos]
    _tell("all names of its photos", every, own, right)
    _tell("as a product has them", [product_colours([*map(json.dumps, shown)]) for shown in photos], own, right)
    _tell("its first photo alone", [shown[0] for shown in photos], own, right)


def _seen(path: Path) -> tuple[str, ...]:
    return dominant_colours(decode_within_borders(path.read_bytes(), Settings(), target=_SIDE))


def _right(product: dict[str, str]) -> set[str]:
    """Returns the colours that the product's description names in English."""
    said = re.findall(r"\bin (\w+)", product["description"].split("Size:")[0])
    return {product["colour"], *said} & COLOUR_NAMES.keys()


def _tell(label: str, found: Sequence[Names], own: Names, right: Sequence[set[str]]) -> None:
    first = np.mean([names[0] == colour for names, colour in zip(found, own, strict=True)])
    named = np.mean([colour in names for names, colour in zip(found, own, strict=True)])
    wrong = np.mean([len(set(names) - known) for names, known in zip(found, right, strict=True)])
    print(f"{label:26}  {first:17.3f}  {named:17.3f}  {wrong:21.3f}")


if __name__ == "__main__":
    main()
