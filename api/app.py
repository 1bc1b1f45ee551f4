"""Builds the Flask app: its resources, routes, access checks, error answers and request metrics."""

import time
from functools import partial
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.routing import BaseConverter

from api import (
    event_routes,
    foreign_pages,
    form_texts,
    guard,
    headers,
    openapi,
    operation_routes,
    page,
    problems,
    product_routes,
    recognition_routes,
    search_routes,
)
from api.admission import Admission, RateLimit, decoding
from api.metrics import Metrics
from api.readiness import Readiness
from api.resources import EXTENSION, Resources, resources
from api.search_log import SearchLog
from api.shelf import Shelf
from api.uploads import FORM_BYTES, PARTS
from api.writing import ProductWriter
from data.catalogue import Catalogue
from data.events import Events
from data.keys import Keys
from data.photos import Intake, decoder_outcomes
from data.settings import Settings
from engine.search import SearchEngine

_FETCHES = 8  # photos fetched from URLs at once; each may take seconds, but hardly any work
_PUTS = 4  # products written at once, each with up to 10 photos in memory


class ProductIdConverter(BaseConverter):
    """A product_id in a path, which may hold slashes; servers decode %2F before the path gets here."""

    regex, part_isolating, weight = r"[\s\S]+", False, 200


def create_app(settings: Settings, engine: SearchEngine | None = None) -> Flask:
    """Returns the Flask app; loads no model.

    Args:
        settings: the settings of this run.
        engine: answers the searches; None: a new `SearchEngine` over `settings.home`.
    """
    app = Flask(__name__)
    app.url_map.converters["id"] = ProductIdConverter
    app.url_map.merge_slashes = False  # an id may hold two in a row
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_image_bytes + FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        MAX_FORM_PARTS=PARTS,
    )
    app.extensions[EXTENSION] = _make_resources(settings, engine)
    problems.register(app)
    headers.register(app)
    _count_requests(app)
    foreign_pages.register(app)
    guard.register(app)
    form_texts.register(app)
    for blueprint in (
        search_routes,
        recognition_routes,
        page.sell,
        product_routes,
        event_routes,
        operation_routes,
        openapi.routes,
    ):
        app.register_blueprint(blueprint.blueprint)
    page.routes.register(app)
    return app


def _make_resources(settings: Settings, engine: SearchEngine | None) -> Resources:
    queue = partial(Admission, queue_size=settings.queue_size, deadline_s=settings.deadline_s)
    admission, photos = queue(slots=settings.cores), queue(slots=settings.cores)
    in_decoder = partial(decoding, admission, photos)
    metrics = Metrics(lambda: admission.waiting + photos.waiting, decoder_outcomes)
    if engine is None:
        engine = SearchEngine(settings, on_stage=metrics.stage, decoding=in_decoder)
    catalogue = Catalogue(settings.home)
    intake = Intake(settings, catalogue)
    events = Events(settings.home)
    return Resources(
        settings=settings,
        engine=engine,
        catalogue=catalogue,
        intake=intake,
        writer=ProductWriter(engine, catalogue, intake, admission.slot, in_decoder),
        keys=Keys(settings.home),
        admission=admission,
        decoding=in_decoder,
        fetches=queue(slots=_FETCHES),
        puts=queue(slots=_PUTS),
        rate_limit=RateLimit(settings.rate_limit),
        metrics=metrics,
        readiness=Readiness(engine, admission, catalogue),
        shelf=Shelf(catalogue),
        events=events,
        search_log=SearchLog(events),
    )


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
