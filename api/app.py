"""Builds the Flask app: its resources, routes, access checks, error answers and request metrics."""

import time
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.routing import BaseConverter

from api import admin, openapi, page, routes, selling
from api.compression import compress_answers
from api.languages import add_languages
from api.problems import answer_errors
from api.protection import add_headers, allow_other_origins, check_scopes, refuse_foreign_pages
from api.requests import FORM_BYTES, MOST_PARTS, check_forms
from api.resources import EXTENSION, FOLLOWER, make_resources, resources
from api.searcher import Following, forward_changes, serve_thumbnails
from api.static_files import serve_static
from data.settings import Settings
from engine.search import SearchEngine


class ProductIdConverter(BaseConverter):
    """A product_id in a path, which may hold slashes; servers decode %2F before the path gets here."""

    regex, part_isolating, weight = r"[\s\S]+", False, 200


def create_app(settings: Settings, engine: SearchEngine | None = None, *, searcher: bool = False) -> Flask:
    """Returns the Flask app; loads no model.

    Args:
        settings: the settings of this run.
        engine: answers the searches; None: a new `SearchEngine` over `settings.home`.
        searcher: whether the app searches the releases at `models_url`, and changes nothing.
    """
    app = Flask(__name__, static_folder=None)
    serve_static(app)
    app.url_map.converters["id"] = ProductIdConverter
    app.url_map.merge_slashes = False  # an id may hold two in a row
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_image_bytes + FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        MAX_FORM_PARTS=MOST_PARTS,
    )
    app.extensions[EXTENSION] = make_resources(settings, engine)
    if searcher:
        following = app.extensions[FOLLOWER] = Following(app.extensions[EXTENSION])
        app.extensions[EXTENSION] = following.own
    answer_errors(app)
    add_languages(app)
    compress_answers(app)
    add_headers(app)
    allow_other_origins(app)
    _count_requests(app)
    refuse_foreign_pages(app)
    if searcher:
        if settings.thumbs_url:
            serve_thumbnails(app, settings.thumbs_url)
        forward_changes(app)
    check_scopes(app)
    check_forms(app)
    rooms = (*routes.BLUEPRINTS, *page.BLUEPRINTS, *selling.BLUEPRINTS, admin.blueprint, openapi.blueprint)
    for blueprint in rooms:
        app.register_blueprint(blueprint)
    return app


def _count_requests(app: Flask) -> None:
    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        rule: Any = request.url_rule
        route = rule.rule if rule else "unknown"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        resources().metrics.request(route, request.method, response.status_code, seconds)
        return response
