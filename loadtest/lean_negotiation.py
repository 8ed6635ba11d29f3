"""What a participant without a browser agrees on with the server: one offer after the other, each with what
is new, so also what the others publish later.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence

from loadtest.dtls_client import identity
from loadtest.errors import ClientError, Interrupted, MediaFailed, Refused
from loadtest.events import Track, TrackId
from loadtest.lean_sdp import VIDEO_FORMATS, Answer, Section, new_section, read_answer, write_offer
from loadtest.room_view import RoomView
from loadtest.session import Session

SOURCES = {"audio": "microphone", "video": "camera"}

CarryOut = Callable[[Answer, Sequence[Section], Sequence[tuple[Section, Track]]], Awaitable[None]]
"""Does what an answer says: (answer, sections to send in, sections with what comes in them)."""


class LeanNegotiation:
    """Of one session. `sections` are those that were agreed on, `codec` is that of published video."""

    def __init__(self, session: Session, carry_out: CarryOut, codec: str = "vp8") -> None:
        self.ufrag, self.pwd = secrets.token_hex(4), secrets.token_hex(12)
        self.sections: list[Section] = []
        self.failures: list[ClientError] = []
        """Why tracks that were published later could not be subscribed to."""
        self.broken: MediaFailed | None = None
        """A mistake of ours ended a subscription: nobody waits for those, so whoever owns this tells."""
        self._session = session
        self._carry_out = carry_out
        self._codec = codec
        self._offers = 0
        self._one_at_a_time = asyncio.Lock()
        self._wanted: set[TrackId] = set()
        self._subscribed = 0
        self._followed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, room: RoomView, kinds: Iterable[str], *, follow: bool = True) -> None:
        """Publish, and with `follow` subscribe to what is there. Raises ClientError subclasses."""
        there = room.others_tracks() if follow else []
        self._wanted |= {track.id for track in there}
        while True:
            try:
                return await self._negotiate(kinds, there)
            except Refused as refusal:
                left = [track for track in there if track.id in room.tracks]
                if not _is_unknown_track(refusal) or left == there:
                    raise
                there = left  # one of them ended meanwhile, and the offer was refused as a whole

    def follow(self, track: Track) -> None:
        """Subscribe to a track as soon as that can be; once only."""
        if track.id not in self._wanted:
            self._wanted.add(track.id)
            task = asyncio.create_task(self._subscribe(track), name="follow")
            self._tasks.add(task)
            task.add_done_callback(self._end)

    async def followed(self, tracks: int) -> None:
        """Wait until so many tracks are subscribed to."""
        async with self._followed:
            await self._followed.wait_for(lambda: self._subscribed >= tracks)

    async def stop(self) -> None:
        """Follow nothing any more. Idempotent."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken = MediaFailed(f"not subscribed for {type(error).__name__}")

    async def _subscribe(self, track: Track) -> None:
        while True:
            try:
                return await self._negotiate((), [track])
            except Interrupted:
                continue  # the next request waits for the resume
            except ClientError as error:
                if not _is_unknown_track(error):  # else it ended before its turn came
                    self.failures.append(error)
                return None

    async def _negotiate(self, publish: Iterable[str], subscribe: Sequence[Track]) -> None:
        async with self._one_at_a_time:
            wishes: dict[str, object] = {}
            published = [
                self._section(number, kind, "sendonly", self._codec) for number, kind in enumerate(publish)
            ]
            for section in published:
                publication = {"source": SOURCES[section.kind], "muted": False, "encryption": "none"}
                wishes[section.mid] = {"publish": publication}
            wanted: list[tuple[Section, Track]] = []
            for track in subscribe:
                codec = track.codec if track.codec in VIDEO_FORMATS else self._codec
                section = self._section(len(published) + len(wanted), track.kind, "recvonly", codec)
                wishes[section.mid] = {"subscribe": track.id}
                wanted.append((section, track))
            if not wishes:
                return
            self._offers += 1
            sections = [*self.sections, *published, *(section for section, _ in wanted)]
            offer = write_offer(sections, self.ufrag, self.pwd, identity().fingerprint, self._offers)
            reply = await self._session.request("offer", sdp=offer, tracks=wishes)
            self.sections = sections
            await self._carry_out(read_answer(str(reply["sdp"])), published, wanted)
        async with self._followed:
            self._subscribed += len(subscribe)
            self._followed.notify_all()

    def _section(self, number: int, kind: str, direction: str, codec: str) -> Section:
        return new_section(len(self.sections) + number, kind, direction, codec)


def _is_unknown_track(error: ClientError) -> bool:
    return isinstance(error, Refused) and error.code == "unknown-track"
