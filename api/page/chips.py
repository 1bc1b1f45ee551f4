"""The chips above the results: what is searched for, each with a link that takes it away or turns it on."""

from dataclasses import dataclass

from api.page.form import PageForm
from api.page.search import Found
from engine.understanding import Constraint


@dataclass(frozen=True)
class Chip:
    """A link that changes the search.

    Attributes:
        kind: photo, box, product, understood, dropped, like, unlike, as_typed or label; it decides how the chip looks.
        pressed: whether what it names is on.
        label: what the link does, for people who hear it; empty: the text says it.
    """

    kind: str
    text: str
    url: str
    label: str = ""
    pressed: bool = True


def chips_of(form: PageForm, found: Found | None) -> list[Chip]:
    """Returns the chips of a search; none if it found nothing to speak of."""
    if found is None:
        return []
    chips = []
    if found.by_photo:
        chips.append(Chip("photo", "Photo", form.url(less=[("photo", ""), ("box", "")]), "Remove the photo"))
        if form.box:
            chips.append(Chip("box", "Part of it", form.url(less=[("box", "")]), "Search by the whole photo again"))
    if found.source:
        product = found.source.product
        chips.append(
            Chip("product", f"Similar to {product.title or product.product_id}", form.url(less=[("product", "")]))
        )
    chips += [_understood(form, part) for part in found.answer.understood]
    for name, words in (("like", "Like"), ("unlike", "Not like")):
        for one in getattr(form, name):
            chips.append(Chip(name, f"{words}: {found.titles.get(one) or one}", form.url(less=[(name, one)])))
    if form.as_typed:
        chips.append(Chip("as_typed", "Words as typed", form.url(less=[("as_typed", "")])))
    return chips + [_of_label(form, label) for label in found.labels]


def _understood(form: PageForm, part: Constraint) -> Chip:
    """Returns a chip that takes the words of a condition out of the search; mended words are then searched as typed."""
    rest = " ".join(form.q.replace(part.text, " ", 1).split())
    without = form.url(less=[("q", "")], plus=[("q", rest)] if rest else [])
    url = without if part.text in form.q else form.url(plus=[("as_typed", "1")])
    if part.relaxed:
        return Chip("dropped", part.text, url, f"{part.text}: too few products, so this was left out. Remove it")
    return Chip("understood", part.text, url, f"{part.text}: remove this condition")


def _of_label(form: PageForm, label: str) -> Chip:
    pair, pressed = ("category", label), label in form.chosen.get("category", ())
    url = form.url(less=[pair]) if pressed else form.url(plus=[pair])
    return Chip("label", label, url, pressed=pressed)
