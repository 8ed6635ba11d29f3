"""What an operator can see: counters and gauges in the Prometheus text format, on a port of their own.

Figures that other parts keep are read when they are asked for, not kept here a second time.
"""

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from media_server.metric_rows import Kind, Row
from signalling import Step

_PREFIX = "teleconsult_"
_STEP_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# A second series for each would say no more than the start time of the process.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here

# Signalling's steps, then the media plane's: from the answer to a path, from there to keys.
JOIN_STEPS = (*(step.value for step in Step), "ice", "dtls")


class RowCollector(Collector):
    """Makes metrics of rows; `read` is called once a scrape."""

    def __init__(self, read: Callable[[], Iterable[Row]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering reads nothing

    def collect(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for row in self._read():
            names = sorted(row.labels)
            family = families.get(row.name)
            if family is None:
                make = GaugeMetricFamily if row.kind is Kind.GAUGE else CounterMetricFamily
                family = families[row.name] = make(_PREFIX + row.name, row.text, labels=names)
            family.add_metric([row.labels[name] for name in names], row.value)
        yield from families.values()


class Metrics:
    """The registry and what this package counts itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._join_steps = Histogram(
            "teleconsult_join_step_seconds",
            "How long each step into a call takes",
            ["step"],
            buckets=_STEP_BUCKETS,
            registry=self.registry,
        )
        self._lag = Histogram(
            "teleconsult_event_loop_lag_seconds",
            "How late a timer of the event loop ran",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self._transports_lost = Counter(
            "teleconsult_transports_lost",
            "Media connections that ended by themselves",
            ["reason"],
            registry=self.registry,
        )
        self._http = Counter(
            "teleconsult_http_responses", "HTTP answers", ["route", "status"], registry=self.registry
        )
        # Here alone is a version told: operators see it, strangers do not.
        Info("teleconsult", "Which version runs", registry=self.registry).info({"version": _version()})
        self._ready = Gauge("teleconsult_ready", "1 while new participants are taken", registry=self.registry)
        # A series that is there from the start has no first jump.
        self._of_steps = {step: self._join_steps.labels(step) for step in JOIN_STEPS}

    def join_step(self, step: str, seconds: float) -> None:
        """`step` is one of JOIN_STEPS."""
        self._of_steps[step].observe(seconds)

    def loop_lag(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def transport_lost(self, reason: str) -> None:
        """`reason` is one of the sfu's LossReason."""
        self._transports_lost.labels(reason).inc()

    def http_response(self, route: str, status: int) -> None:
        """`route` is the route's pattern, never the path that was asked for."""
        self._http.labels(route, str(status)).inc()

    def ready(self, ready: bool) -> None:
        self._ready.set(float(ready))

    def add(self, read: Callable[[], Iterable[Row]]) -> None:
        """Show what `read` gives at each scrape."""
        self.registry.register(RowCollector(read))

    async def handle(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self.registry)
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _version() -> str:
    try:
        return version("teleconsult")
    except PackageNotFoundError:
        return "not installed"
