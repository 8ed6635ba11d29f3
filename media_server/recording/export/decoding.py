"""Decoders for live video: each picture comes out at once, and nothing that is sent makes them fail."""

from typing import cast

import av
from av.codec.context import ThreadType

_NAMES = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d"}
# A few bytes can promise a picture of 16384 by 16384, and memory would be taken for it.
_MOST_PIXELS = 8192 * 4320


class VideoDecoder:
    def __init__(self, codec: str) -> None:
        decoder = cast(av.VideoCodecContext, av.CodecContext.create(_NAMES[codec], "r"))
        decoder.options = {"max_pixels": str(_MOST_PIXELS)}
        # Threads by frames hold pictures back; low delay does not wait for B-frames, which nobody sends live.
        decoder.thread_type = ThreadType.SLICE
        decoder.flags |= av.codec.context.Flags.low_delay
        if codec == "av1":
            decoder.options |= {"max_frame_delay": "1"}
        self._decoder = decoder

    def decode(self, data: bytes) -> list[av.VideoFrame]:
        """None for hostile bits: the picture before stands."""
        try:
            return self._decoder.decode(av.Packet(data))
        except av.FFmpegError:
            return []

    def flush(self) -> list[av.VideoFrame]:
        try:
            return self._decoder.decode(None)
        except av.FFmpegError:
            return []
