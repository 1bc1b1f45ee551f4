"""Decides which price holds now: the regular one or the sale price."""

from datetime import UTC, datetime, timedelta
from typing import Any

from data.errors import InvalidProduct
from data.readers.records import RowWarning
from data.values import Price, is_nothing, read_moment, read_price


def current_price(regular: Any, sale: Any, dates: Any = None) -> tuple[Any, list[RowWarning]]:
    """Returns the price that holds now, as it is written, and what is wrong with the sale price.

    The sale price wins if it can be read, is above 0 and not above the regular price, and today is in its time.

    Args:
        dates: `start/end`, as Google Merchant Center writes it; either may be missing.
    """
    try:
        amount, compared = read_price(sale), _readable(regular)
        if amount is None or amount.amount == 0:
            return regular, []
        if compared and amount.amount > compared.amount:
            raise InvalidProduct(f"sale_price must not be above price, {regular!r:.60}; got {sale!r:.60}.")
        return (sale if _is_now(dates) else regular), []
    except InvalidProduct as error:
        message = str(error).replace("created_at", "sale_price_effective_date")
        return regular, [RowWarning("bad_sale_price", f"{message} The regular price was taken.")]


def _readable(price: Any) -> Price | None:
    try:
        return read_price(price)
    except InvalidProduct:
        return None


def _is_now(dates: Any) -> bool:
    if is_nothing(dates):
        return True
    start, _, end = (part.strip() for part in str(dates).partition("/"))
    now = datetime.now(UTC)
    begins, ends = read_moment(start), read_moment(end)
    if ends and len(end) <= len("2026-11-05"):
        ends += timedelta(days=1)  # a day without a time is in the sale as a whole
    return (begins is None or begins <= now) and (ends is None or now < ends)
