"""A track that can be silenced: it goes on reading its source, so that nothing piles up."""

from typing import Any

from aiortc import MediaStreamTrack
from av.frame import Frame
from av.packet import Packet


class Gate(MediaStreamTrack):
    """Passes on `source` while open. Stopping the gate stops the source."""

    def __init__(self, source: MediaStreamTrack, *, shut: bool = False) -> None:
        self.kind = source.kind
        super().__init__()
        self.shut = shut
        self._source = source

    async def recv(self) -> "Frame | Packet[Any]":
        """The next frame that may pass. Raises MediaStreamError at the source's end."""
        while True:
            media = await self._source.recv()
            if not self.shut:
                return media

    def stop(self) -> None:
        super().stop()
        self._source.stop()
