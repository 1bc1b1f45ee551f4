"""A catalog.db that a disk has damaged: doctor names values and mends indexes, and a product written again is whole."""

import dataclasses
import sqlite3

import pytest
from findings import levels
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, product_fields
from data.database import FILE_NAME, Connections
from data.errors import DatabaseError
from data.generations import GenerationFolder
from data.settings import Settings
from indexer.operating import examine
from indexer.operating.finding import FAIL, OK, WARN
from indexer.rebuild import rebuild

pytestmark = pytest.mark.usefixtures("tiny")


def test_doctor_mends_a_damaged_index_of_the_database(generation: GenerationFolder, settings: Settings) -> None:
    path = settings.home / FILE_NAME
    with sqlite3.connect(path) as connection:  # a row is written while the index is out of sight
        name = "product_images_by_sha256"
        sql = connection.execute("SELECT * FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
    connection.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM product_images WHERE image_key = 1")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", sql)
    connection.close()
    assert levels(examine(settings))["integrity"] == FAIL
    told = "\n".join(map(str, examine(settings, repair=True)))
    assert "mended: the indexes of catalog.db" in told
    assert levels(examine(settings))["integrity"] == OK


def test_doctor_says_that_a_torn_database_needs_a_backup(generation: GenerationFolder, settings: Settings) -> None:
    path = settings.home / FILE_NAME
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(content)
    found = [finding for finding in examine(settings, repair=True) if finding.subject == "integrity"]
    assert [finding.level for finding in found] == [FAIL]
    assert "backup" in found[0].advice
    assert path.read_bytes() == bytes(content)


def change_row(settings: Settings, sql: str) -> None:
    """Changes stored values behind the catalogue's back, as a disk does; SQLite sees nothing wrong with them."""
    with sqlite3.connect(settings.home / FILE_NAME) as connection:
        assert connection.execute(sql).rowcount
    connection.close()


CHANGES = {
    "a letter of a title": "UPDATE products SET title = 'Rad disc' WHERE product_id = 'red-disc'",
    "a price": "UPDATE products SET price = 1000 + price WHERE product_id = 'red-disc'",
    "a text that is no UTF-8": "UPDATE products SET brand = CAST(x'41ff' AS TEXT) WHERE product_id = 'red-disc'",
    "a product is gone": "UPDATE products SET deleted = 1 WHERE product_id = 'red-disc'",
    "the order of photos": "UPDATE product_images SET position = position + 7 WHERE image_key = 1",
    "the checksum": "UPDATE products SET checksum = checksum + 1 WHERE product_id = 'red-disc'",
    "the path of a photo": "UPDATE photos SET source = source || 'x' WHERE sha256 = (SELECT min(sha256) FROM photos)",
    "the colour of a photo": "UPDATE photos SET colours = '[]' WHERE sha256 = (SELECT min(sha256) FROM photos)",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_doctor_notices_a_changed_value(generation: GenerationFolder, settings: Settings, change: str) -> None:
    change_row(settings, change)
    found = [finding for finding in examine(settings) if finding.subject == "rows"]
    assert [finding.level for finding in found] == [FAIL]
    assert "not as they were written" in found[0].detail


@pytest.mark.parametrize("name", ["a letter of a title", "a price", "the checksum"])
def test_writing_the_same_product_again_mends_it(generation: GenerationFolder, settings: Settings, name: str) -> None:
    catalogue = Catalogue(settings.home)
    facts = catalogue.get("red-disc")
    change_row(settings, CHANGES[name])
    assert catalogue.upsert(facts.product, None) == "updated"
    assert product_fields(catalogue.get("red-disc").product) == product_fields(facts.product)
    assert levels(examine(settings))["rows"] == OK
    assert catalogue.upsert(facts.product, None) == "unchanged"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE filter_facts SET price = 1e9 WHERE product_key = 1",
        "UPDATE filter_values SET value = 'rad' WHERE product_key = 1 AND field = 'colour'",
        "DELETE FROM filter_facts WHERE product_key = 1",
        "UPDATE lexical_keys SET key = 'rad disc' WHERE product_key = 1 AND kind = 'title'",
    ],
)
def test_doctor_makes_damaged_rows_of_filters_anew(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    queries = [f"SELECT * FROM filter_{name} ORDER BY 1, 2, 3" for name in ("facts", "values")]  # noqa: S608
    before = [Connections(settings.home).query(sql) for sql in queries]
    change_row(settings, change)
    assert levels(examine(settings))["rows"] == FAIL
    assert "mended: what filters read of 1 products" in "\n".join(map(str, examine(settings, repair=True)))
    assert levels(examine(settings))["rows"] == OK
    assert [Connections(settings.home).query(sql) for sql in queries] == before


def test_every_way_of_writing_leaves_sound_rows(generation: GenerationFolder, settings: Settings) -> None:
    catalogue = Catalogue(settings.home)
    first = catalogue.get("red-disc")
    catalogue.patch("red-disc", {"title": "Other", "attributes": {"size": "L", "kids": True}})
    catalogue.delete("blue-disc")
    catalogue.erase_product("blue-disc")
    catalogue.delete("green-disc")
    catalogue.upsert(dataclasses.replace(first.product, product_id="green-disc"), None)
    record = catalogue.photo(first.image_sha256[0])
    assert record is not None
    catalogue.update_photos([dataclasses.replace(record, colours=("teal",))])
    rebuild(settings, backbone=TinyBackbone())
    assert levels(examine(settings))["rows"] == OK
    assert Catalogue(settings.home).upkeep.unsound().unchecked == 0


def test_rows_of_an_older_version_get_their_checksums(generation: GenerationFolder, settings: Settings) -> None:
    change_row(settings, "UPDATE products SET checksum = NULL, filter_checksum = NULL")
    change_row(settings, "UPDATE photos SET checksum = NULL")
    assert levels(examine(settings))["rows"] == WARN
    assert levels(examine(settings, repair=True))["rows"] == OK
    assert levels(examine(settings))["rows"] == OK


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lexical_words_content SET c0 = 'rad' WHERE id = 1",
        "UPDATE lexical_letters_content SET c0 = 'rad' WHERE id = 1",
        "DELETE FROM lexical_words_docsize WHERE id = 1",
    ],
)
def test_doctor_makes_a_damaged_lexical_index_anew(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    before = Catalogue(settings.home).by_letters("red disc")
    change_row(settings, change)
    assert levels(examine(settings))["integrity"] == FAIL
    assert "mended: the indexes of catalog.db" in "\n".join(map(str, examine(settings, repair=True)))
    assert levels(examine(settings))["integrity"] == OK
    assert Catalogue(settings.home).by_letters("red disc") == before


DAMAGED_JSON = {
    "attributes": "UPDATE products SET attributes = '{\"size: 1}' WHERE product_id = 'red-disc'",
    "attributes of another kind": "UPDATE products SET attributes = '3' WHERE product_id = 'red-disc'",
    "time": "UPDATE products SET created_at = '2O26' WHERE product_id = 'red-disc'",
    "colours": "UPDATE photos SET colours = '[\"re'",
    "text": "UPDATE products SET title = CAST(x'41ff' AS TEXT) WHERE product_id = 'red-disc'",
}


@pytest.mark.parametrize("change", DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_a_value_that_cannot_be_read_is_named_and_writing_it_again_mends_it(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    catalogue = Catalogue(settings.home)
    facts = catalogue.get("red-disc")
    known = catalogue.photos(facts.image_sha256)
    photos = [known[sha256] for sha256 in facts.image_sha256]
    change_row(settings, change)
    found = [finding for finding in examine(settings) if finding.subject == "rows"]
    assert [finding.level for finding in found] == [FAIL]
    if "photos" not in change:
        with pytest.raises(DatabaseError, match="catalog"):
            catalogue.get("red-disc")
    assert catalogue.upsert(facts.product, photos) in ("updated", "unchanged")
    assert catalogue.get("red-disc") == facts
    assert facts.product.product_id not in catalogue.upkeep.unsound().products
    assert not set(facts.image_sha256) & set(catalogue.upkeep.unsound().photos)
