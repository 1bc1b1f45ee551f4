"""Which of the colours seen in its photos a product has."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_photos import photo

from data.catalogue import Catalogue, Product
from data.catalogue.photo_colours import product_colours
from data.database import migrations
from data.database.connections import Connections
from data.filters import parse_filter

FRONT = replace(photo("front"), colours=("pink", "white"))
SIDE = replace(photo("side"), colours=("pink", "grey"))
ON_WOOD = replace(photo("wood"), colours=("brown", "pink"))


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        ([], ()),
        ([["red", "white"]], ("red", "white")),
        ([["red"], ["white"]], ("red", "white")),
        ([["pink", "white"], ["grey", "pink"], ["pink"]], ("pink",)),
        ([["pink", "white"], ["white"], ["white", "pink"]], ("pink", "white")),
        ([["red"], ["blue"], ["green"]], ("red", "blue", "green")),
        ([[], [], ["blue"]], ("blue",)),
    ],
)
def test_a_colour_counts_where_half_of_the_photos_show_it(photos: list[list[str]], expected: tuple[str, ...]) -> None:
    assert product_colours([json.dumps(names) for names in photos]) == expected


def test_facts_and_filters_agree(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.upsert(Product(product_id="bag"), [FRONT, SIDE, ON_WOOD])
    assert catalogue.get("bag").colours == ("pink",)
    found = {name: list(catalogue.matching_keys(parse_filter(f"colour = {name}"))) for name in ('"pink"', '"brown"')}
    assert found == {'"pink"': [1], '"brown"': []}


def test_a_home_of_an_older_version_gets_the_same_rows(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.upsert_many(
        [
            (Product(product_id="bag"), [FRONT, SIDE, ON_WOOD]),
            (Product(product_id="own", colour="Brown"), [FRONT, SIDE, ON_WOOD]),
            (Product(product_id="one"), [ON_WOOD]),
            (Product(product_id="none"), []),
        ]
    )
    connections = Connections(tmp_path)
    rows = "SELECT value, product_key FROM filter_values WHERE field = 'colour' ORDER BY 1, 2"
    new, seq = connections.query(rows), catalogue.seq()
    with connections.writing() as connection:
        for key in (1, 2):  # as they were, with every colour that any photo shows
            names = ("white", "grey", "brown", "pink")
            rare = [("colour", "text", name, key) for name in names]
            connection.executemany("INSERT OR IGNORE INTO filter_values VALUES (?, ?, ?, ?)", rare)
    assert connections.query(rows) != new
    with connections.writing() as connection:
        migrations.m014_colours_of_most_photos(connection)
    assert connections.query(rows) == new
    assert catalogue.refiltered_since(seq).tolist() == [1, 2]
    catalogue.upkeep.add_checksums()
    assert not catalogue.upkeep.unsound().filters
