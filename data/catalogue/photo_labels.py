"""Which labels of photos are doubted, and what the shop decided about them; both are kept in catalog.db.

A decision is about one photo under one label. When a later feed gives the photo another label, the decision does not
apply to that one, and it applies again if the feed returns to the old label.
"""

import hashlib
import json
import sqlite3
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from data.catalogue.products import Product
from data.database import Connections, json_list, moment_text
from data.errors import InvalidLabel

KEEP = ""  # what a decision corrects a label to when the label is right
_MOST_DOUBTS = 500  # that are undecided; nobody looks through more, and the next check finds the others
_MOST_LABELS = 5_000
_MOST_PRODUCTS = 20  # named of those that show a photo under a label; a placeholder may be shown by thousands
# The label of every live product, as JSON value and type.
_CATEGORIES = "SELECT product_key, product_id, category AS value, 'text' AS type FROM products WHERE NOT deleted"
_ATTRIBUTES = (
    "SELECT product_key, product_id, fact.value, fact.type FROM products, json_each(products.attributes) AS fact "
    "WHERE NOT deleted AND fact.key = ?"
)


@dataclass(frozen=True, kw_only=True)
class LabelDoubt:
    """A photo whose label all voters contradict, though they learned nothing from it.

    Attributes:
        photo: sha256.
        label: the label that is doubted.
        probability: the voters' mean probability of it, 0..1.
        guesses: the labels that they find likeliest and their mean probabilities, best first.
        products: ids of the products that show the photo under this label, 20 at most; only of doubts that were read.
    """

    photo: str
    label: str
    probability: float
    guesses: tuple[tuple[str, float], ...]
    products: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelDecision:
    """What the shop says about a photo under a label.

    Attributes:
        photo: sha256.
        label: the label that was in doubt.
        corrected: the right label; "" (`KEEP`): `label` is right.
        decided_at: ISO 8601, UTC; "" for a decision that is yet to be stored.
    """

    photo: str
    label: str
    corrected: str
    decided_at: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelCheck:
    """A check of all photos' labels: when it was, and how many photos it looked at."""

    checked_at: str
    photos: int


def check_label_kind(label_kind: str) -> None:
    """Raises InvalidLabel unless `label_kind` is `category` or `attr.<name>`."""
    if label_kind != "category" and not label_kind.startswith("attr."):
        raise InvalidLabel(f"label must be category or attr.NAME; got {label_kind[:80]!r}.")


def label_of(product: Product, label_kind: str) -> str:
    """Returns a product's label; "" if it has none.

    Args:
        label_kind: `category` or `attr.<name>`.
    """
    if label_kind == "category":
        return product.category.strip()
    return str(product.attributes.get(label_kind.removeprefix("attr."), "")).strip()


class PhotoLabels:
    """The doubts and decisions about one kind of label.

    Args:
        label_kind: `category` or `attr.<name>`.
    """

    def __init__(self, home: Path, label_kind: str) -> None:
        self._connections, self._kind = Connections(home), label_kind

    def note_doubts(self, doubts: Sequence[LabelDoubt], photos: int) -> None:
        """Stores what a check of so many photos found, strongest doubt first, in place of what the last one found."""
        with self._connections.writing() as connection:
            decided = set(
                connection.execute("SELECT sha256, label FROM label_decisions WHERE label_kind = ?", (self._kind,))
            )
            undecided = accumulate((doubt.photo, doubt.label) not in decided for doubt in doubts)
            rows = [
                (self._kind, at, doubt.photo, doubt.label, doubt.probability, json.dumps(doubt.guesses))
                for at, (doubt, so_far) in enumerate(zip(doubts, undecided, strict=True))
                if so_far <= _MOST_DOUBTS
            ]
            connection.execute("DELETE FROM label_doubts WHERE label_kind = ?", (self._kind,))
            connection.executemany("INSERT INTO label_doubts VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.execute(
                "INSERT OR REPLACE INTO label_checks VALUES (?, ?, ?)",
                (self._kind, moment_text(datetime.now(UTC)), photos),
            )

    def last_check(self) -> LabelCheck | None:
        """Returns when the labels were last checked; None: never."""
        rows = self._connections.query(
            "SELECT checked_at, photos FROM label_checks WHERE label_kind = ?", (self._kind,)
        )
        return LabelCheck(checked_at=rows[0][0], photos=rows[0][1]) if rows else None

    def open_doubts(self) -> list[LabelDoubt]:
        """Returns the doubts of the last check that still stand, strongest first.

        A doubt stands while no decision was made about it and a product still shows the photo under the label.
        """
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT sha256, label, probability, guesses FROM label_doubts d WHERE label_kind = ? AND NOT EXISTS ("
                "SELECT 1 FROM label_decisions WHERE label_kind = d.label_kind AND sha256 = d.sha256 "
                "AND label = d.label) ORDER BY place",
                (self._kind,),
            ).fetchall()
            shown = self._shown(connection, [row[0] for row in rows])
        return [
            LabelDoubt(
                photo=photo,
                label=label,
                probability=probability,
                guesses=tuple((name, share) for name, share in json.loads(guesses)),
                products=tuple(shown[photo, label]),
            )
            for photo, label, probability, guesses in rows
            if (photo, label) in shown
        ]

    def decisions(self) -> list[LabelDecision]:
        """Returns all decisions, newest first."""
        rows = self._connections.query(
            "SELECT sha256, label, corrected, decided_at FROM label_decisions WHERE label_kind = ? "
            "ORDER BY decided_at DESC, sha256, label",
            (self._kind,),
        )
        return [LabelDecision(photo=row[0], label=row[1], corrected=row[2], decided_at=row[3]) for row in rows]

    def corrections(self) -> dict[tuple[str, str], str]:
        """Returns photo and label -> the right label, of the labels that were found wrong."""
        return {(found.photo, found.label): found.corrected for found in self.decisions() if found.corrected != KEEP}

    def current(self, photo: str) -> tuple[str, ...]:
        """Returns the labels under which products show a photo now.

        Raises:
            InvalidLabel: the kind of label is neither `category` nor `attr.<name>`.
        """
        check_label_kind(self._kind)
        with self._connections.reading() as connection:
            return tuple(label for _, label in self._shown(connection, [photo]))

    def known(self) -> list[str]:
        """Returns the labels that products have, sorted; at most 5,000."""
        with self._connections.reading() as connection:
            return sorted(self._known(connection))[:_MOST_LABELS]

    def decide(self, decisions: Iterable[LabelDecision]) -> None:
        """Stores decisions in one transaction; one about the same photo and label replaces an earlier one.

        Raises:
            InvalidLabel: no product shows the photo under the label, or no product has the label it is corrected to, or
                the kind of label is neither `category` nor `attr.<name>`.
        """
        check_label_kind(self._kind)
        decisions, now = list(decisions), moment_text(datetime.now(UTC))
        with self._connections.writing() as connection:
            shown = self._shown(connection, [decision.photo for decision in decisions])
            known = self._known(connection)
            for decision in decisions:
                _check(decision, shown, known)
                corrected = KEEP if decision.corrected == decision.label else decision.corrected
                connection.execute(
                    "INSERT OR REPLACE INTO label_decisions VALUES (?, ?, ?, ?, ?)",
                    (self._kind, decision.photo, decision.label, corrected, now),
                )

    def undo(self, photo: str, label: str) -> None:
        """Forgets the decision about a photo under a label, if there is one."""
        with self._connections.writing() as connection:
            connection.execute(
                "DELETE FROM label_decisions WHERE label_kind = ? AND sha256 IN (SELECT value FROM json_each(?)) "
                "AND label IN (SELECT value FROM json_each(?))",
                (self._kind, json_list([photo]), json_list([label])),
            )

    def _shown(self, connection: sqlite3.Connection, photos: Sequence[str]) -> dict[tuple[str, str], list[str]]:
        """Returns photo and label -> the ids of the first 20 live products that show the photo under the label."""
        labels, parameters = self._labels
        numbered = (
            "SELECT sha256, value, type, product_id, product_key, "  # noqa: S608 - constants
            "row_number() OVER (PARTITION BY sha256, value, type ORDER BY product_key) AS number "
            f"FROM product_images JOIN ({labels}) USING (product_key) "
            "WHERE sha256 IN (SELECT value FROM json_each(?))"
        )
        rows = connection.execute(
            f"SELECT sha256, value, type, product_id FROM ({numbered}) "  # noqa: S608 - constants
            "WHERE number <= ? ORDER BY product_key",
            (*parameters, json_list(photos), _MOST_PRODUCTS),
        )
        shown: dict[tuple[str, str], list[str]] = {}
        for photo, value, kind, product_id in rows:
            if label := _label(value, kind):
                shown.setdefault((photo, label), []).append(product_id)
        return shown

    def _known(self, connection: sqlite3.Connection) -> set[str]:
        labels, parameters = self._labels
        rows = connection.execute(f"SELECT DISTINCT value, type FROM ({labels})", parameters)  # noqa: S608 - constants
        return {_label(value, kind) for value, kind in rows} - {""}

    @property
    def _labels(self) -> tuple[str, tuple[str, ...]]:
        """The SELECT of every live product's label, and its parameters."""
        if self._kind == "category":
            return _CATEGORIES, ()
        return _ATTRIBUTES, (self._kind.removeprefix("attr."),)


def _label(value: str | float, kind: str) -> str:
    """Returns what `label_of` does, of a JSON value as SQLite gives it; it gives 1 for true."""
    return str(bool(value) if kind in ("true", "false") else value).strip()


def _check(decision: LabelDecision, shown: Container[tuple[str, str]], known: set[str]) -> None:
    if (decision.photo, decision.label) not in shown:
        raise InvalidLabel(
            f"a decision must be about a photo that a product shows under that label; got {decision.photo[:80]!r} "
            f"under {decision.label[:80]!r}. Check the labels again with `lookalike evaluate labels`."
        )
    if decision.corrected != KEEP and decision.corrected not in known:
        raise InvalidLabel(
            f"a label can be corrected only to one that a product has; got {decision.corrected[:80]!r}. "
            f"Some of the {len(known)} are: {', '.join(sorted(known)[:10])}."
        )


def checked_kinds(home: Path) -> list[str]:
    """Returns the kinds of label that were checked, that of the last check first."""
    rows = Connections(home).query("SELECT label_kind FROM label_checks ORDER BY checked_at DESC")
    return [kind for (kind,) in rows]


def decisions_state(home: Path) -> str:
    """Returns a text that changes whenever a decision about any label is made, changed or undone."""
    rows = Connections(home).query(
        "SELECT label_kind, sha256, label, corrected FROM label_decisions ORDER BY label_kind, sha256, label"
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest() if rows else ""


def forget_erased(connection: sqlite3.Connection) -> None:
    """Deletes doubts and decisions about photos that are erased; runs in the caller's transaction."""
    for table in ("label_doubts", "label_decisions"):
        connection.execute(f"DELETE FROM {table} WHERE sha256 NOT IN (SELECT sha256 FROM photos)")  # noqa: S608
