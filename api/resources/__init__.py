"""What the views share, made once per app: the engine, queues, metrics, readiness, the search log and the shelf."""

from api.resources.app_resources import EXTENSION, Resources, make_resources, resources
from api.resources.page_clicks import PageClick
from api.resources.readiness import Readiness
from api.resources.shelf import ShelfContents

__all__ = ["EXTENSION", "PageClick", "Readiness", "Resources", "ShelfContents", "make_resources", "resources"]
