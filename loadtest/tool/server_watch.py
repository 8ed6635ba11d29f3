"""The servers under test, looked at once a second: their /metrics, and their process where it is here."""

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from loadtest.tool import proc
from loadtest.tool.errors import CannotTest
from loadtest.tool.preflight import why_not

SCRAPE_S = 5.0
USUAL_PORT = 9090  # METRICS_PORT
OURS = "teleconsult_ready"
GAUGES = ("transports", "tracks", "subscriptions", "rooms", "sessions", "handshakes_in_flight", "tasks")
"""That should go back to where they were, once everybody has left."""


@dataclass(frozen=True, slots=True)
class Look:
    """All servers together at one moment; counts since they began. None: not told."""

    at_s: float  # monotonic
    cpu_s: float | None = None
    memory_mb: float | None = None
    threads: float | None = None
    descriptors: float | None = None
    packets_in: float | None = None
    packets_out: float | None = None
    loop_lag_le: Mapping[float, float] = field(default_factory=dict)  # counts by upper bound, seconds
    gauges: Mapping[str, float] = field(default_factory=dict)


def parse_metrics(text: str) -> dict[str, float]:
    """Values by name and labels, as the Prometheus text format writes them; what is no number is left out."""
    values: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, value = line.rpartition(" ")
        try:
            values[name] = float(value)
        except ValueError:
            continue
    return values


def look_of(metrics: Mapping[str, float], process: proc.ProcessLook | None, at_s: float) -> Look:
    """What one server's metrics and process say together; the process is the better witness of itself."""
    lag = "teleconsult_event_loop_lag_seconds_bucket"
    return Look(
        at_s=at_s,
        cpu_s=process.cpu_s if process else metrics.get("process_cpu_seconds_total"),
        memory_mb=process.memory_mb if process else _mb(metrics.get("process_resident_memory_bytes")),
        threads=process.threads if process else None,
        descriptors=(process.descriptors if process else None) or metrics.get("process_open_fds"),
        packets_in=_sum(metrics, 'teleconsult_media_packets_total{direction="in"'),
        packets_out=_sum(metrics, 'teleconsult_media_packets_total{direction="out"'),
        loop_lag_le={
            float(name[len(lag) + 5 : -2]): value
            for name, value in metrics.items()
            if name.startswith(f'{lag}{{le="')
        },
        gauges={
            gauge: metrics[f"teleconsult_{gauge}"] for gauge in GAUGES if f"teleconsult_{gauge}" in metrics
        },
    )


def added(looks: list[Look], at_s: float) -> Look:
    """Several servers as one; what one of them does not tell is not told."""
    if len(looks) == 1:
        return looks[0]
    lag: dict[float, float] = {}
    gauges: dict[str, float] = {}
    for look in looks:
        for bound, count in look.loop_lag_le.items():
            lag[bound] = lag.get(bound, 0) + count
        for name, value in look.gauges.items():
            gauges[name] = gauges.get(name, 0) + value

    def total(name: str) -> float | None:
        values = [getattr(look, name) for look in looks]
        return None if None in values or not values else sum(values)

    names = ("cpu_s", "memory_mb", "threads", "descriptors", "packets_in", "packets_out")
    return Look(at_s, **{name: total(name) for name in names}, loop_lag_le=lag, gauges=gauges)


class ServerWatch:
    """Of one server. `metrics_url` None: it was not told; on the server's machine the usual port is tried."""

    def __init__(self, http: aiohttp.ClientSession, origin: str, metrics_url: str | None) -> None:
        self._http = http
        self.origin = origin
        self.metrics_url = metrics_url
        self.same_host = False
        """Whether its process was found on this machine; so it stays, though the process may end."""
        self._pid: int | None = None
        self.version: str | None = None

    async def find(self) -> None:
        """Learn what there is to look at: blocking calls of a few milliseconds, before the test begins.

        Raises CannotTest for metrics that were told and are none.
        """
        url = URL(self.origin)
        here = await _is_here(url.host or "")
        if here:
            self._pid = await asyncio.to_thread(proc.listener_on, url.port or 80)
            self.same_host = self._pid is not None
        metrics: dict[str, float] = {}
        if self.metrics_url is not None:
            metrics = await self._told(self.metrics_url)
        elif here and await asyncio.to_thread(proc.listener_on, USUAL_PORT) == self._pid:
            self.metrics_url = str(url.with_scheme("http").with_port(USUAL_PORT).with_path("/metrics"))
            metrics = await self._metrics()
            if OURS not in metrics:
                self.metrics_url = None  # nobody there, or somebody else
        for name in metrics:
            if name.startswith("teleconsult_info{") and 'version="' in name:
                self.version = name.split('version="', 1)[1].split('"', 1)[0]

    async def look(self) -> Look:
        metrics = await self._metrics()
        process = None
        if self._pid is not None:
            try:
                process = proc.look_at(self._pid)
            except OSError:
                self._pid = None
        return look_of(metrics, process, time.monotonic())

    @property
    def tells(self) -> str | None:
        """Where its figures come from, for the report; None when it tells nothing."""
        if self.metrics_url is None:
            return "proc" if self.same_host else None
        return "both" if self.same_host else "metrics"

    async def _told(self, metrics_url: str) -> dict[str, float]:
        """The metrics where somebody said that they are. Raises CannotTest."""
        option = f"--metrics {URL(metrics_url).with_query(None)}"
        try:
            async with asyncio.timeout(SCRAPE_S), self._http.get(metrics_url) as response:
                if response.status != 200:
                    raise CannotTest(f"{option}: it answers http {response.status}, and no metrics.")
                metrics = parse_metrics(await response.text())
        except TimeoutError:
            raise CannotTest(f"{option}: it did not answer within {SCRAPE_S:.0f} s.") from None
        except aiohttp.ClientConnectorError as error:
            raise CannotTest(f"{option}: it cannot be reached: {why_not(error)}.") from None
        except (aiohttp.ClientError, ValueError):
            raise CannotTest(f"{option}: it does not answer as a Teleconsult server's metrics do.") from None
        if OURS not in metrics:
            raise CannotTest(f"{option}: these are not the metrics of a Teleconsult server.")
        return metrics

    async def _metrics(self) -> dict[str, float]:
        if self.metrics_url is None:
            return {}
        try:
            async with asyncio.timeout(SCRAPE_S), self._http.get(self.metrics_url) as response:
                return parse_metrics(await response.text()) if response.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return {}


async def _is_here(host: str) -> bool:
    """Whether a name is this machine's own: one can bind to it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as trial:
            try:
                trial.bind(address)
            except OSError:
                continue
            return True
    return False


def _sum(metrics: Mapping[str, float], beginning: str) -> float | None:
    values = [value for name, value in metrics.items() if name.startswith(beginning)]
    return sum(values) if values else None


def _mb(value_bytes: float | None) -> float | None:
    return None if value_bytes is None else value_bytes / proc.MB
