"""One participant's tracks and subscriptions in the data plane: carries out plans, all or nothing."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sfu._dataplane import DataPlane
from sfu.errors import UnknownTrack
from sfu.header_extensions import ExtensionIds
from sfu.negotiation import End, KnownTrack, Publication, Start, Step, Subscription
from sfu.plane_errors import translated
from sfu.sdp import IceCredentials
from sfu.stats import SubscriptionStats
from sfu.track import Kind, TrackId, TransportId
from sfu.track_table import TrackTable


class Forwarded(NamedTuple):
    """A subscription as the data plane has it. The same track may be subscribed anew, under another SSRC."""

    track: TrackId
    ssrc: int
    native: int


class MediaPath:
    def __init__(self, plane: DataPlane, native: int, transport: TransportId, tracks: TrackTable) -> None:
        self._plane = plane
        self._native = native
        self._transport = transport
        self._tracks = tracks
        self._extensions = ExtensionIds()
        self._subscriptions: dict[str, Forwarded] = {}  # by mid
        self._published: set[TrackId] = set()

    def carry_out(
        self, steps: Sequence[Step], extensions: ExtensionIds, restart: IceCredentials | None
    ) -> None:
        """What the plan says. When a step fails, those before it are taken back, and the error is raised.

        The one thing that cannot be taken back is the end of a publication that the same offer replaces;
        the plan puts it after every step that can meet a limit.
        """
        with translated(), ExitStack() as undo:
            if extensions != self._extensions:
                self._plane.set_extensions(self._native, **extensions._asdict())
                undo.callback(self._plane.set_extensions, self._native, **self._extensions._asdict())
            replaced: list[int] = []
            for step in steps:
                match step:
                    case Start(use=Subscription() as use):
                        replaced += self._subscribe(step.mid, use, undo)
                    case Start(use=Publication() as use):
                        self._publish(step, use, undo)
                    case End(use=Subscription() as use):
                        self._unsubscribe(step.mid, use.ssrc)
                    case End(use=Publication() as use):
                        self._unpublish(use.track)
            if restart is not None:
                self._plane.restart_ice(self._native, restart.ufrag, restart.pwd)
            undo.pop_all()
        self._extensions = extensions
        for native in replaced:
            self._drop_subscription(native)

    def pause(self, track: TrackId) -> None:
        """Stop forwarding a track to this participant. Raises UnknownTrack."""
        for native in self._subscribed(track):
            with translated():
                self._plane.pause(native)

    def resume(self, track: TrackId) -> None:
        """Forward it again, from a key frame on. Raises UnknownTrack."""
        for native in self._subscribed(track):
            with translated():
                self._plane.resume(native)

    def subscription_stats(self) -> dict[TrackId, SubscriptionStats]:
        """By track, as sent to this participant; without those whose track has just ended."""
        result: dict[TrackId, SubscriptionStats] = {}
        for forwarded in self._subscriptions.values():
            try:
                with translated():
                    result[forwarded.track] = self._plane.subscription_stats(forwarded.native)
            except UnknownTrack:
                continue
        return result

    def forget(self) -> tuple[TrackId, ...]:
        """This participant's tracks leave the table, so that nobody subscribes any more; returns them."""
        ended = tuple(self._published)
        for track in ended:
            self._tracks.remove(track)
        self._published.clear()
        self._subscriptions.clear()
        return ended

    def _subscribed(self, track: TrackId) -> list[int]:
        natives = [each.native for each in self._subscriptions.values() if each.track == track]
        if not natives:
            raise UnknownTrack("the participant has no subscription to the track")
        return natives

    def _publish(self, start: Start, use: Publication, undo: ExitStack) -> None:
        choice = use.choice
        native = self._plane.publish(
            self._native,
            mid=start.mid,
            kind=start.media,
            codec=choice.format.name.value,
            clock_rate=choice.format.clock_rate,
            payload_type=choice.codec.payload_type,
            rtx_payload_type=None if choice.rtx is None else choice.rtx.payload_type,
            nack="nack" in choice.codec.feedback and start.media == Kind.VIDEO,
            rid=use.rid,
            ssrcs=start.ssrcs,
            rtx_ssrcs=start.rtx_ssrcs,
        )
        self._tracks.add(use.track, native, KnownTrack(Kind(start.media), choice.format, self._transport))
        self._published.add(use.track)
        undo.callback(self._unpublish, use.track)

    def _unpublish(self, track: TrackId) -> None:
        self._published.discard(track)
        native = self._tracks.remove(track)
        if native is not None:
            self._plane.unpublish(native)

    def _subscribe(self, mid: str, use: Subscription, undo: ExitStack) -> list[int]:
        """The data plane's numbers of what the mid was subscribed to before."""
        before = self._subscriptions.get(mid)
        choice = use.choice
        native = self._plane.subscribe(
            self._native,
            self._tracks.native(use.track),
            mid=mid,
            payload_type=choice.codec.payload_type,
            rtx_payload_type=None if choice.rtx is None else choice.rtx.payload_type,
            ssrc=use.ssrc,
            rtx_ssrc=use.rtx_ssrc,
            cname=use.publisher,
        )
        self._subscriptions[mid] = Forwarded(use.track, use.ssrc, native)
        undo.callback(self._resubscribed, mid, native, before)
        return [] if before is None else [before.native]

    def _resubscribed(self, mid: str, native: int, before: Forwarded | None) -> None:
        if before is None:
            self._subscriptions.pop(mid, None)
        else:
            self._subscriptions[mid] = before
        self._drop_subscription(native)

    def _unsubscribe(self, mid: str, ssrc: int) -> None:
        forwarded = self._subscriptions.get(mid)
        if forwarded is not None and forwarded.ssrc == ssrc:
            del self._subscriptions[mid]
            self._drop_subscription(forwarded.native)

    def _drop_subscription(self, native: int) -> None:
        try:
            with translated():
                self._plane.unsubscribe(native)
        except UnknownTrack:
            pass  # it ended with its track
