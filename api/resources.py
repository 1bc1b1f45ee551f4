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
from engine.search import SearchEngine

EXTENSION = "lookalike"


@dataclass(frozen=True, kw_only=True)
class Resources:
    settings: Settings
    engine: SearchEngine
    catalogue: Catalogue
    intake: Intake
    writer: ProductWriter
    keys: Keys
    admission: Admission
    rate_limit: RateLimit
    metrics: Metrics
    readiness: Readiness
    shelf: Shelf
    events: Events
    search_log: SearchLog


def resources() -> Resources:
    """Returns the resources of the app that answers the current request."""
    return cast(Resources, current_app.extensions[EXTENSION])
