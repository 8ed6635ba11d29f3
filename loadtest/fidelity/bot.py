"""One bot: a client that sends the scene, decodes what the other of its pair sends, and has it judged."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from loadtest.client import Client, Publication, Source
from loadtest.errors import ClientError
from loadtest.fidelity.judge import Judge, Verdict
from loadtest.fidelity.scene import Scene, luma_of
from loadtest.film_track import Clock, play

JOIN_S = 20.0


class Bot:
    """An async context manager: joined and sending, within JOIN_S. Raises ClientError, TimeoutError."""

    def __init__(self, url: str, ticket: str, scene: Scene, clock: Clock, theirs: Clock) -> None:
        """`clock` is set when the film begins; `theirs` is the other's."""
        self._client = Client(url, ticket)
        self._scene = scene
        self._clock = clock
        self._theirs = theirs
        self._judge = Judge(scene)
        self._watching: list[asyncio.Task[None]] = []
        self._decoded = asyncio.Event()
        self._began_s = 0.0
        self.first_decoded_ms: float | None = None

    async def __aenter__(self) -> Self:
        self._began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(JOIN_S):
                await self._client.connect()
                await self._client.until(lambda room: room.admitted)
                video, audio = play(self._scene.path, self._clock)
                self._watching = [
                    asyncio.create_task(self._watch(kind), name=f"watch-{kind}")
                    for kind in ("video", "audio")
                ]
                camera = Publication(video, Source.CAMERA, codec="vp8")
                await self._client.publish(camera, Publication(audio, Source.MICROPHONE))
                await self._client.until_connected()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def until_decoded(self) -> None:
        """Wait for the first picture. Raises TimeoutError."""
        async with asyncio.timeout(JOIN_S):
            await self._decoded.wait()

    @property
    def over(self) -> bool:
        """Whether its session or its media ended by itself, or a mistake of ours ended its watching."""
        mistaken = any(
            task.done() and not task.cancelled() and task.exception() is not None for task in self._watching
        )
        return mistaken or self._client.over is not None or self._client.media_state in ("failed", "closed")

    def begin_window(self) -> None:
        self._judge.begin_window(asyncio.get_running_loop().time())

    def end_window(self) -> Verdict:
        return self._judge.end_window(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Let it go. Idempotent."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._client.leave()

    async def _watch(self, kind: str) -> None:
        """Until the track ends."""
        with suppress(MediaStreamError, ClientError):  # who asks for `over` learns of it
            await self._client.until(lambda _: self._received(kind) is not None, None)
            track = self._received(kind)
            while track is not None:
                self._take(await track.recv(), asyncio.get_running_loop().time())

    def _received(self, kind: str) -> MediaStreamTrack | None:
        return next((track for track in self._client.received.values() if track.kind == kind), None)

    def _take(self, frame: Any, now_s: float) -> None:
        self._judge.film_began_s = self._theirs.start_s
        match frame:
            case VideoFrame():
                if self.first_decoded_ms is None:
                    self.first_decoded_ms = 1000 * (now_s - self._began_s)
                    self._decoded.set()
                self._judge.see(luma_of(frame), now_s)
            case AudioFrame():
                channels = len(frame.layout.channels)
                samples = np.frombuffer(bytes(frame.planes[0]), np.int16)[
                    : frame.samples * channels : channels
                ]
                self._judge.hear(samples, int(frame.pts or 0), now_s)
