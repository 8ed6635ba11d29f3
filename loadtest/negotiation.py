"""Offer and answer (RFC 3264) on aiortc's public API: one exchange at a time, the client always offers.

aiortc knows no rollback: after a refused offer the connection stays in have-local-offer, from which it may
offer again. A transceiver whose wish was refused is therefore turned inactive, and its m-section stays, as
m-sections never go away. Nor can a receiver change its SSRC: a section that ended is not used again.

And it starts its senders when DTLS is through, with the formats that their sections have at that moment.
While an offer is out those are the offered ones, not the agreed ones, and the other end throws away what
comes in a format that its answer left out (RFC 3264 §7). So nothing is offered while the connection is being
made.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiortc import (
    MediaStreamTrack,
    RTCPeerConnection,
    RTCRtpCapabilities,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)

from loadtest.errors import ClientError, Interrupted, MediaFailed, Refused, ServerViolation
from loadtest.events import Message, TrackId

CONNECT_PATIENCE_S = 30.0  # then we offer all the same: the server may have something to say of it
SendOffer = Callable[[str, Mapping[str, Message]], Awaitable[Message]]


@dataclass(eq=False)
class Change:
    """One section that shall begin (with its wish for `offer.tracks`) or end (wish None)."""

    kind: str
    wish: Message | None
    track: MediaStreamTrack | None = None  # what to send; None for a section that receives
    codec: str | None = None  # offer only this one
    transceiver: RTCRtpTransceiver | None = None  # made by the negotiation: aiortc offers whatever exists
    done: asyncio.Future[TrackId | None] = field(default_factory=asyncio.Future)

    @property
    def direction(self) -> str:
        if self.wish is None:
            return "inactive"
        return "sendonly" if self.track is not None else "recvonly"


class Negotiation:
    """One peer connection's negotiation. `run` is its one task; `begin` and `end` wait for the outcome."""

    def __init__(self, pc: RTCPeerConnection, send_offer: SendOffer) -> None:
        """`send_offer(sdp, tracks)` is the `offer` request: its reply carries `sdp` and `tracks`."""
        self._pc = pc
        self._send_offer = send_offer
        self._waiting: list[Change] = []  # unbounded, but each entry has a caller that waits for it
        self._wake = asyncio.Event()
        self._connecting_changed = asyncio.Event()
        pc.on("connectionstatechange", self._connecting_changed.set)

    async def begin(self, change: Change) -> TrackId:
        """Negotiate a section that begins. Raises Refused, Interrupted, SessionClosed, ServerViolation."""
        track_id = await self._submit(change)
        assert track_id is not None
        return track_id

    async def end(self, transceiver: RTCRtpTransceiver) -> None:
        """Negotiate the end of a section, and stop what runs on it."""
        await self._submit(Change(transceiver.kind, None, transceiver=transceiver))

    async def _submit(self, change: Change) -> TrackId | None:
        self._waiting.append(change)
        self._wake.set()
        return await change.done

    async def run(self) -> None:
        """Until cancelled: take all that waits, offer once for it all."""
        changes: list[Change] = []
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                changes, self._waiting = self._waiting, []
                changes = [change for change in changes if not change.done.done()]
                if changes:
                    await self._settle(changes)
        finally:
            for change in (*changes, *self._waiting):
                change.done.cancel()

    async def _settle(self, changes: list[Change]) -> None:
        """One offer for all; if refused, each alone, so that one bad wish does not sink the others."""
        try:
            await self._exchange(changes)
        except Refused as refusal:
            if len(changes) == 1:
                self._fail(changes[0], refusal)
                return
            for change in changes:
                self._direct(change, "inactive")
            for change in changes:
                await self._settle([change])
        except Interrupted:
            await self._settle(changes)  # the request waits for the resume; offering twice does no harm
        except ClientError as error:
            for change in changes:
                self._fail(change, error)
        except Exception as error:  # aiortc's own: an answer it cannot use
            for change in changes:
                self._fail(change, MediaFailed(type(error).__name__))

    async def _until_connected(self) -> None:
        """Until no connection is being made: it is there, has failed, or nobody has answered yet."""
        await asyncio.sleep(0)  # aiortc begins in a task of its own, which an answer before this one started
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                while self._pc.connectionState == "connecting":
                    self._connecting_changed.clear()
                    await self._connecting_changed.wait()

    async def _exchange(self, changes: list[Change]) -> None:
        await self._until_connected()
        for change in changes:
            self._direct(change, change.direction)
        await self._pc.setLocalDescription()
        wishes: dict[str, Message] = {}
        for change in changes:
            assert change.transceiver is not None
            assert change.transceiver.mid is not None
            if change.wish is not None:
                wishes[change.transceiver.mid] = change.wish
        reply = await self._send_offer(self._pc.localDescription.sdp, wishes)
        try:
            sdp, tracks = str(reply["sdp"]), dict(reply["tracks"])
        except (KeyError, TypeError, ValueError) as error:
            raise ServerViolation("a malformed reply to an offer") from error
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        for change in changes:
            assert change.transceiver is not None
            if change.wish is None:
                await change.transceiver.stop()
            if not change.done.done():
                track_id = tracks.get(change.transceiver.mid) if change.wish is not None else None
                if change.wish is not None and track_id is None:
                    change.done.set_exception(ServerViolation("an answer without the track's id"))
                else:
                    change.done.set_result(track_id)

    def _direct(self, change: Change, direction: str) -> None:
        if change.transceiver is None:
            change.transceiver = self._pc.addTransceiver(change.track or change.kind, direction=direction)
            if change.codec is not None:
                prefer_codec(change.transceiver, change.codec)
        else:
            change.transceiver.direction = direction

    def _fail(self, change: Change, error: ClientError) -> None:
        self._direct(change, "inactive")
        if not change.done.done():
            change.done.set_exception(error)


def prefer_codec(transceiver: RTCRtpTransceiver, codec: str) -> None:
    """Offer one codec only, and its retransmission format. Raises ValueError for one aiortc does not have."""
    capabilities: RTCRtpCapabilities = RTCRtpSender.getCapabilities(transceiver.kind)
    chosen = [c for c in capabilities.codecs if c.mimeType.lower() == f"{transceiver.kind}/{codec}"]
    if not chosen:
        raise ValueError(f"aiortc has no {codec}")
    retransmission = [c for c in capabilities.codecs if c.mimeType.lower().endswith("/rtx")]
    transceiver.setCodecPreferences(chosen + retransmission[:1])
