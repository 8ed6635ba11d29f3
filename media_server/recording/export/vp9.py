"""VP9 out of RTP (RFC 9628 §4.2). Pure."""

from collections.abc import Sequence

from media_server.recording.export.errors import Malformed
from media_server.recording.export.picture import Picture

_PICTURE_ID, _INTER, _LAYERS, _FLEXIBLE, _BEGIN, _END, _STRUCTURE = (1 << bit for bit in range(7, 0, -1))
_SYNC = b"\x49\x83\x42"  # VP9 bitstream §7.2, of intra frames
_MOST_LAYERS = 8
_MOST_REFERENCES = 3


def depacketize(payloads: Sequence[bytes]) -> Picture:
    """One picture, with all its spatial layers, from all its packets' payloads. Raises Malformed."""
    layers: list[bytearray] = []
    inside = False
    for payload in payloads:
        start = _descriptor_size(payload)
        if start >= len(payload):
            raise Malformed("a VP9 packet is empty")
        if bool(payload[0] & _BEGIN) is inside:
            raise Malformed("a VP9 frame without its begin, or begun twice")
        if not inside:
            layers.append(bytearray())
        layers[-1] += payload[start:]
        inside = not payload[0] & _END
    if not layers or inside:
        raise Malformed("a VP9 frame without its end")
    key = not payloads[0][0] & _INTER and layers[0][0] >> 6 == 2 and layers[0][1:4] == _SYNC
    return Picture(_superframe([bytes(layer) for layer in layers]), key, begins=True)


def _superframe(layers: Sequence[bytes]) -> bytes:
    """Several frames in one, with the index at the end that tells them apart (VP9 bitstream, annex B)."""
    if len(layers) == 1:
        return layers[0]
    if len(layers) > _MOST_LAYERS:
        raise Malformed("a VP9 picture of too many layers")
    width = max((len(layer).bit_length() + 7) // 8 for layer in layers)
    if width > 4:
        raise Malformed("a VP9 frame of impossible size")
    marker = bytes([0xC0 | width - 1 << 3 | len(layers) - 1])
    sizes = b"".join(len(layer).to_bytes(width, "little") for layer in layers)
    return b"".join(layers) + marker + sizes + marker


def _descriptor_size(payload: bytes) -> int:
    """Raises Malformed."""
    try:
        first, size = payload[0], 1
        if first & _PICTURE_ID:
            size += 2 if payload[size] & 0x80 else 1
        if first & _LAYERS:
            size += 1 if first & _FLEXIBLE else 2
        if first & _FLEXIBLE and first & _INTER:
            references = 1
            while payload[size] & 1:
                references += 1
                size += 1
            if references > _MOST_REFERENCES:
                raise Malformed("a VP9 descriptor with too many references")
            size += 1
        if first & _STRUCTURE:
            size += _structure_size(payload, size)
    except IndexError:
        raise Malformed("a VP9 descriptor is cut off") from None
    return size


def _structure_size(payload: bytes, start: int) -> int:
    """§4.2.1. Raises IndexError."""
    first, size = payload[start], 1
    if first & 0x10:
        size += 4 * (first >> 5) + 4
    if first & 0x08:
        groups = payload[start + size]
        size += 1
        for _ in range(groups):
            size += 1 + (payload[start + size] >> 2 & 3)
    return size
