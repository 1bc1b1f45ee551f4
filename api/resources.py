"""The objects that every view needs, made once per app; `resources()` returns them."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from api.admission import Admission, RateLimit
from api.metrics import Metrics
from api.readiness import Readiness
from api.search_log import SearchLog
from api.shelf import Shelf
from api.writing import ProductWriter
from data.catalogue import Catalogue
from data.events import Events
from data.keys import Keys
from data.photos import Intake
from data.settings import Settings
from engine.protocols import Decoding
from engine.search import SearchEngine

EXTENSION = "lookalike"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """See the class of each.

    Attributes:
        admission: the queue before the engine.
        decoding: context to hold while photos are decoded.
        fetches: the queue before photos are fetched from URLs.
        puts: the queue before products are written with their photos.
    """

    settings: Settings
    engine: SearchEngine
    catalogue: Catalogue
    intake: Intake
    writer: ProductWriter
    keys: Keys
    admission: Admission
    decoding: Decoding
    fetches: Admission
    puts: Admission
    rate_limit: RateLimit
    metrics: Metrics
    readiness: Readiness
    shelf: Shelf
    events: Events
    search_log: SearchLog


def resources() -> Resources:
    """Returns the resources of the app that answers the current request."""
    return cast(Resources, current_app.extensions[EXTENSION])
