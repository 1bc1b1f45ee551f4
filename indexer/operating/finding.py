"""What a check of `lookalike doctor` found: a level, the subject, what was seen, and what to do."""

from dataclasses import dataclass

OK, WARN, FAIL = "OK", "WARN", "FAIL"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        level: `OK`, `WARN` (works, but look at it) or `FAIL` (does not work).
        subject: what was checked, for example `backbone`.
        detail: what was found.
        advice: what to do; "" where there is nothing to do.
    """

    level: str
    subject: str
    detail: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.level:4} {self.subject:13} {self.detail}" + (f" -> {self.advice}" if self.advice else "")
