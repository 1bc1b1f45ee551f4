"""A server of the page, over a copy of a small built home, for tests in real Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from real_browser import served
from tiny_backbone import TinyBackbone

from api.app import create_app
from api.page import form as page_form
from data.catalogue import Catalogue
from data.settings import Settings
from engine.search import SearchEngine


@dataclass(frozen=True)
class PageServer:
    """A running server; `url` ends in a slash."""

    url: str
    app: Flask
    engine: SearchEngine
    catalogue: Catalogue

    def photo_of(self, product_id: str) -> Path:
        """Returns the file of a product's first photo."""
        record = self.catalogue.photo(self.catalogue.get(product_id).image_sha256[0])
        assert record
        return Path(record.source)


@contextmanager
def page_server(built_home: Path, folder: Path, *, page_size: int = 24, **settings: Any) -> Iterator[PageServer]:
    """Copies the home to an empty folder and serves it.

    Args:
        page_size: hits that a page of results holds.
        settings: those that differ from the defaults.
    """
    home = Path(shutil.copytree(built_home, folder / "home"))
    asked = Settings(home=home, backbone="efficientnet_lite2").replace(**settings)
    engine = SearchEngine(asked, backbone=TinyBackbone())
    engine.warm()
    app = create_app(asked, engine)
    with pytest.MonkeyPatch.context() as patch, served(app) as url:
        patch.setattr(page_form, "PAGE_SIZE", page_size)
        yield PageServer(url, app, engine, Catalogue(home))
