"""Values as people write them in feeds: prices, dates, stock words, web addresses and HTML, read by stated rules."""

from data.values.dates import DATE_ORDERS, read_moment
from data.values.markup import plain_text
from data.values.prices import Price, known_currency, price_mark, read_price, settled_price
from data.values.stock import read_stock
from data.values.texts import ADDRESS_LIMIT, clean_text, is_nothing, read_address, read_text, read_whole

__all__ = [
    "ADDRESS_LIMIT",
    "DATE_ORDERS",
    "Price",
    "clean_text",
    "is_nothing",
    "known_currency",
    "plain_text",
    "price_mark",
    "read_address",
    "read_moment",
    "read_price",
    "read_stock",
    "read_text",
    "read_whole",
    "settled_price",
]
