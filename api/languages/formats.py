"""Numbers and prices as the language of the current request writes them."""

from babel.numbers import format_currency, format_decimal

from api.languages.choice import language

_PATTERNS = {("ko", "KRW"): "#,##0원"}  # as every Korean shop writes it; Babel's own is ₩19,000


def money(price: float | None, currency: str) -> str:
    """Returns a price as a shopper reads it.

    >>> money(1234.5, "USD"), money(19000, "KRW"), money(None, "USD")
    ('$1,234.50', '₩19,000', '')
    """
    if price is None:
        return ""
    shown_in = language()
    return format_currency(price, currency, _PATTERNS.get((shown_in, currency)), locale=shown_in)


def number(value: float) -> str:
    """Returns a number with the marks between thousands and the decimal mark of the language.

    >>> number(1234567)
    '1,234,567'
    """
    return format_decimal(value, locale=language())
