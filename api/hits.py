"""Shows hits to people: as a table of text, as pictures in a notebook, or as a pandas DataFrame."""

import base64
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, overload

from babel.numbers import get_currency_precision

from data.errors import LookalikeError
from data.photos import thumbnail_path
from engine.search import Hit, SearchAnswer
from engine.understanding import Constraint

_PICTURES = 50  # shown in a notebook at most, so that a page stays a few hundred kilobytes
_GRID = "display:flex;flex-wrap:wrap;gap:12px"
_CARD = "width:150px;margin:0;font-size:12px;overflow-wrap:anywhere"
_PICTURE = "width:150px;height:150px;object-fit:contain"


@dataclass(frozen=True, kw_only=True, repr=False)
class Hits(SearchAnswer, Sequence[Hit]):
    """One page of hits, as a sequence that also has the fields of `SearchAnswer`, for example `next_cursor`.

    Attributes:
        home: folder whose thumbnails are shown.
    """

    home: Path

    @classmethod
    def of(cls, answer: SearchAnswer, home: Path) -> "Hits":
        """Returns an answer of the engine as `Hits`."""
        return cls(**vars(answer), home=home)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> "Hits": ...
    def __getitem__(self, place: int | slice) -> "Hit | Hits":
        return dataclasses.replace(self, hits=self.hits[place]) if isinstance(place, slice) else self.hits[place]

    def __repr__(self) -> str:
        return hits_table(self)

    def _repr_html_(self) -> str:
        """Returns the HTML that a notebook shows: the hits as pictures with their facts."""
        cards = "".join(self._card(hit) for hit in self.hits[:_PICTURES])
        left = f"<p>and {len(self) - _PICTURES:,} more</p>" if len(self) > _PICTURES else ""
        return f'<div style="{_GRID}">{cards}</div>{left}<p>{escape(_note(self))}</p>'

    def to_frame(self) -> Any:
        """Returns the hits as a `pandas.DataFrame`, one row per hit, one column per field of `Hit`.

        Raises:
            LookalikeError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise LookalikeError(
                "to_frame needs pandas; it is not installed here. Run `pip install pandas`, or take "
                "`[dataclasses.asdict(hit) for hit in hits]`."
            ) from error
        columns = [field.name for field in dataclasses.fields(Hit)]
        return pandas.DataFrame([dataclasses.asdict(hit) for hit in self], columns=columns)

    def _card(self, hit: Hit) -> str:
        try:
            content = thumbnail_path(self.home, hit.image_id).read_bytes() if hit.image_id else b""
        except OSError:
            content = b""  # a thumbnail that is lost is made again by the next import; the facts still count
        picture = base64.b64encode(content).decode()
        facts = " · ".join(filter(None, (f"{hit.score:.3f}", hit.product_id, _price(hit))))
        return (
            f'<figure style="{_CARD}"><img style="{_PICTURE}" alt="" src="data:image/webp;base64,{picture}">'
            f"<figcaption>{escape(hit.title)}<br>{escape(facts)}</figcaption></figure>"
        )


def hits_table(answer: SearchAnswer) -> str:
    """Returns the hits as aligned columns, then what was counted, then one line about the answer."""
    rows = [("score", "product_id", "price", "title")]
    rows += [(f"{hit.score:.3f}", hit.product_id, _price(hit), " ".join(hit.title.split())) for hit in answer.hits]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines), *_objects(answer), *_facets(answer), _note(answer)])


def _objects(answer: SearchAnswer) -> Iterator[str]:
    """Yields a line for each thing in the photo, with its box and its best hit."""
    for number, each in enumerate(answer.objects or (), 1):
        chance = "" if each.match_probability is None else f" ({each.match_probability:.2f})"
        best = f"{each.hits[0].product_id} {each.hits[0].title}{chance}" if each.hits else "nothing"
        label = f"{each.label}: " if each.label else ""
        yield f"thing {number} in box {','.join(map(str, each.box))}: {label}{best}"


def _value(value: str | float | bool) -> str:
    """Returns a value as a filter has it."""
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:.12g}"


def _facets(answer: SearchAnswer) -> Iterator[str]:
    """Yields a line for each fact that was counted."""
    for name, facet in answer.facets.items():
        counts = [f"{_value(entry.value)} ({entry.count:,})" for entry in facet.values]
        counts += [f"{part.min:.12g} to {part.max:.12g} ({part.count:,})" for part in facet.ranges]
        counts += [f"{facet.other_values:,} more"] if facet.other_values else []
        yield f"{name}: {', '.join(counts) or 'none'}"


def _price(hit: Hit) -> str:
    if hit.price is None:
        return ""
    return f"{hit.price:,.{get_currency_precision(hit.currency)}f} {hit.currency}".strip()


def _note(answer: SearchAnswer) -> str:
    found = len(answer.hits)
    note = f"{found} of {answer.total:,} hits in {answer.took_ms:.0f} ms, {answer.generation}" if found else "No match."
    understood = "".join(f"{_constraint(part)} " for part in answer.understood)
    searched = f"Searched for “{answer.did_you_mean}”. " if answer.did_you_mean else ""
    return f"{searched}{understood}{note}"


def _constraint(part: Constraint) -> str:
    """Returns one line's worth of what was understood, for people."""
    if part.needless:
        return f"“{part.text}”: no product has this, left out."
    condition = part.filter or (f"sort={part.sort}" if part.sort else f"not {part.not_text}")
    meaning = "left too little, dropped" if part.relaxed else condition
    return f"“{part.text}”: {meaning}."
