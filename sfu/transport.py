"""One participant's connection: its negotiation state, its DTLS association, its place in the data plane."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

from sfu._dataplane import DataPlane
from sfu.answer import Local, host_candidates, make_answer
from sfu.dtls import Certificate, DtlsFailed, DtlsServer, SrtpKeys
from sfu.errors import SfuError, TransportClosed
from sfu.events import LossReason, SfuEvent, TransportConnected, TransportLost
from sfu.media_path import MediaPath
from sfu.mint import RandomMint
from sfu.negotiation import End, Limits, Plan, Publication, Start, State, negotiate
from sfu.plane_errors import translated
from sfu.sdp import IceCredentials
from sfu.sdp_reader import read
from sfu.sdp_writer import write
from sfu.settings import SfuSettings
from sfu.stats import SubscriptionStats, TransportStats
from sfu.track import Kind, PublishedTrack, TrackId, TransportId, Wish
from sfu.track_table import TrackTable

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 2.0


class HandshakeGate:
    """Limits the handshakes in flight. Who finds it full is dropped and counted: DTLS tries again by
    itself.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self.inside = 0
        self.turned_away = 0

    def enter(self) -> bool:
        if self.inside >= self._places:
            self.turned_away += 1
            return False
        self.inside += 1
        return True

    def leave(self) -> None:
        self.inside -= 1


@dataclass(frozen=True, slots=True)
class Node:
    """What the transports of one node share."""

    plane: DataPlane
    settings: SfuSettings
    emit: Callable[[SfuEvent], None]
    spawn: Callable[[Coroutine[None, None, None], str], asyncio.Task[None]]
    tracks: TrackTable = field(default_factory=TrackTable)
    mint: RandomMint = field(default_factory=RandomMint)
    gate: HandshakeGate = field(default_factory=lambda: HandshakeGate(64))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an offer led to. `tracks`: the track of each mid in use, published or subscribed."""

    sdp: str
    tracks: Mapping[str, TrackId]
    published: tuple[PublishedTrack, ...]
    unpublished: tuple[TrackId, ...]


class Transport:
    """Made by `Sfu.open_transport`; all of it belongs to the event loop's thread."""

    def __init__(
        self,
        transport_id: TransportId,
        native: int,
        ice: IceCredentials,
        certificate: Certificate,
        node: Node,
        on_closed: Callable[["Transport"], None],
    ) -> None:
        self.id = transport_id
        self.native = native  # the data plane's number
        self._node = node
        self._state = State(ice)
        self._session_id = node.mint.session_id()
        self._version = 0
        self._certificate = certificate
        self._media = MediaPath(node.plane, native, transport_id, node.tracks)
        self._dtls = DtlsServer(certificate, self._send_dtls, self._keys_agreed, self._closed_by_client)
        self._securing: asyncio.Task[None] | None = None
        self._on_closed = on_closed
        self._closed = False
        self._consent_lost = False
        self._answered_s = 0.0
        self._path_s: float | None = None

    def answer(self, offer_sdp: str, wishes: Mapping[str, Wish]) -> Answer:
        """Answer an offer; `wishes` says, by mid, what new sections are for.

        Raises BadOffer (SdpError among them), UnknownTrack, UnsupportedCodec, LimitReached, TransportClosed,
        DataPlaneFailed; then nothing has changed.
        """
        if self._closed:
            raise TransportClosed("the transport is closed")
        node = self._node
        offer = read(offer_sdp)
        limits = Limits(node.settings.max_tracks, node.settings.max_subscriptions)
        plan = negotiate(self._state, offer, wishes, node.tracks.known, node.mint, limits)
        local = Local(
            self._session_id,
            self._version + 1,
            self._certificate.fingerprint,
            host_candidates(node.plane.candidates),
        )
        parts = make_answer(offer, plan, local)
        self._media.carry_out(plan.steps, parts.extensions, plan.restart)
        if self._version == 0:
            self._answered_s = _now_s()
        self._state = plan.state
        self._version += 1
        log.debug("transport.negotiated", extra={"transport": self.id, "sections": len(offer.sections)})
        return _outcome(write(parts.description), plan)

    def pause(self, track: TrackId) -> None:
        self._media.pause(track)

    def resume(self, track: TrackId) -> None:
        self._media.resume(track)

    def stats(self) -> TransportStats:
        with translated():
            return self._node.plane.transport_stats(self.native)

    def subscription_stats(self) -> dict[TrackId, SubscriptionStats]:
        """What is sent to this participant, by track."""
        return self._media.subscription_stats()

    async def close(self) -> None:
        """End the connection, its tracks and its subscriptions. Bounded, and may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._media.forget()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._securing is not None and not self._securing.done():
                    self._securing.cancel()
                    await asyncio.wait([self._securing])
                await self._dtls.close()
        except TimeoutError:
            log.warning("transport.close_timed_out", extra={"transport": self.id})
        finally:
            self._on_closed(self)
            self._node.plane.close_transport(self.native)

    # --- events of the data plane

    def path_selected(self) -> None:
        if self._path_s is None:
            self._path_s = _now_s()
        elif self._consent_lost:
            self._consent_lost = False
            self._node.emit(TransportConnected(self.id, {}))

    def consent_expired(self) -> None:
        self._consent_lost = True
        self._lost(LossReason.CONSENT_EXPIRED)

    def dtls_received(self, datagram: bytes) -> None:
        remote = self._state.remote
        if self._closed or remote is None:
            return
        if self._securing is None:
            if not self._node.gate.enter():
                return
            self._securing = self._node.spawn(self._secure(), f"dtls-{self.id}")
            # Not in the task's own body: a task cancelled before its first step never runs it.
            self._securing.add_done_callback(lambda _: self._node.gate.leave())
        self._dtls.deliver(datagram)

    # --- DTLS

    async def _secure(self) -> None:
        """Raises nothing: one lost participant must not end the others."""
        remote = self._state.remote
        assert remote is not None
        try:
            await self._dtls.handshake(remote.fingerprints, self._node.settings.handshake_timeout_s)
        except DtlsFailed as failed:
            self._lost(LossReason(failed.reason.value))
        except SfuError:
            self._lost(LossReason.MEDIA_FAILED)
        except Exception as error:
            log.error("transport.dtls_broke", extra={"transport": self.id, "error": type(error).__name__})
            self._lost(LossReason.DTLS_FAILED)

    def _send_dtls(self, datagram: bytes) -> None:
        with translated():
            self._node.plane.send_dtls(self.native, datagram)

    def _keys_agreed(self, keys: SrtpKeys) -> None:
        with translated():
            self._node.plane.set_keys(
                self.native, keys.profile, keys.receive_key, keys.receive_salt, keys.send_key, keys.send_salt
            )
        now_s = _now_s()
        path_s = now_s if self._path_s is None else self._path_s
        steps = {
            "ice_ms": round((path_s - self._answered_s) * 1000, 1),
            "dtls_ms": round((now_s - path_s) * 1000, 1),
        }
        log.info("transport.connected", extra={"transport": self.id, "profile": keys.profile, **steps})
        self._node.emit(TransportConnected(self.id, steps))

    def _closed_by_client(self) -> None:
        self._lost(LossReason.DTLS_CLOSED)

    def _lost(self, reason: LossReason) -> None:
        if not self._closed:
            log.info("transport.lost", extra={"transport": self.id, "reason": reason.value})
            self._node.emit(TransportLost(self.id, reason))


def _now_s() -> float:
    # Not the event loop's time: uvloop's stands still within one turn and counts milliseconds.
    return time.monotonic()


def _outcome(sdp: str, plan: Plan) -> Answer:
    uses = [(section.mid, section.use) for section in plan.state.sections]
    return Answer(
        sdp,
        tracks={mid: use.track for mid, use in uses if mid is not None and use is not None},
        published=tuple(
            PublishedTrack(step.use.track, step.mid, Kind(step.media), step.use.choice.format.name)
            for step in plan.steps
            if isinstance(step, Start) and isinstance(step.use, Publication)
        ),
        unpublished=tuple(
            step.use.track
            for step in plan.steps
            if isinstance(step, End) and isinstance(step.use, Publication)
        ),
    )
