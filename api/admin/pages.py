"""The operators' pages: overview, rows of an import, a generation's report, rolling back, logging in and out."""

from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from api.admin import overview
from api.errors import BadRequest, Unauthorized
from api.languages import gettext as _
from api.languages import number
from api.problems import shopper_words, status_of
from api.protection import ADMIN, SESSION_COOKIE, caller_address, covers_admin
from api.requests import form_texts, limit_body, query_texts
from api.resources import resources
from api.routes import status_document
from data.catalogue import ImportRuns
from data.errors import CorruptGeneration, LookalikeError, NoGeneration
from data.generations import GenerationFolder, GenerationStore
from data.rebuilds import past_rebuilds
from engine.rollback import roll_back

blueprint = Blueprint(ADMIN, __name__, url_prefix="/admin")
_SHOWN = 20  # rebuilds and imports
_ROWS = 100  # problems of an import on one page
_MOST_PAGES = 10_000
FORM_BYTES = 10_000
_REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@blueprint.get("")
def home() -> Response:
    """Returns the overview."""
    held = resources()
    folder, rebuilds = held.settings.home, past_rebuilds(held.settings.home)
    return _page(
        "admin.html",
        status=status_document(),
        current=overview.current_generation(folder),
        kept=overview.kept_generations(folder),
        rebuilds=rebuilds[:_SHOWN],
        charts=overview.charts_of(rebuilds),
        imports=ImportRuns(folder).recent(_SHOWN),
        poor=overview.poor_searches(folder),
        keep_queries_days=held.settings.keep_queries_days,
        days=overview.DAYS,
        activity=overview.activity(folder),
        doubts=overview.doubted_labels(folder),
        room=list(overview.room(folder)),
        is_open=not held.keys.in_use(),
        done=query_texts().get("done", "")[:40],
    )


@blueprint.get("/imports/<int:run_id>")
def import_rows(run_id: int) -> Response:
    """Returns a page of what an import found wrong, row by row."""
    runs, asked = ImportRuns(resources().settings.home), query_texts()
    found = runs.recent(1, run_id=min(run_id, 2**62))
    if not found:
        abort(404, description=f"import must be the number of an import; got {run_id}.")
    severity, code, place = asked.get("severity", ""), asked.get("code", ""), page_number(asked.get("page", "1"))
    codes = runs.codes(run_id)
    count = sum(number for one, name, number in codes if severity in ("", one) and code in ("", name))
    rows = runs.some_problems(run_id, severity=severity, code=code, offset=_ROWS * (place - 1), most=_ROWS)
    return _page(
        "admin_import.html", run=found[0], codes=codes, rows=rows, severity=severity, code=code, place=place,
        count=count, last=max(1, -(-count // _ROWS)),
    )  # fmt: skip


@blueprint.get("/generations/<generation>/report")
def report(generation: str) -> Response:
    """Returns the report of a generation, which may hold anything that a feed brought: no script of it runs."""
    folder = _generation(generation)
    if not folder.has(overview.REPORT_FILE):
        abort(404, description=f"generation {folder.id} has no report.")
    content = folder.path(overview.REPORT_FILE).read_bytes()
    return Response(content, mimetype="text/html", headers={"Content-Security-Policy": _REPORT_POLICY})


@blueprint.get("/rollback/<generation>")
def confirm(generation: str) -> Response:
    """Asks whether a generation shall go live."""
    found, live = _generation(generation), overview.current_generation(resources().settings.home)
    return _page("admin_rollback.html", generation=found.id, live=live, error="")


@blueprint.post("/rollback/<generation>")
def go_back(generation: str) -> Response:
    """Makes a generation live, as `lookalike rollback` does."""
    limit_body(FORM_BYTES)
    try:
        live = roll_back(resources().settings, _generation(generation).id)
    except LookalikeError as error:
        page = render_template("admin_rollback.html", generation=generation, live="", error=str(error))
        return Response(page, status=409, mimetype="text/html")
    return see(url_for("admin.home", done=live))


@blueprint.get("/login")
def ask_for_key() -> Response:
    """Returns the form for a key."""
    return _page("admin_login.html", error="")


@blueprint.post("/login")
def log_in() -> Response:
    """Begins a session if the key in the form has the scope `admin`."""
    held = resources()
    limit_body(FORM_BYTES)
    given = form_texts().get("key")
    if given is None:
        raise BadRequest("key must be an API key; got none.", field="key")
    try:
        held.logins.spend(caller_address())
        key = held.keys.verify(given.strip())
    except LookalikeError as error:
        return _refused(shopper_words(status_of(error), error).sentence, status_of(error))
    if key is None:
        return _refused(_("This key is not known, or was revoked."), 403)
    if not covers_admin(key):
        return _refused(_("This key has not the scope admin."), 403)
    response = see(url_for("admin.home"))
    guards: Any = {"httponly": True, "samesite": "Strict", "secure": request.is_secure, "path": "/admin"}
    response.set_cookie(SESSION_COOKIE, held.sessions.begin(key), **guards)
    return response


@blueprint.post("/logout")
def log_out() -> Response:
    """Ends the session."""
    limit_body(FORM_BYTES)
    resources().sessions.end(request.cookies.get(SESSION_COOKIE, ""))
    response = see(url_for("admin.ask_for_key"))
    response.delete_cookie(SESSION_COOKIE, path="/admin", httponly=True, samesite="Strict")
    return response


@blueprint.errorhandler(Unauthorized)
def lead_to_login(_error: Unauthorized) -> Response:
    """Leads browsers without a session, or whose session has ended, to the form for a key."""
    return see(url_for("admin.ask_for_key"))


@blueprint.app_template_filter()
def size(count: int) -> str:
    """Returns a number of bytes as people read it.

    >>> size(900), size(1_250_000), size(64_000_000_000)
    ('900 B', '1.2 MB', '64 GB')
    """
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= bytes_each:
            value = count / bytes_each
            return f"{number(round(value, 1) if value < 10 else round(value))} {unit}"
    return f"{count} B"


@blueprint.app_template_filter()
def percent(share: float) -> str:
    """Returns a share, 0..1, in per cent.

    >>> percent(0.1234)
    '12.3 %'
    """
    return f"{number(round(100 * share, 1))} %"


def _generation(name: str) -> GenerationFolder:
    """Returns a generation by its id; answers 404 if there is none that can be read."""
    try:
        return GenerationStore(resources().settings.home).open(name)
    except (NoGeneration, CorruptGeneration) as error:
        abort(404, description=str(error))


def _refused(error: str, status: int) -> Response:
    return Response(render_template("admin_login.html", error=error), status=status, mimetype="text/html")


def _page(template: str, **values: Any) -> Response:
    return Response(render_template(template, **values), mimetype="text/html")


def see(url: str) -> Response:
    """Leads the browser to a page after a form."""
    return Response(status=303, headers={"Location": url})


def page_number(text: str) -> int:
    """Returns the number of a page that a query names; 1 if it names none."""
    return min(max(int(text), 1), _MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 9 else 1
