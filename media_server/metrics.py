"""What an operator can see: counters and gauges in the Prometheus text format, on a port of their own.

The data plane's figures are read when they are asked for, not kept here. No label holds an id: the number
of time series does not grow with calls, and nobody can be followed through them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from auth import Refusal

_STEP_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

JOIN_STEPS = ("ticket", "answer", "ice", "dtls")

# Key of the data plane's statistics: (metric, help, labels). Several keys with one metric become its label
# values.
_GAUGES: Mapping[str, tuple[str, str]] = {
    "transports": ("transports", "Media transports that are open"),
    "tracks": ("tracks", "Published tracks"),
    "subscriptions": ("subscriptions", "Tracks being forwarded, counted for each subscriber"),
    "receive_buffer_bytes": ("media_receive_buffer_bytes", "Size that the kernel gave each media socket"),
}
_COUNTERS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "audio_packets_received": ("media_packets", "RTP packets", {"direction": "in", "kind": "audio"}),
    "video_packets_received": ("media_packets", "RTP packets", {"direction": "in", "kind": "video"}),
    "audio_packets_sent": ("media_packets", "RTP packets", {"direction": "out", "kind": "audio"}),
    "video_packets_sent": ("media_packets", "RTP packets", {"direction": "out", "kind": "video"}),
    "packets_received": ("datagrams", "UDP datagrams", {"direction": "in"}),
    "packets_sent": ("datagrams", "UDP datagrams", {"direction": "out"}),
    "bytes_received": ("media_bytes", "Bytes of UDP payload", {"direction": "in"}),
    "bytes_sent": ("media_bytes", "Bytes of UDP payload", {"direction": "out"}),
    "packets_lost_upstream": ("packets_lost", "RTP packets that publishers sent and never arrived", {}),
    "nacks_sent": ("nacks", "Packets asked for again (RFC 4585)", {"direction": "out"}),
    "nacks_received": ("nacks", "Packets asked for again (RFC 4585)", {"direction": "in"}),
    "plis_sent": ("key_frame_requests", "Key frames asked for", {"direction": "out"}),
    "plis_received": ("key_frame_requests", "Key frames asked for", {"direction": "in"}),
    "rtx_received": ("retransmissions", "Packets sent again (RFC 4588)", {"direction": "in"}),
    "rtx_sent": ("retransmissions", "Packets sent again (RFC 4588)", {"direction": "out"}),
    "stun_requests": ("stun_requests", "Authentic ICE checks", {}),
    "dtls_received": ("dtls_datagrams", "DTLS datagrams received", {}),
    "stun_rejected": ("datagrams_refused", "Datagrams not accepted", {"reason": "stun"}),
    "unknown_source": ("datagrams_refused", "Datagrams not accepted", {"reason": "unknown-source"}),
    "malformed": ("datagrams_refused", "Datagrams not accepted", {"reason": "malformed"}),
    "auth_failures": ("datagrams_refused", "Datagrams not accepted", {"reason": "forged"}),
    "replays": ("datagrams_refused", "Datagrams not accepted", {"reason": "replayed"}),
    "rate_limited": ("datagrams_refused", "Datagrams not accepted", {"reason": "rate-limited"}),
    "events_dropped": ("dropped", "Thrown away because a queue was full", {"queue": "media-events"}),
    "send_errors": ("send_errors", "Datagrams that the kernel refused to send", {}),
}


class PlaneCollector(Collector):
    """The data plane's counters under our names; `read` is called once a scrape."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering does not ask a data plane that may not run yet

    def collect(self) -> Iterator[Metric]:
        stats = self._read()
        for key, (name, text) in _GAUGES.items():
            if key in stats:
                yield GaugeMetricFamily(f"teleconsult_{name}", text, value=float(stats[key]))
        yield from self._counters(stats)
        busy = CounterMetricFamily(
            "teleconsult_worker_busy_seconds",
            "CPU time of each media thread; its rate is the share of a core that is busy",
            labels=["worker"],
        )
        for worker, seconds in enumerate(stats.get("worker_busy_seconds", ())):
            busy.add_metric([str(worker)], float(seconds))
        yield busy

    def _counters(self, stats: Mapping[str, Any]) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for key, (name, text, labels) in _COUNTERS.items():
            if key not in stats:
                continue
            family = families.setdefault(
                name, CounterMetricFamily(f"teleconsult_{name}", text, labels=sorted(labels))
            )
            family.add_metric([labels[label] for label in sorted(labels)], float(stats[key]))
        yield from families.values()


class CallCollector(Collector):
    """Gauges and counters that other parts keep themselves, as name to (help, kind, value)."""

    def __init__(self, read: Callable[[], Mapping[str, float]], counters: Mapping[str, str]) -> None:
        self._read = read
        self._texts = counters

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        values = self._read()
        for name, text in self._texts.items():
            if name in values:
                family = GaugeMetricFamily if name.endswith("_now") else CounterMetricFamily
                yield family(f"teleconsult_{name.removesuffix('_now')}", text, value=values[name])


class Metrics:
    """The registry and what this package counts itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._join_steps = Histogram(
            "teleconsult_join_step_seconds",
            "Server's part of a join: checking the ticket, answering the offer; until a path, until keys",
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
        self._tickets_refused = Counter(
            "teleconsult_tickets_refused", "Tickets that let nobody in", ["reason"], registry=self.registry
        )
        self._offers_refused = Counter(
            "teleconsult_offers_refused", "Offers that were not answered", ["code"], registry=self.registry
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
        self._ready = Gauge("teleconsult_ready", "1 while new participants are taken", registry=self.registry)
        for step in JOIN_STEPS:  # a series that is there from the start has no first jump
            self._join_steps.labels(step)
        for reason in Refusal:
            self._tickets_refused.labels(reason.value)

    def join_step(self, step: str, seconds: float) -> None:
        """`step` is one of JOIN_STEPS."""
        self._join_steps.labels(step).observe(seconds)

    def loop_lag(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def ticket_refused(self, reason: Refusal) -> None:
        self._tickets_refused.labels(reason.value).inc()

    def offer_refused(self, code: str) -> None:
        """`code` is one of the media plane's own."""
        self._offers_refused.labels(code).inc()

    def transport_lost(self, reason: str) -> None:
        """`reason` is one of the sfu's LossReason."""
        self._transports_lost.labels(reason).inc()

    def http_response(self, route: str, status: int) -> None:
        """`route` is the route's pattern, never the path that was asked for."""
        self._http.labels(route, str(status)).inc()

    def ready(self, ready: bool) -> None:
        self._ready.set(float(ready))

    def add(self, collector: Collector) -> None:
        self.registry.register(collector)

    async def handle(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self.registry)
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
