"""Writes product changes, in the order that makes them durable and findable before they are acknowledged."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue, PhotoRecord, Product, ProductFacts, Written
from data.errors import InvalidImage, NoGeneration, UnknownProduct
from data.photos import Examined, Intake, deletions_held, erase_product
from engine.protocols import Decoding
from engine.search import SearchEngine


class ProductWriter:
    """Writes one product at a time: photos decoded, features durable, then the catalogue row that makes it visible.

    Args:
        slot: context that is held while photos are embedded, for example `Admission.slot`; by default none.
        decoding: context that is held while photos are decoded.
    """

    def __init__(
        self,
        engine: SearchEngine,
        catalogue: Catalogue,
        intake: Intake,
        slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        decoding: Decoding = nullcontext,
    ) -> None:
        self._engine, self._catalogue, self._intake, self._slot = engine, catalogue, intake, slot
        self._decoding = decoding
        self._turn = threading.Lock()  # threads queue here: SQLite's own lock is polled, and not in order

    def put(self, product: Product, contents: Sequence[bytes], *, only_new: bool = False) -> Written:
        """Creates or replaces a product.

        Args:
            product: all its facts.
            contents: the bytes of its photos; none keeps the photos that it has.
            only_new: whether a product with the same id must stay as it is.

        Raises:
            ProductExists: with `only_new`, there is a product with this id.
            InvalidImage: a photo cannot be used; the message names its number. Nothing was changed.
            Overloaded: too many requests wait.
        """
        if not contents:
            with self._turn:
                return self._catalogue.put(product, None, only_new=only_new)
        if only_new:
            self._catalogue.check_new(product.product_id)  # before the photos are decoded, which costs far more
        with self._decoding():
            # all are examined before any is stored, so that a refused request leaves nothing behind
            examined = [self._examine(number, content) for number, content in enumerate(contents, start=1)]
        with self._slot():
            self._embed([self._intake.store(photo) for photo in examined])
        with self._turn, deletions_held(self._catalogue.home):
            photos = [self._intake.store(photo) for photo in examined]  # again what was deleted meanwhile
            return self._catalogue.put(product, photos, only_new=only_new)

    def take_in(self, path: Path) -> PhotoRecord:
        """Returns the record of a photo file, for `put_many`.

        Raises:
            InvalidImage: the file is not a photo that the project accepts.
            Overloaded: too many photos wait.
        """
        with self._decoding():
            return self._intake.accept_path(path)

    def put_many(self, items: Sequence[tuple[Product, Sequence[PhotoRecord] | None]]) -> list[str]:
        """Creates or replaces products in one transaction.

        Args:
            items: each product with its photos, which `Intake` has accepted; None keeps the photos that it has.

        Raises:
            Overloaded: too many requests wait.
        """
        with self._slot():
            self._embed([photo for _, photos in items for photo in photos or ()])
        with self._turn:
            return self._intake.write(items)

    def patch(self, product_id: str, changes: Mapping[str, Any]) -> ProductFacts:
        """Replaces the named facts of a product and returns it.

        Raises:
            UnknownProduct: there is no such product.
            InvalidProduct: a change breaks a rule.
        """
        with self._turn:
            return self._catalogue.patch(product_id, changes)

    def delete(self, product_id: str, *, purge: bool = False) -> None:
        """Takes a product out of every later search.

        Args:
            purge: whether its facts and photos are erased at once, also those of a product that is deleted already.

        Raises:
            UnknownProduct: there is no such product; with `purge`: there is nothing left of it.
        """
        with self._turn:
            deleted = erase_product(self._catalogue, product_id) if purge else self._catalogue.delete(product_id)
        if not deleted:
            raise UnknownProduct(product_id)

    def _embed(self, photos: Sequence[PhotoRecord]) -> None:
        """Makes the features of `photos` durable; if nothing is published yet, the first rebuild does it instead."""
        try:
            self._engine.embed_new(photos)
        except NoGeneration:
            return

    def _examine(self, number: int, content: bytes) -> Examined:
        try:
            return self._intake.examine(content)
        except InvalidImage as error:
            raise error.numbered(number) from error
