"""What the views share, made once per app: the engine, queues, metrics, readiness, the search log and the shelf."""

from api.resources.app_resources import (
    EXTENSION,
    FOLLOWER,
    Resources,
    follower,
    make_resources,
    resources,
    resources_of,
    use,
)
from api.resources.home_metrics import HomeMetrics
from api.resources.page_clicks import PageClick
from api.resources.readiness import Readiness
from api.resources.shelf import ShelfContents

__all__ = [
    "EXTENSION",
    "FOLLOWER",
    "HomeMetrics",
    "PageClick",
    "Readiness",
    "Resources",
    "ShelfContents",
    "follower",
    "make_resources",
    "resources",
    "resources_of",
    "use",
]
