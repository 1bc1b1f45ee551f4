"""The operators' page of labels that may be wrong: one click keeps or corrects a label, and is remembered."""

from flask import Response, render_template, request, url_for

from api.admin.pages import FORM_BYTES, blueprint, page_number, see
from api.errors import BadRequest
from api.requests import form_texts, limit_body, query_texts
from api.resources import resources
from data.catalogue import KEEP, LabelDecision, PhotoLabels, checked_kinds

_DOUBTS = 24  # on one page
_DECISIONS = 60


@blueprint.get("/labels")
def labels() -> Response:
    """Returns the photos whose label may be wrong, and what was decided last."""
    asked, kinds = query_texts(), checked_kinds(resources().settings.home)
    kind = asked.get("of") or (kinds[0] if kinds else "category")
    found = PhotoLabels(resources().settings.home, kind)
    doubts, place = found.open_doubts(), page_number(asked.get("page", "1"))
    last = max(1, -(-len(doubts) // _DOUBTS))
    place = min(place, last)  # the last page empties while its doubts are decided
    page = render_template(
        "admin_labels.html", kind=kind, kinds=kinds, check=found.last_check(), place=place, last=last,
        count=len(doubts), doubts=doubts[_DOUBTS * (place - 1) : _DOUBTS * place],
        decisions=found.decisions()[:_DECISIONS], known=found.known() if doubts else [],
    )  # fmt: skip
    return Response(page, mimetype="text/html")


@blueprint.post("/labels")
def decide() -> Response:
    """Keeps or corrects a label, or undoes that."""
    limit_body(FORM_BYTES)
    form = form_texts()
    kind, photo, label = (form.get(name, "") for name in ("of", "photo", "label"))
    found, action = PhotoLabels(resources().settings.home, kind), form.get("action", "")
    corrected = form.get("corrected", "").strip()
    if action == "undo":
        found.undo(photo, label)
    elif action == "keep" or corrected:
        right = KEEP if action == "keep" else corrected
        found.decide([LabelDecision(photo=photo, label=label, corrected=right)])
    else:
        raise BadRequest("action must be keep or undo, or corrected must be a label; got neither.", field="action")
    # the next doubt takes the place of the one that was decided
    at = form.get("at", "")[:40]
    return see(url_for("admin.labels", of=kind, page=request.args.get("page", "1")[:8], _anchor=at or None))
