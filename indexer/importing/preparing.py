"""Turns feed rows into checked products, in the order of the feed, while threads take in photos ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from data.catalogue import PhotoRecord, Product, RowProblem, check_product, readable_id
from data.errors import InvalidImage, InvalidProduct
from data.readers import BadRow, Row, is_url

_PHOTOS_AHEAD = 64
_ROWS_AHEAD = 256
TakeIn = Callable[[str | bytes], PhotoRecord]


@dataclass(frozen=True)
class Prepared:
    """One feed row after its checks.

    Attributes:
        product_id: the id that the row names; "" if it cannot be read.
        product: None where the row was refused; `problems` says why.
        photos: the photos that were taken in; None: the product keeps the photos it has.
        unfetched: how many photos are web addresses that were left alone, because fetching is off.
    """

    product_id: str
    product: Product | None = None
    photos: tuple[PhotoRecord, ...] | None = None
    problems: tuple[RowProblem, ...] = ()
    unfetched: int = 0


@dataclass(frozen=True)
class _Started:
    """A row with its photos on their way.

    Attributes:
        problems: the warnings of its facts.
        images: the photos that it names, without those that are not to be fetched.
        futures: None where the row names no photos, or where they wait because an earlier row has its product_id.
    """

    row: Row
    product: Product
    problems: tuple[RowProblem, ...]
    images: tuple[str | bytes, ...] | None
    futures: list[Future[PhotoRecord]] | None

    @property
    def unfetched(self) -> int:
        return len(self.row.images or ()) - len(self.images or ())


def prepare(
    rows: Iterable[Row | BadRow], take_in: TakeIn, threads: int, *, dates: str = "", fetch: bool = True
) -> Generator[Prepared]:
    """Yields one `Prepared` per row, in order; memory holds the product_ids and a bounded number of rows.

    Args:
        take_in: turns an image reference, or a photo's bytes, into a photo, or raises InvalidImage; called from
            `threads` threads.
        dates: order of day and month in dates that can be two days, see `check_product`.
        fetch: False: references that are web addresses are left alone.
    """
    waiting: deque[Prepared | _Started] = deque()
    photos = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
        preparation = _Preparation(
            lambda references: [pool.submit(take_in, reference) for reference in references], dates, fetch
        )
        try:
            for row in rows:
                waiting.append(started := preparation.start(row))
                photos += _photo_count(started)
                while photos > _PHOTOS_AHEAD or len(waiting) > _ROWS_AHEAD:
                    photos -= _photo_count(waiting[0])
                    yield preparation.finish(waiting.popleft())
            while waiting:
                yield preparation.finish(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Preparation:
    """Starts rows and finishes them, both in the feed's order.

    The first row of a product_id that gives a product takes the id; a refused row leaves it to a later one. Whether a
    row is refused may not be known before its photos are there, so a repeated id is judged when its row is finished.
    """

    def __init__(
        self, take_in_all: Callable[[Sequence[str | bytes]], list[Future[PhotoRecord]]], dates: str, fetch: bool
    ) -> None:
        self._take_in_all, self._dates, self._fetch = take_in_all, dates, fetch
        self._started: set[str] = set()
        self._taken: set[str] = set()

    def start(self, row: Row | BadRow) -> Prepared | _Started:
        if isinstance(row, BadRow):
            return Prepared(row.product_id, problems=(RowProblem(row.line, row.product_id, row.code, row.message),))
        try:
            checked = check_product(row.fields, dates=self._dates)
        except InvalidProduct as error:
            return _refused(row, error)
        product = checked.product
        is_first = product.product_id not in self._started
        self._started.add(product.product_id)
        problems = [_warning(row, product, found.code, found.message) for found in row.warnings]
        problems += [_warning(row, product, bad.code, f"{bad.message} {bad.outcome}") for bad in checked.problems]
        images = self._wanted(row)
        futures = self._take_in_all(images) if is_first and images is not None else None
        return _Started(row, product, tuple(problems), images, futures)

    def _wanted(self, row: Row) -> tuple[str | bytes, ...] | None:
        """Returns the photos to take in; None if the row names none, or only such as are not to be fetched."""
        if self._fetch or not row.images:
            return row.images
        return tuple(image for image in row.images if isinstance(image, bytes) or not is_url(image)) or None

    def finish(self, item: Prepared | _Started) -> Prepared:
        """Waits for the row's photos; the product keeps its good photos if others are bad."""
        if isinstance(item, Prepared):
            return item
        product_id = item.product.product_id
        if product_id in self._taken:
            message = f"product_id must occur only once in a feed; got {product_id!r} again. Merge the rows."
            return _refused(item.row, InvalidProduct(message, code="duplicate_product_id"))
        futures = item.futures
        if futures is None and item.images is not None:
            futures = self._take_in_all(item.images)
        prepared = _with_photos(item, futures)
        if prepared.product is not None:
            self._taken.add(product_id)
        return prepared


def _warning(row: Row, product: Product, code: str, message: str) -> RowProblem:
    return RowProblem(row.line, product.product_id, code, message, "warning")


def _refused(row: Row, error: InvalidProduct) -> Prepared:
    shown = str(row.fields.get("product_id") or "")[:200].encode("utf-8", "replace").decode("utf-8")
    return Prepared(readable_id(row.fields), problems=(RowProblem(row.line, shown, error.code, str(error)),))


def _photo_count(item: Prepared | _Started) -> int:
    return len(item.futures or ()) if isinstance(item, _Started) else 0


def _with_photos(item: _Started, futures: list[Future[PhotoRecord]] | None) -> Prepared:
    row, product, problems = item.row, item.product, list(item.problems)
    if futures is None:
        return Prepared(product.product_id, product, None, item.problems, item.unfetched)
    photos: dict[str, PhotoRecord] = {}
    for future in futures:
        try:
            record = future.result()
            photos.setdefault(record.sha256, record)
            if record.remark:
                problems.append(_warning(row, product, "truncated", record.remark))
        except InvalidImage as error:
            problems.append(_warning(row, product, error.code, str(error)))
    if not photos:
        problems.append(_warning(row, product, "no_usable_image", _no_image(row)))
        if row.only_image:
            refused = tuple(replace(problem, severity="error") for problem in problems)
            return Prepared(product.product_id, problems=refused)
    kept = tuple(photos.values()) if photos or not futures else None
    return Prepared(product.product_id, product, kept, tuple(problems), item.unfetched)


def _no_image(row: Row) -> str:
    if row.only_image:
        return "a product imported from a photo alone needs that photo to be usable; the row was refused."
    if row.images:
        return f"a product should have a usable image; all {len(row.images)} failed. It keeps those it had."
    return "a product should have an image; got none. It is kept and found by its words, not by photos."
