"""Turns feed rows into checked products, in the order of the feed, while threads take in photos ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from data.catalogue import PhotoRecord, Product, RowProblem, parse_product, readable_id
from data.errors import InvalidImage, InvalidProduct
from data.readers import BadRow, Row

_PHOTOS_AHEAD = 64
_ROWS_AHEAD = 256


@dataclass(frozen=True)
class Prepared:
    """One feed row after its checks.

    Attributes:
        product_id: the id that the row names; "" if it cannot be read.
        product: None where the row was refused; `problems` says why.
        photos: the photos that were taken in; None: the product keeps the photos it has.
    """

    product_id: str
    product: Product | None = None
    photos: tuple[PhotoRecord, ...] | None = None
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True)
class _Started:
    row: Row
    product: Product
    futures: list[Future[PhotoRecord]] | None = None


def prepare(rows: Iterable[Row | BadRow], take_in: Callable[[str], PhotoRecord], threads: int) -> Generator[Prepared]:
    """Yields one `Prepared` per row, in order; memory holds the product_ids and a bounded number of rows.

    Args:
        take_in: turns an image reference into a photo, or raises InvalidImage; called from `threads` threads.
    """
    seen: set[str] = set()
    waiting: deque[Prepared | _Started] = deque()
    photos = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
        try:
            for row in rows:
                waiting.append(started := _start(row, seen, pool, take_in))
                photos += _photo_count(started)
                while photos > _PHOTOS_AHEAD or len(waiting) > _ROWS_AHEAD:
                    photos -= _photo_count(waiting[0])
                    yield _finish(waiting.popleft())
            while waiting:
                yield _finish(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start(
    row: Row | BadRow, seen: set[str], pool: ThreadPoolExecutor, take_in: Callable[[str], PhotoRecord]
) -> Prepared | _Started:
    if isinstance(row, BadRow):
        return Prepared(row.product_id, problems=(RowProblem(row.line, row.product_id, row.code, row.message),))
    try:
        product = parse_product(row.fields)
        if product.product_id in seen:
            raise InvalidProduct(
                f"product_id must occur only once in a feed; got {product.product_id!r} again. Merge the rows.",
                code="duplicate_product_id",
            )
    except InvalidProduct as error:
        shown = str(row.fields.get("product_id") or "")[:200].encode("utf-8", "replace").decode("utf-8")
        problem = RowProblem(row.line, shown, error.code, str(error))
        return Prepared(readable_id(row.fields), problems=(problem,))
    seen.add(product.product_id)
    if row.images is None:
        return _Started(row, product)
    return _Started(row, product, [pool.submit(take_in, reference) for reference in row.images])


def _photo_count(item: Prepared | _Started) -> int:
    return len(item.futures or ()) if isinstance(item, _Started) else 0


def _finish(item: Prepared | _Started) -> Prepared:
    """Waits for the row's photos; the product keeps its good photos if others are bad."""
    if isinstance(item, Prepared):
        return item
    product_id = item.product.product_id
    if item.futures is None:
        return Prepared(product_id, item.product)
    photos: dict[str, PhotoRecord] = {}
    problems: list[RowProblem] = []
    for future in item.futures:
        try:
            record = future.result()
            photos.setdefault(record.sha256, record)
        except InvalidImage as error:
            problems.append(RowProblem(item.row.line, product_id, error.code, str(error)))
    if not photos:
        problems.append(RowProblem(item.row.line, product_id, "no_usable_image", _no_image(item)))
        if item.row.only_image:
            return Prepared(product_id, problems=tuple(problems))
        if item.futures:
            return Prepared(product_id, item.product, None, tuple(problems))
    return Prepared(product_id, item.product, tuple(photos.values()), tuple(problems))


def _no_image(item: _Started) -> str:
    if item.row.only_image:
        return "a product imported from a photo alone needs that photo to be usable; the row was refused."
    if item.futures:
        return f"a product should have a usable image; all {len(item.futures)} failed. It keeps those it had."
    return "a product should have an image; got none. It is kept and found by its words, not by photos."
