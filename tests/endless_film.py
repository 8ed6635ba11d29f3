"""A film as aiortc's own player decodes it, again whenever it ends, so that nobody comes too late for it.

Told to loop the player starts its timestamps again at 0, which no receiver can follow; here they only grow.
"""

from pathlib import Path

from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame


class _Endless(MediaStreamTrack):
    def __init__(self, path: Path, kind: str) -> None:
        self.kind = kind
        super().__init__()
        self._path = path
        self._showing = self._begin()
        self._begun_pts = 0
        self._last_pts = 0
        self._step = 0

    def _begin(self) -> MediaStreamTrack:
        player = MediaPlayer(str(self._path))
        track = player.video if self.kind == "video" else player.audio
        assert track is not None, f"a film without {self.kind}"
        return track

    async def recv(self) -> VideoFrame | AudioFrame:
        """The next frame, when its time has come. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        try:
            frame = await self._showing.recv()
        except MediaStreamError:
            self._showing, self._begun_pts = self._begin(), self._last_pts + self._step
            frame = await self._showing.recv()
        assert isinstance(frame, VideoFrame | AudioFrame)
        assert frame.pts is not None
        frame.pts += self._begun_pts
        self._step, self._last_pts = frame.pts - self._last_pts, frame.pts
        return frame

    def stop(self) -> None:
        super().stop()
        self._showing.stop()


def endless_film(path: Path) -> tuple[MediaStreamTrack, MediaStreamTrack]:
    """Its (video, audio). Raises av.FFmpegError for what is no film."""
    return _Endless(path, "video"), _Endless(path, "audio")
