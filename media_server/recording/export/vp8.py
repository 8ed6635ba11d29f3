"""VP8 out of RTP (RFC 7741 §4). Pure."""

from collections.abc import Sequence

from aiortc import RTCRtpCodecParameters
from aiortc.codecs import depayload

from media_server.recording.export.errors import Malformed
from media_server.recording.export.picture import Picture

_CODEC = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=96)
_PARTITION_START, _PARTITION = 0x10, 0x0F
_KEY_FRAME_HEADER = 10  # RFC 6386 §9.1: frame tag, start code, width, height


def depacketize(payloads: Sequence[bytes]) -> Picture:
    """One picture from all its packets' payloads, in order. Raises Malformed."""
    try:
        data = b"".join(_data(payload) for payload in payloads)
    except ValueError as error:
        raise Malformed(str(error)) from error
    if not payloads or payloads[0][0] & (_PARTITION_START | _PARTITION) != _PARTITION_START:
        raise Malformed("a VP8 picture does not begin with its first partition")
    key = not data[0] & 1
    if key and (len(data) < _KEY_FRAME_HEADER or data[3:6] != b"\x9d\x01\x2a"):
        raise Malformed("a VP8 key frame without its start code")
    return Picture(data, key, begins=True)


def _data(payload: bytes) -> bytes:
    data = depayload(_CODEC, payload)
    if not data:
        raise ValueError("a VP8 packet is empty")
    return data
