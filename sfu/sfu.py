"""The media plane of one node: its lifetime, its transports, and the news from the data plane."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sfu import _dataplane
from sfu._dataplane import DataPlane
from sfu.certificate import CertificateStore
from sfu.dtls import Certificate
from sfu.errors import BadSettings, LimitReached, TapsOff
from sfu.events import SfuEvent, TrackStarted
from sfu.plane_errors import translated
from sfu.settings import SfuSettings
from sfu.stats import PlaneStats, TrackStats
from sfu.tap import Tap
from sfu.track import TrackId
from sfu.transport import HandshakeGate, Node, Transport

log = logging.getLogger(__name__)

ENOUGH_BUFFER_BYTES = 1 << 20
# What the data plane takes for a tap's buffer.
SMALLEST_TAP_BYTES = 16 << 10
LARGEST_TAP_BYTES = 1 << 30


class Sfu:
    """`async with Sfu(settings, on_event) as sfu`: opens the ports and starts the workers, and ends them.

    `on_event` is called in the event loop and must not block; what it raises is logged and forgotten.
    """

    def __init__(
        self,
        settings: SfuSettings,
        on_event: Callable[[SfuEvent], None],
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._certificates = CertificateStore(Certificate.generateCertificate, wall_clock)
        self._transports: dict[int, Transport] = {}  # by the data plane's number
        self._tasks = asyncio.TaskGroup()
        self._node: Node | None = None

    async def __aenter__(self) -> Self:
        """Raises BadSettings, and OSError when the port cannot be had."""
        self._certificates.current().warm()
        plane = self._open_plane()
        try:
            asyncio.get_running_loop().add_reader(plane.event_fd(), self._read_events)
            await self._tasks.__aenter__()
        except BaseException:
            plane.close()
            raise
        self._node = Node(
            plane, self._settings, self._emit, self._spawn, gate=HandshakeGate(self._settings.max_handshakes)
        )
        log.info("sfu.started", extra={"port": plane.port, "workers": self._settings.workers})
        buffer_bytes = plane.stats()["receive_buffer_bytes"]
        if buffer_bytes < ENOUGH_BUFFER_BYTES:
            # The kernel clamps it to net.core.rmem_max; a burst of key frames may be lost before we see it.
            log.warning("sfu.small_receive_buffer", extra={"bytes": buffer_bytes})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        node = self._running()
        try:
            # Each close is bounded by itself; one that fails does not keep the others from closing.
            await asyncio.gather(
                *(transport.close() for transport in list(self._transports.values())), return_exceptions=True
            )
            # The tasks end with their transports and raise nothing: what the body raised is not wrapped.
            await self._tasks.__aexit__(None, None, None)
        finally:
            asyncio.get_running_loop().remove_reader(node.plane.event_fd())
            node.plane.close()
            self._node = None

    def open_transport(self) -> Transport:
        """A connection for one participant, which waits for its first offer. Raises LimitReached."""
        node = self._running()
        if len(self._transports) >= self._settings.max_transports:
            raise LimitReached("too many transports")
        ice = node.mint.ice_credentials()
        with translated():
            native = node.plane.open_transport(ice.ufrag, ice.pwd)
        transport = Transport(
            node.mint.transport_id(), native, ice, self._certificates.current(), node, self._forget
        )
        self._transports[native] = transport
        return transport

    def pause(self, transport: Transport, track: TrackId) -> None:
        """Stop forwarding `track` to this participant. Raises UnknownTrack when it is not subscribed."""
        transport.pause(track)

    def resume(self, transport: Transport, track: TrackId) -> None:
        """Forward it again. Raises UnknownTrack."""
        transport.resume(track)

    def open_tap(self) -> Tap:
        """A buffer for one recording, without tracks. Raises TapsOff, LimitReached."""
        node = self._running()
        if self._settings.max_taps == 0:
            raise TapsOff("media cannot be tapped on this node")
        with translated():
            native = node.plane.start_tap(self._settings.tap_bytes)
        return Tap(node.plane, native, node.tracks)

    @property
    def port(self) -> int:
        return self._running().plane.port

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Where media is reached, best first: those of the candidates in each answer."""
        return self._running().plane.candidates

    @property
    def handshakes_in_flight(self) -> int:
        return self._running().gate.inside

    @property
    def handshakes_turned_away(self) -> int:
        """Datagrams dropped because too many handshakes were in flight; only grows."""
        return self._running().gate.turned_away

    def stats(self) -> PlaneStats:
        with translated():
            return self._running().plane.stats()

    def track_stats(self, track: TrackId) -> TrackStats:
        """Raises UnknownTrack."""
        node = self._running()
        with translated():
            return node.plane.track_stats(node.tracks.native(track))

    def idle_s(self, tracks: Iterable[TrackId]) -> dict[TrackId, float | None]:
        """Seconds since the last packet of each that exists; None when none ever came."""
        node = self._running()
        natives = node.tracks.natives(tracks)
        with translated():
            idle_ms = node.plane.idle_ms([*natives.values()])
        return {track: None if ms < 0 else ms / 1000 for track, ms in zip(natives, idle_ms, strict=True)}

    def audio_levels(self) -> list[tuple[TrackId, int]]:
        """(track, -dBov 0 loudest … 127): the loudest since the last call, for tracks heard since then."""
        node = self._running()
        with translated():
            levels = node.plane.audio_levels()
        named = ((node.tracks.id_of(native), level) for native, level in levels)
        return [(track, level) for track, level in named if track is not None]

    def _running(self) -> Node:
        if self._node is None:
            raise RuntimeError("the Sfu is used outside its `async with`")
        return self._node

    def _open_plane(self) -> DataPlane:
        settings = self._settings
        if not SMALLEST_TAP_BYTES <= settings.tap_bytes <= LARGEST_TAP_BYTES:
            raise BadSettings(f"tap_bytes: {SMALLEST_TAP_BYTES} to {LARGEST_TAP_BYTES}")
        try:
            return DataPlane(
                port=settings.port,
                bind=settings.bind,
                announced=settings.announced,
                workers=settings.workers,
                consent_timeout_s=settings.consent_timeout_s,
                max_transports=settings.max_transports,
                max_tracks=settings.max_tracks,
                # Ours is checked beforehand; a section that turns to another track has both for a moment.
                max_subscriptions=2 * settings.max_subscriptions,
                history_packets=settings.history_packets,
                unauthenticated_per_s=settings.unauthenticated_per_s,
                max_taps=settings.max_taps,
                longest_wait_us=settings.longest_wait_us,
            )
        except _dataplane.BadParameter as refused:
            raise BadSettings(str(refused)) from None

    def _spawn(self, body: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        return self._tasks.create_task(body, name=name)

    def _forget(self, transport: Transport) -> None:
        self._transports.pop(transport.native, None)

    def _emit(self, event: SfuEvent) -> None:
        try:
            self._on_event(event)
        except Exception as error:  # a listener's bug must not reach the transports
            log.error("sfu.listener_failed", extra={"error": type(error).__name__})

    def _read_events(self) -> None:
        for event in self._running().plane.poll_events():
            try:
                self._dispatch(event)
            except Exception as error:  # nor one participant's failure the others
                log.error("sfu.event_failed", extra={"error": type(error).__name__})

    def _dispatch(self, event: "_dataplane.Event") -> None:
        if isinstance(event, _dataplane.TrackStarted):
            track = self._running().tracks.id_of(event.track)
            if track is not None:
                self._emit(TrackStarted(track))
            return
        transport = self._transports.get(event.transport)
        if transport is None:
            return  # news of one that has just been closed
        match event:
            case _dataplane.DtlsReceived():
                transport.dtls_received(event.datagram)
            case _dataplane.PathSelected():
                transport.path_selected()
            case _dataplane.ConsentExpired():
                transport.consent_expired()
