"""Metrics for Prometheus: times per stage and route, requests by route and status, and the depth of the queue."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10)


class Metrics:
    """The counters of one app, in a registry of its own so that several apps can live in one process."""

    def __init__(self, queue_depth: Callable[[], int], photos: Callable[[], Mapping[str, int]]) -> None:
        self._registry = CollectorRegistry()
        self._watched: Collector | None = None
        self._registry.register(_Photos(photos))
        self._stages = Histogram(
            "lookalike_stage_seconds", "Time in one stage of a query.", ["stage"], buckets=_BUCKETS,
            registry=self._registry,
        )  # fmt: skip
        self._latency = Histogram(
            "lookalike_request_seconds", "Time of a whole request.", ["route"], buckets=_BUCKETS,
            registry=self._registry,
        )  # fmt: skip
        self._requests = Counter(
            "lookalike_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._searches = Counter(
            "lookalike_searches", "Searches answered, by whether anything matched.", ["no_match"],
            registry=self._registry,
        )  # fmt: skip
        self._hits = Counter(
            "lookalike_hits", "Products shown, by whether they were put since the live generation was built.", ["new"],
            registry=self._registry,
        )  # fmt: skip
        Gauge(
            "lookalike_queue_depth", "Requests waiting for the engine or a decoder.", registry=self._registry
        ).set_function(queue_depth)  # fmt: skip

    def stage(self, name: str, milliseconds: float) -> None:
        """Records the time of one stage of one query; `SearchEngine` takes this method as `on_stage`."""
        self._stages.labels(name).observe(milliseconds / 1000)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one answer. `route` is the URL rule, never the path, so that labels stay few."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def search(self, *, no_match: bool) -> None:
        """Counts a search that was answered."""
        self._searches.labels(str(no_match).lower()).inc()

    def hits(self, shown: int, new: int) -> None:
        """Counts the hits of an answer; `SearchEngine` takes this method as `on_hits`."""
        self._hits.labels("false").inc(shown - new)
        self._hits.labels("true").inc(new)

    def watch(self, collector: Collector) -> None:
        """Takes metrics that are read when they are asked for, in place of those that it took before."""
        if self._watched is not None:
            self._registry.unregister(self._watched)
        self._registry.register(collector)
        self._watched = collector

    def text(self) -> bytes:
        """Returns all metrics in the Prometheus text format."""
        return generate_latest(self._registry)


class _Photos(Collector):
    """Reads the decoders' own counts when the metrics are asked for."""

    def __init__(self, outcomes: Callable[[], Mapping[str, int]]) -> None:
        self._outcomes = outcomes

    def collect(self) -> Iterator[CounterMetricFamily]:
        counts = CounterMetricFamily(
            "lookalike_photos", "Photos given to the decoders, by outcome.", labels=["outcome"]
        )
        for outcome, count in self._outcomes().items():
            counts.add_metric([outcome], count)
        yield counts
