"""What is answered when something goes wrong: problem JSON for programs, and plain words for shoppers."""

from api.problems.answers import (
    DISK_FULL,
    INTERNAL,
    RETRY_AFTER_S,
    STATUS,
    answer_errors,
    code_of,
    headers_for,
    problem,
    status_of,
    wants_page,
)
from api.problems.shopper_words import ShopperWords, shopper_words

__all__ = [
    "DISK_FULL",
    "INTERNAL",
    "RETRY_AFTER_S",
    "STATUS",
    "ShopperWords",
    "answer_errors",
    "code_of",
    "headers_for",
    "problem",
    "shopper_words",
    "status_of",
    "wants_page",
]
