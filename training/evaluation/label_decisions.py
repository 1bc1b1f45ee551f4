"""Decisions about doubtful labels, as they are given on the command line or in a CSV file."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from data.catalogue import KEEP, LabelDecision, LabelDoubt, PhotoLabels
from data.errors import InvalidFeed, InvalidLabel

COLUMNS = ("photo", "label", "looks_like", "probability", "products", "decision", "correct_label")
_MOST_ROWS = 100_000
_MOST_LETTERS = 10_000  # of one row


def decisions_about(labels: PhotoLabels, keep: Iterable[str], correct: Mapping[str, str]) -> Iterator[LabelDecision]:
    """Yields decisions about whole photos, under whatever labels they are shown now.

    Args:
        keep: sha256 of photos whose label is right.
        correct: sha256 -> the label that is right.

    Raises:
        InvalidLabel: no product shows such a photo under a label.
    """
    for photo, right in (*((photo, KEEP) for photo in keep), *correct.items()):
        current = labels.current(photo)
        if not current:
            raise InvalidLabel(
                f"PHOTO must be the sha256 of a photo whose product has a label; got {photo[:80]!r}. "
                "`lookalike evaluate labels` lists them."
            )
        for label in current:
            yield LabelDecision(photo=photo, label=label, corrected=right)


def doubt_rows(doubts: Sequence[LabelDoubt]) -> Iterator[dict[str, str]]:
    """Yields one CSV row a doubt; `decision` and `correct_label` are left empty, to be filled in."""
    for doubt in doubts:
        best = doubt.guesses[0]
        yield {
            "photo": doubt.photo,
            "label": doubt.label,
            "looks_like": best[0],
            "probability": f"{best[1]:.3f}",
            "products": " ".join(doubt.products),
            "decision": "",
            "correct_label": "",
        }


def read_decisions(path: Path) -> list[LabelDecision]:
    """Returns the decisions of a CSV in UTF-8 with the columns photo, label, decision and correct_label.

    `decision` is `keep`, `correct`, or empty: not decided yet. Without `correct_label`, a photo is corrected to
    `looks_like`.

    Raises:
        InvalidFeed: the file cannot be read, or a row says anything else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(line[:_MOST_LETTERS] for line in source)
            if missing := {"photo", "label", "decision"} - set(reader.fieldnames or ()):
                raise InvalidFeed(
                    f"{path} must have the columns photo, label and decision; {', '.join(sorted(missing))} is missing. "
                    "Write such a file with `lookalike evaluate labels --csv FILE`."
                )
            found: list[LabelDecision] = []
            for row in reader:
                if len(found) >= _MOST_ROWS:
                    raise InvalidFeed(f"{path} must hold at most {_MOST_ROWS:,} decisions. Split it.")
                if (decision := _decision(row, f"{path} line {reader.line_num}")) is not None:
                    found.append(decision)
            return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFeed(f"{path} must be a CSV in UTF-8; got {error}.") from error


def _decision(row: Mapping[str, str | None], where: str) -> LabelDecision | None:
    photo, label, said = ((row.get(name) or "").strip() for name in ("photo", "label", "decision"))
    right = (row.get("correct_label") or row.get("looks_like") or "").strip()
    if not said:
        return None
    if said not in ("keep", "correct") or (said == "correct" and not right):
        raise InvalidFeed(
            f"{where} must have keep, correct or nothing as its decision, and with correct the right label in "
            f"correct_label; got {said[:80]!r} and {right[:80]!r}."
        )
    return LabelDecision(photo=photo, label=label, corrected=KEEP if said == "keep" else right)
