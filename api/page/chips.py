"""The chips above the results: what is searched for, each with a link that takes it away or turns it on."""

from dataclasses import dataclass

from api.languages import gettext as _
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
        chips.append(Chip("photo", _("Photo"), form.url(less=[("photo", ""), ("box", "")]), _("Remove the photo")))
        if form.box:
            whole = form.url(less=[("box", "")])
            chips.append(Chip("box", _("Part of it"), whole, _("Search by the whole photo again")))
    if found.source:
        product = found.source.product
        text = _("Similar to %(name)s") % {"name": product.title or product.product_id}
        chips.append(Chip("product", text, form.url(less=[("product", "")])))
    chips += [_understood(form, part) for part in found.answer.understood]
    for name, text in (("like", _("Like: %(name)s")), ("unlike", _("Not like: %(name)s"))):
        for one in getattr(form, name):
            chips.append(Chip(name, text % {"name": found.titles.get(one) or one}, form.url(less=[(name, one)])))
    if form.as_typed:
        chips.append(Chip("as_typed", _("Words as typed"), form.url(less=[("as_typed", "")])))
    return chips + [_of_label(form, label) for label in found.labels]


def _understood(form: PageForm, part: Constraint) -> Chip:
    """Returns a chip that takes the words of a condition out of the search; mended words are then searched as typed."""
    rest = " ".join(form.q.replace(part.text, " ", 1).split())
    without = form.url(less=[("q", "")], plus=[("q", rest)] if rest else [])
    url = without if part.text in form.q else form.url(plus=[("as_typed", "1")])
    if part.needless:
        label = _("%(words)s: no product has these words, so they were left out. Remove them")
        return Chip("dropped", part.text, url, label % {"words": part.text})
    if part.relaxed:
        label = _("%(words)s: too few products, so this was left out. Remove it")
        return Chip("dropped", part.text, url, label % {"words": part.text})
    return Chip("understood", part.text, url, _("%(words)s: remove this condition") % {"words": part.text})


def _of_label(form: PageForm, label: str) -> Chip:
    pair, pressed = ("category", label), label in form.chosen.get("category", ())
    url = form.url(less=[pair]) if pressed else form.url(plus=[pair])
    return Chip("label", label, url, pressed=pressed)
