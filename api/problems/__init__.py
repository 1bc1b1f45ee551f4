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
from api.problems.shopper_words import sentence_for, title_for

__all__ = [
    "DISK_FULL",
    "INTERNAL",
    "RETRY_AFTER_S",
    "STATUS",
    "answer_errors",
    "code_of",
    "headers_for",
    "problem",
    "sentence_for",
    "status_of",
    "title_for",
    "wants_page",
]
