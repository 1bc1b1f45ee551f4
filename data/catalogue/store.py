"""The shop's catalogue: writes and reads products and photos, lists changes, and finds products that pass a filter."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue.checking import patch_product
from data.catalogue.checksums import Unsound
from data.catalogue.deletions import Restored, record_deletions, restore_deletions
from data.catalogue.erasing import erase_deleted, erase_product
from data.catalogue.filter_rows import FILTER_FACTS, read_filter_rows
from data.catalogue.products import Product
from data.catalogue.reads import (
    Change,
    PhotoRecord,
    ProductFacts,
    Snapshot,
    check_unknown,
    live_keys_after,
    read_changes,
    read_facts,
    read_live,
    read_photos,
    read_snapshot,
)
from data.catalogue.upkeep import Upkeep
from data.catalogue.writes import delete_all, update_photos, upsert_all
from data.completion import Completion, complete
from data.database import Connections, json_list
from data.filters import Filter, milvus_fields
from data.lexical import (
    EntryCounts,
    LexicalAnswer,
    WordScores,
    find_by_letters,
    find_words,
    share_found,
    unnamed,
)

__all__ = ["Catalogue", "Change", "PhotoRecord", "ProductFacts", "Snapshot", "Unsound", "Written"]


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of one product that was written.

    Attributes:
        outcome: "created", "updated" or "unchanged".
        facts: the product right after it was written, before any later change.
    """

    outcome: str
    facts: ProductFacts


class Catalogue:
    """Products and photos in `home/catalog.db`; safe to use from several threads and processes at once.

    Every change of a product takes the next value of one counter, `seq`. All methods raise DatabaseError if SQLite
    fails.

    Attributes:
        upkeep: what the nightly job and `doctor` do to keep it in order.
    """

    def __init__(self, home: Path) -> None:
        self._connections, self._counts, self._scores = Connections(home), EntryCounts(), WordScores()
        self._connections.prepare()  # now, so that a bad file is reported at once
        self.upkeep = Upkeep(self._connections)
        self.upkeep.refresh_lexical_index()

    @property
    def home(self) -> Path:
        """The folder that holds the catalogue's files."""
        return self._connections.home

    @property
    def connections(self) -> Connections:
        """What the catalogue is read with: what else reads with it takes part in `one_state`."""
        return self._connections

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """Lets all reads of this thread in the block see the same state; together they take less time than alone.

        Nothing slow belongs in the block: while it runs, the write-ahead log cannot be made short again.
        """
        with self._connections.reading():
            yield

    def upsert(self, product: Product, photos: Sequence[PhotoRecord] | None) -> str:
        """Adds or replaces one product; see `upsert_many`."""
        return self.upsert_many([(product, photos)])[0]

    def upsert_many(self, items: Iterable[tuple[Product, Sequence[PhotoRecord] | None]]) -> list[str]:
        """Adds or replaces products in one transaction; durable when it returns. Batches of about 500 work well.

        A product without `created_at` keeps its stored one, if it has one. Photos are compared by content and order;
        None keeps the stored ones. A deleted product comes back as a new one.

        Returns:
            For each item, in order: "created", "updated" or "unchanged".
        """
        given = list(items)
        with self._connections.writing() as connection:
            return upsert_all(connection, self._connections.home, given)

    def preview_many(self, items: Iterable[tuple[Product, Sequence[PhotoRecord] | None]]) -> list[str]:
        """Returns what `upsert_many` would return now, and changes nothing."""
        given = list(items)
        with self._connections.undone() as connection:
            return upsert_all(connection, self._connections.home, given)

    def put(self, product: Product, photos: Sequence[PhotoRecord] | None, *, only_new: bool = False) -> Written:
        """Adds or replaces one product, as `upsert_many` does, and returns it as it then was.

        Raises:
            ProductExists: with `only_new`, there is a product with this id; nobody else's can come in between.
        """
        with self._connections.writing() as connection:
            if only_new:
                check_unknown(connection, product.product_id)
            outcome = upsert_all(connection, self._connections.home, [(product, photos)])[0]
            return Written(outcome=outcome, facts=read_live(connection, product.product_id))

    def check_new(self, product_id: str) -> None:
        """Raises ProductExists if there is a product with this id."""
        with self._connections.reading() as connection:
            check_unknown(connection, product_id)

    def patch(self, product_id: str, changes: Mapping[str, Any]) -> ProductFacts:
        """Replaces the named facts of a live product and returns it; nobody else's change can come in between.

        Raises:
            UnknownProduct: there is none with this id, or it is deleted.
            InvalidProduct: a change breaks a rule.
        """
        with self._connections.writing() as connection:
            patched = patch_product(read_live(connection, product_id).product, changes)
            upsert_all(connection, self._connections.home, [(patched, None)])
            return read_live(connection, product_id)

    def delete(self, product_id: str) -> bool:
        """Marks a product as deleted and removes its images; returns False if there is no such product."""
        with self._connections.writing() as connection:
            return bool(delete_all(connection, self._connections.home, [product_id]))

    def delete_missing(
        self,
        keep_product_ids: Collection[str],
        *,
        run_id: int | None = None,
        at_most: int | None = None,
        as_of: int | None = None,
    ) -> int:
        """Deletes every product whose id is not among `keep_product_ids`, unless they are too many.

        Args:
            run_id: the import that deletes them; `restore` can then bring them back.
            at_most: if more products than this are missing, none is deleted; None: any number may go.
            as_of: `seq` of the state that the ids were compared with; products that were written later stay.

        Returns:
            How many products are missing from `keep_product_ids`.
        """
        keep = set(keep_product_ids)
        with self._connections.writing() as connection:
            live = connection.execute(
                "SELECT product_id FROM products WHERE NOT deleted AND (? IS NULL OR changed_seq <= ?)", (as_of, as_of)
            )
            missing = [product_id for (product_id,) in live if product_id not in keep]
            if at_most is None or len(missing) <= at_most:
                if run_id is not None and missing:
                    record_deletions(connection, run_id, missing)
                delete_all(connection, self._connections.home, missing)
            return len(missing)

    def restore(self, run_id: int) -> Restored:
        """Brings back the products that an import deleted, with their facts and photos, in one transaction.

        A product that has come back meanwhile stays as it is.

        Raises:
            UnknownImport: no such import deleted anything, or its record is no longer kept.
        """
        with self._connections.writing() as connection:
            return restore_deletions(connection, self._connections.home, run_id)

    def erase_deleted(self, before: datetime) -> int:
        """Erases facts and photos that products gave up before a time; returns how many photos were erased.

        Their files are for `data.photos.sweep` to delete.
        """
        with self._connections.writing() as connection:
            return erase_deleted(connection, before)

    def erase_product(self, product_id: str) -> list[str] | None:
        """Deletes a product and erases its facts and photos at once.

        Returns:
            sha256 of the photos erased, which no other product needs. None: there is nothing of such a product.
        """
        with self._connections.writing() as connection:
            return erase_product(connection, self._connections.home, product_id)

    def get(self, product_id: str) -> ProductFacts:
        """Returns one live product.

        Raises:
            UnknownProduct: there is none with this id, or it is deleted.
        """
        with self._connections.reading() as connection:
            return read_live(connection, product_id)

    def keys_of(self, product_ids: Collection[str]) -> NDArray[np.int64]:
        """Returns the keys of live products, int64 (m,), ascending; ids of no product are skipped."""
        rows = self._connections.query(
            "SELECT product_key FROM products WHERE product_id IN (SELECT value FROM json_each(?)) AND NOT deleted "
            "ORDER BY product_key",
            (json_list(product_ids),),
        )
        return np.array([key for (key,) in rows], np.int64)

    def facts(self, product_keys: Sequence[int]) -> dict[int, ProductFacts]:
        """Returns product_key -> facts for the given products that are live, in the given order."""
        with self._connections.reading() as connection:
            found = read_facts(connection, [int(key) for key in product_keys])
        return {int(key): found[int(key)] for key in product_keys if int(key) in found}

    def iter_facts(self, batch: int = 1000) -> Iterator[ProductFacts]:
        """Yields the live products in ascending order of key. Changes made meanwhile may or may not be seen."""
        after = 0
        while True:
            with self._connections.reading() as connection:
                found = read_facts(connection, live_keys_after(connection, after, batch))
            if not found:
                return
            after = max(found)
            yield from found.values()

    def photo(self, sha256: str) -> PhotoRecord | None:
        return self.photos([sha256]).get(sha256)

    def photos(self, sha256s: Collection[str]) -> dict[str, PhotoRecord]:
        """Returns sha256 -> record for the given photos that are known."""
        with self._connections.reading() as connection:
            return read_photos(connection, self._connections.home, sha256s)

    def update_photos(self, records: Sequence[PhotoRecord]) -> None:
        """Replaces what is stored of the given photos, in one transaction; durable when it returns."""
        with self._connections.writing() as connection:
            update_photos(connection, self._connections.home, records)

    def snapshot(self) -> Snapshot:
        """Returns all live images and the counter, read at one moment."""
        with self._connections.reading() as connection:
            return read_snapshot(connection)

    def seq(self) -> int:
        """Returns the counter of changes; cheap enough for every query."""
        seq: int = self._connections.query("SELECT seq FROM counter")[0][0]
        return seq

    def changes(self, after_seq: int) -> list[Change]:
        """Returns the latest state of each product whose images changed after `after_seq`, by ascending seq."""
        with self._connections.reading() as connection:
            return read_changes(connection, after_seq)

    def written_since(self, seq: int) -> NDArray[np.int64]:
        """Returns the keys of the products written, changed or deleted after `seq`, int64 (m,), ascending."""
        rows = self._connections.query(
            "SELECT product_key FROM products WHERE changed_seq > ? ORDER BY product_key", (seq,)
        )
        return np.fromiter((row[0] for row in rows), np.int64, len(rows))

    def titles(self, product_keys: Sequence[int]) -> dict[int, str]:
        """Returns product_key -> title, or id where there is none, of live products and of deleted ones still kept."""
        rows = self._connections.query(
            "SELECT product_key, iif(title = '', product_id, title) FROM products "
            "WHERE product_key IN (SELECT value FROM json_each(?))",
            (json_list([int(key) for key in product_keys]),),
        )
        return dict(rows)

    def matching_keys(self, filter: Filter) -> NDArray[np.int64]:
        """Returns the sorted keys of the live products that pass the filter, int64 (n,)."""
        where, parameters = filter.sql()
        # All keys come as one text: making a Python object of each row would take most of the time.
        text = self._connections.query(
            f"SELECT group_concat(f.product_key) FROM filter_facts AS f WHERE {where}",  # noqa: S608 - see sql()
            parameters,
        )[0][0]
        keys = np.fromstring(text or "", np.int64, sep=",")
        keys.sort()
        return keys

    def milvus_fields(self, product_keys: Collection[int]) -> dict[int, dict[str, Any]]:
        """Returns product_key -> the fields by which Milvus filters, of the given products that are live.

        Raises:
            ValueError: a product has more colours than Milvus can be asked for.
        """
        with self._connections.reading() as connection:
            found = read_filter_rows(connection, product_keys)
        return {
            key: milvus_fields(dict(zip(FILTER_FACTS, rows.facts, strict=True)), rows.values)
            for key, rows in found.items()
        }

    def refiltered_since(self, seq: int) -> NDArray[np.int64]:
        """Returns the products of which facts that filters read changed after `seq`, int64 (m,), ascending."""
        rows = self._connections.query("SELECT product_key FROM products WHERE filter_seq > ?", (seq,))
        return np.sort(np.fromiter((row[0] for row in rows), np.int64, len(rows)))

    def by_letters(self, text: str, is_word: Callable[[str], bool] = lambda _word: False) -> LexicalAnswer:
        """Returns which live products have this code or title, or these words, typing errors allowed.

        Args:
            is_word: tells whether a word that no product has is a word all the same, rather than a typing error.
        """
        with self._connections.reading() as connection:
            return find_by_letters(connection, text, self._counts, self._scores, is_word)

    def read_lengths(self) -> None:
        """Reads what the first search by words would otherwise wait for."""
        with self._connections.reading() as connection:
            self._scores.lengths.of(connection)

    def completions(self, text: str, k: int) -> list[Completion]:
        """Returns up to k texts that go on like what was typed, best first, typing errors allowed."""
        with self._connections.reading() as connection:
            return complete(connection, text, k)

    def words_found(self, product_keys: Sequence[int], words: Sequence[str]) -> dict[int, list[str]]:
        """Returns product key -> those of the words that the product's texts hold, for the given products."""
        with self._connections.reading() as connection:
            return find_words(connection, product_keys, words)

    def share_found(self, product_keys: Sequence[int], words: Sequence[str]) -> dict[int, float]:
        """Returns product key -> the share of the words that its title and facts hold, 0..1, where it is above 0."""
        with self._connections.reading() as connection:
            return share_found(connection, product_keys, words)

    def unnamed(self, words: Sequence[str], product_keys: Sequence[int]) -> dict[str, list[int]]:
        """Returns those of the words that no product has in its title or facts.

        Beside each stand those of the given products that have it in their description.
        """
        with self._connections.reading() as connection:
            return unnamed(connection, words, product_keys)

    def counts(self) -> dict[str, int]:
        """Returns the numbers of live products, their images, stored photos and deleted products."""
        row = self._connections.query(
            "SELECT (SELECT count(*) FROM products WHERE NOT deleted), (SELECT count(*) FROM product_images), "
            "(SELECT count(*) FROM photos), (SELECT count(*) FROM products WHERE deleted)"
        )[0]
        return dict(zip(("products", "images", "photos", "deleted"), row, strict=True))

    def backup(self, path: Path) -> None:
        """Writes a consistent copy of the whole database to `path`, which appears only when it is complete."""
        self._connections.backup(path)
