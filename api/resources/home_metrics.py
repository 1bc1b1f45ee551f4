"""Metrics of what the server serves: the live generation's age and quality, the catalogue's size, the last rebuild."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from data.catalogue import Catalogue
from data.errors import LookalikeError
from data.generations import GenerationStore, main_figures
from data.rebuilds import last_rebuild
from engine.search import SearchEngine


class HomeMetrics(Collector):
    """Reads the home when the metrics are asked for; what cannot be read is left out."""

    def __init__(self, engine: SearchEngine, catalogue: Catalogue) -> None:
        self._engine, self._catalogue = engine, catalogue

    def describe(self) -> list[Any]:
        """Returns nothing: without it, the registry would read the home before it is needed."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for read in (self._of_catalogue, self._of_generation, self._of_rebuild):
            try:
                yield from list(read())
            except (LookalikeError, OSError, LookupError, TypeError, ValueError):  # last_rebuild.json may be damaged
                continue

    def _of_catalogue(self) -> Iterator[GaugeMetricFamily]:
        counts = self._catalogue.counts()
        yield GaugeMetricFamily("lookalike_products", "Products in the catalogue.", counts["products"])
        yield GaugeMetricFamily("lookalike_images", "Photos of products in the catalogue.", counts["images"])

    def _of_generation(self) -> Iterator[GaugeMetricFamily]:
        status = self._engine.status()
        if status.get("generation") is None:
            return
        pending = "Products in the catalogue that no search finds yet."
        yield GaugeMetricFamily("lookalike_pending_products", pending, status["pending"])
        waiting = "Changed products that Milvus has not confirmed yet."
        yield GaugeMetricFamily("lookalike_changes_waiting", waiting, status.get("changes_waiting", 0))
        manifest = GenerationStore(self._catalogue.home).open(status["generation"]).manifest
        age_s = (datetime.now(UTC) - datetime.fromisoformat(manifest.created_at)).total_seconds()
        yield GaugeMetricFamily("lookalike_generation_age_seconds", "Age of the generation that is served.", age_s)
        quality = GaugeMetricFamily("lookalike_quality", "Main figures of the served generation.", labels=["figure"])
        for name, value in main_figures(manifest.metrics.get("parts", {})).items():
            quality.add_metric([name], value)
        yield quality

    def _of_rebuild(self) -> Iterator[GaugeMetricFamily]:
        """Yields when the last rebuild began, how it ended and how long it took."""
        last = last_rebuild(self._catalogue.home)
        if last is None:
            return
        began, took_s = datetime.fromisoformat(last["started_at"]).timestamp(), last["seconds"]["total"]
        name = "lookalike_last_rebuild"
        yield GaugeMetricFamily(f"{name}_timestamp_seconds", "When the last rebuild began, in Unix time.", began)
        yield GaugeMetricFamily(f"{name}_published", "1 if the last rebuild published.", int(last["published"]))
        yield GaugeMetricFamily(f"{name}_duration_seconds", "Seconds that the last rebuild took.", took_s)
