"""Signalling's media plane, made of the sfu: participants become transports, refusals keep their codes.

Track ids are the sfu's in both worlds. Periodic work (who is heard, what fell silent, how good a connection
is) reads the data plane's figures and passes on only what is news.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, assert_never

import sfu
from media_server.metrics import Metrics
from media_server.quality import Meter, Quality, Sample, judge
from media_server.silence import SilenceWatch
from media_server.speakers import Speakers
from signalling import (
    MediaRefused,
    Mid,
    Negotiated,
    ParticipantId,
    Publish,
    PublishedTrack,
    Rating,
    Subscribe,
    TrackId,
    Wish,
)

log = logging.getLogger(__name__)

_SPEAKERS_EVERY_S = 1 / 3
_SILENCE_EVERY_S = 1.0
_QUALITY_EVERY_S = 2.0


class News(Protocol):
    """What signalling is told of the media side."""

    def speakers(self, levels: Mapping[TrackId, int]) -> None: ...

    def track_silent(self, track: TrackId, silent: bool) -> None: ...

    def quality(self, participant: ParticipantId, uplink: Rating, downlink: Rating) -> None: ...

    def media_lost(self, participant: ParticipantId) -> None: ...


@dataclass(slots=True)
class _Connection:
    """One participant's media."""

    transport: sfu.Transport
    tracks: set[TrackId] = field(default_factory=set)
    meter: Meter = field(default_factory=Meter)
    packets: int = 0
    packets_at: float = 0.0


class MediaPlane:
    """Implements `signalling.Media`. Made before the Sfu, whose events it takes; `attach` completes the
    circle.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._sfu: sfu.Sfu | None = None
        self._news: News | None = None
        self._connections: dict[ParticipantId, _Connection] = {}
        self._owners: dict[sfu.TransportId, ParticipantId] = {}
        self._speakers = Speakers()
        self._silence = SilenceWatch()

    def attach(self, plane: sfu.Sfu, news: News) -> None:
        """Give the parts that need this one to be made themselves."""
        self._sfu = plane
        self._news = news

    # --- Media ---

    async def negotiate(self, participant: ParticipantId, sdp: str, wishes: Mapping[Mid, Wish]) -> Negotiated:
        """Answer an offer; the participant's first one opens its transport. Raises MediaRefused."""
        connection = self._connections.get(participant)
        try:
            if connection is None:
                connection = _Connection(self._plane.open_transport(), packets_at=self._clock())
            answer = connection.transport.answer(sdp, {str(mid): _wish(wish) for mid, wish in wishes.items()})
        except sfu.SfuError as error:
            if connection is not None and participant not in self._connections:
                await connection.transport.close()  # opened for nothing
            raise MediaRefused(error.code, str(error)) from None
        self._connections[participant] = connection
        self._owners[connection.transport.id] = participant
        return self._negotiated(connection, answer, wishes)

    def prefer(self, participant: ParticipantId, track: TrackId, max_height: int | None) -> None:
        """0 pauses, anything else resumes: there is one layer to choose from. Unknown: no effect."""
        connection = self._connections.get(participant)
        if connection is None:
            return
        act = self._plane.pause if max_height == 0 else self._plane.resume
        try:
            act(connection.transport, sfu.TrackId(track))
        except sfu.SfuError as error:
            log.debug("media.preference_ignored", extra={"code": error.code})

    def set_muted(self, track: TrackId, muted: bool) -> None:
        self._silence.set_muted(track, muted, self._clock())

    async def close(self, participant: ParticipantId) -> None:
        """End the participant's transport. Idempotent."""
        connection = self._connections.pop(participant, None)
        if connection is None:
            return
        self._owners.pop(connection.transport.id, None)
        for track in connection.tracks:
            self._silence.unpublish(track)
        await connection.transport.close()

    # --- The sfu's events ---

    def on_event(self, event: sfu.SfuEvent) -> None:
        """Given to the Sfu as its listener; called on the event loop."""
        match event:
            case sfu.TransportConnected(transport_id=transport, steps=steps):
                self._connected(transport)
                for step, duration_ms in steps.items():
                    self._metrics.join_step(step.removesuffix("_ms"), duration_ms / 1000)
            case sfu.TransportLost(transport_id=transport, reason=reason):
                self._lost(transport, reason)
            case sfu.TrackStarted():
                pass  # that it goes on, and whether it stops, is what `tell_silence` looks at
            case _:
                assert_never(event)

    def _connected(self, transport: sfu.TransportId) -> None:
        participant = self._owners.get(transport)
        if participant is not None:
            self._connections[participant].meter.regain_path()

    def _lost(self, transport: sfu.TransportId, reason: sfu.LossReason) -> None:
        participant = self._owners.get(transport)
        if participant is None:
            return
        self._metrics.transport_lost(reason.value)
        if reason is sfu.LossReason.CONSENT_EXPIRED:
            # The client may still come back with an ICE restart (RFC 8445 §9): its connection is lost, not
            # over.
            self._tell_quality(participant, self._connections[participant].meter.lose_path())
        else:
            self._signalling.media_lost(participant)

    # --- Periodic work ---

    async def watch(self) -> None:
        """Tell signalling what is news. Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for act, every_s in (
                (self.tell_speakers, _SPEAKERS_EVERY_S),
                (self.tell_silence, _SILENCE_EVERY_S),
                (self.tell_quality, _QUALITY_EVERY_S),
            ):
                group.create_task(_repeat(act, every_s), name=f"media-{act.__name__}")

    def tell_speakers(self) -> None:
        levels = self._plane.audio_levels()
        news = self._speakers.heard((TrackId(track), level) for track, level in levels)
        if news is not None:
            self._signalling.speakers(news)

    def tell_silence(self) -> None:
        idle_s = self._plane.idle_s(sfu.TrackId(track) for track in self._silence.watched())
        idle = {TrackId(track): seconds for track, seconds in idle_s.items()}
        for track, silent in self._silence.check(idle, self._clock()).items():
            self._signalling.track_silent(track, silent)

    def tell_quality(self) -> None:
        for participant, connection in [*self._connections.items()]:
            try:
                uplink, downlink = self._judged(connection)
            except sfu.SfuError:
                continue  # a track or the transport ended under our eyes; next time
            self._tell_quality(participant, connection.meter.update(uplink, downlink))

    def _tell_quality(self, participant: ParticipantId, news: tuple[Quality, Quality] | None) -> None:
        if news is not None:
            uplink, downlink = news
            self._signalling.quality(participant, Rating(uplink.word), Rating(downlink.word))

    def _judged(self, connection: _Connection) -> tuple[Quality, Quality]:
        """Uplink and downlink: each as bad as the worst of its flows. Raises SfuError."""
        now, stats = self._clock(), connection.transport.stats()
        if stats["packets_received"] != connection.packets:
            connection.packets, connection.packets_at = stats["packets_received"], now
        sending = connection.packets > 0 and any(map(self._silence.watches, connection.tracks))
        silent_s = now - connection.packets_at if sending else None
        path = Sample(rtt_ms=_known(stats["rtt_ms"]), silent_s=silent_s)
        published = [self._plane.track_stats(sfu.TrackId(track)) for track in connection.tracks]
        uplink = [Sample(loss=each["loss"], jitter_ms=each["jitter_ms"]) for each in published]
        downlink = [
            Sample(loss=each["loss"], jitter_ms=each["jitter_ms"], rtt_ms=_known(each["rtt_ms"]))
            for each in connection.transport.subscription_stats().values()
        ]
        return _worst([path, *uplink]), _worst([path, *downlink])

    def _negotiated(
        self, connection: _Connection, answer: sfu.Answer, wishes: Mapping[Mid, Wish]
    ) -> Negotiated:
        published = [
            PublishedTrack(TrackId(track.id), track.kind.value, track.codec.value, wish)
            for track in answer.published
            if isinstance(wish := wishes.get(Mid(track.mid)), Publish)
        ]
        for track in published:
            connection.tracks.add(track.id)
            self._silence.publish(track.id, track.wish.muted, self._clock())
        unpublished = tuple(TrackId(track) for track in answer.unpublished)
        for gone in unpublished:
            connection.tracks.discard(gone)
            self._silence.unpublish(gone)
        return Negotiated(
            sdp=answer.sdp,
            tracks={Mid(mid): TrackId(track) for mid, track in answer.tracks.items()},
            published=tuple(published),
            unpublished=unpublished,
        )

    @property
    def _plane(self) -> sfu.Sfu:
        assert self._sfu is not None, "attach comes before use"
        return self._sfu

    @property
    def _signalling(self) -> News:
        assert self._news is not None, "attach comes before use"
        return self._news


def _wish(wish: Wish) -> sfu.Wish:
    """What media needs to know of a wish: not whether it is a camera, nor whether it is muted."""
    match wish:
        case Publish():
            return sfu.PublishWish()
        case Subscribe(track=track):
            return sfu.SubscribeWish(sfu.TrackId(track))


def _known(value: float) -> float | None:
    """The data plane writes -1 for what it does not know yet."""
    return None if value < 0 else value


def _worst(samples: list[Sample]) -> Quality:
    return max(judge(sample) for sample in samples)


def _line(error: BaseException) -> int:
    """Where it was raised; its words may quote what must not be in a log."""
    places = traceback.extract_tb(error.__traceback__)
    return (places[-1].lineno or 0) if places else 0


async def _repeat(act: Callable[[], None], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            act()
        except Exception as error:  # a bug in a measurement must not end the calls that it measures
            log.error(
                "media.watch_failed",
                extra={"task": act.__name__, "error": type(error).__name__, "line": _line(error)},
            )
