"""The objects that every view needs, made once per app; `resources()` returns them."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from flask import current_app, g

from api.resources.admission import Admission, decoding
from api.resources.home_metrics import HomeMetrics
from api.resources.metrics import Metrics
from api.resources.page_clicks import PageClicks
from api.resources.query_photos import QueryPhotos
from api.resources.rate_limit import RateLimit
from api.resources.readiness import Readiness
from api.resources.search_log import SearchLog
from api.resources.sessions import Sessions
from api.resources.shelf import Shelf
from api.writing import ProductWriter
from data.catalogue import Catalogue
from data.events import Events
from data.keys import Keys
from data.photos import Intake, decoder_outcomes
from data.settings import Settings
from engine.generation import Models
from engine.protocols import Decoding
from engine.search import SearchEngine

EXTENSION = "lookalike"
FOLLOWER = "lookalike.follower"
_FETCHES = 8  # photos fetched from URLs at once; each may take seconds, but hardly any work
_LOGINS = 10  # tries a minute to open the operators' pages from one address
_NO_PHOTO_BYTES = 10_000  # a longer form holds a photo, as good as surely
_PUTS = 4  # products written at once, each with up to 10 photos in memory


@dataclass(frozen=True, kw_only=True)
class Resources:
    """See the class of each.

    Attributes:
        admission: the queue before the engine.
        decoders: the queue before the decoders of photos.
        decoding: context to hold while photos are decoded.
        fetches: the queue before photos are fetched from URLs.
        puts: the queue before products are written with their photos.
        release: of a searcher: id of the release that engine, catalogue and shelf are of; "": none.
        logins: the limit of tries to open the operators' pages.
        offers: what sellers have typed, as JSON, kept as long as photos are.
    """

    settings: Settings
    engine: SearchEngine
    catalogue: Catalogue
    intake: Intake
    writer: ProductWriter
    keys: Keys
    sessions: Sessions
    admission: Admission
    decoders: Admission
    decoding: Decoding
    fetches: Admission
    puts: Admission
    rate_limit: RateLimit
    logins: RateLimit
    metrics: Metrics
    readiness: Readiness
    shelf: Shelf
    events: Events
    search_log: SearchLog
    page_clicks: PageClicks
    query_photos: QueryPhotos
    offers: QueryPhotos
    release: str = ""

    def check_room(self, form_bytes: int) -> None:
        """Raises Overloaded if a search with a form of this length finds a full queue.

        Called before the form is read, which costs more than half of what a refusal costs here.
        """
        self.admission.check_room()
        if form_bytes > _NO_PHOTO_BYTES:
            self.decoders.check_room()


def make_resources(settings: Settings, engine: SearchEngine | None = None) -> Resources:
    """Returns the resources of a new app; loads no model.

    Args:
        settings: the settings of this run.
        engine: answers the searches; None: a new `SearchEngine` over `settings.home`.
    """
    queue = partial(Admission, queue_size=settings.queue_size, deadline_s=settings.deadline_s)
    admission, decoders = queue(slots=settings.cores), queue(slots=settings.cores)
    in_decoder = partial(decoding, admission, decoders)
    metrics = Metrics(lambda: admission.waiting + decoders.waiting, decoder_outcomes)
    if engine is None:
        engine = SearchEngine(settings, on_stage=metrics.stage, on_hits=metrics.hits, decoding=in_decoder)
    catalogue = Catalogue(settings.home)
    metrics.watch(HomeMetrics(engine, catalogue))
    intake = Intake(settings, catalogue)
    events = Events(settings.home)
    search_log = SearchLog(events)
    return Resources(
        settings=settings,
        engine=engine,
        catalogue=catalogue,
        intake=intake,
        writer=ProductWriter(engine, catalogue, intake, admission.slot, in_decoder),
        keys=(keys := Keys(settings.home)),
        sessions=Sessions(keys),
        admission=admission,
        decoders=decoders,
        decoding=in_decoder,
        fetches=queue(slots=_FETCHES),
        puts=queue(slots=_PUTS),
        rate_limit=RateLimit(settings.rate_limit),
        logins=RateLimit(_LOGINS),
        metrics=metrics,
        readiness=Readiness(engine, admission, catalogue),
        shelf=Shelf(catalogue),
        events=events,
        search_log=search_log,
        page_clicks=PageClicks(search_log),
        query_photos=QueryPhotos(settings.photo_id_minutes),
        offers=QueryPhotos(settings.photo_id_minutes),
    )


def resources_of(held: Resources, release: str, home: Path, models: Models) -> Resources:
    """Returns resources that search one release and share everything else with those of the searcher.

    Args:
        held: the searcher's own.
        home: where the release lies.
        models: networks that are loaded already.
    """
    settings = held.settings.replace(home=home)
    metrics, catalogue = held.metrics, Catalogue(home)
    engine = SearchEngine(
        settings, on_stage=metrics.stage, on_hits=metrics.hits, decoding=held.decoding, models=models.at(settings)
    )
    return replace(held, settings=settings, engine=engine, catalogue=catalogue, shelf=Shelf(catalogue), release=release)


class Follower(Protocol):
    """Has the resources of a searcher's releases."""

    problem: str

    def now(self) -> Resources: ...

    def of(self, release: str) -> Resources: ...


def follower() -> Follower | None:
    """Returns what a searcher follows releases with; None: the app is of a server of its own."""
    return cast("Follower | None", current_app.extensions.get(FOLLOWER))


def resources() -> Resources:
    """Returns the resources of the app that answers the current request; of a searcher, the same till its end."""
    if (following := follower()) is None:
        return cast(Resources, current_app.extensions[EXTENSION])
    if "resources" not in g:
        use(following.now())
    return cast(Resources, g.resources)


def use(held: Resources) -> None:
    """Makes a searcher answer the current request with these resources."""
    g.resources = held
