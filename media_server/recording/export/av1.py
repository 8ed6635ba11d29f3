"""AV1 out of RTP (RTP Payload Format For AV1, v1.0, §4). Pure.

Open bitstream units (OBUs) come out in the low-overhead format, each with its size, as Matroska wants them.
"""

from collections.abc import Iterator, Sequence

from media_server.recording.export.errors import Malformed
from media_server.recording.export.picture import Picture

_CONTINUES, _CONTINUED, _NEW_SEQUENCE = 0x80, 0x40, 0x08  # Z, Y, N of the aggregation header
_SEQUENCE_HEADER, _DELIMITER, _FRAME_HEADER, _FRAME, _TILE_LIST = 1, 2, 3, 6, 8
_EXTENSION, _HAS_SIZE = 0x04, 0x02
# show_existing_frame 0, frame_type 0 (AV1 §5.9.2); still pictures with a reduced header are not live video.
_NOT_KEY = 0xE0


def depacketize(payloads: Sequence[bytes]) -> Picture:
    """One temporal unit from all its packets' payloads, in order. Raises Malformed."""
    units = [_unit(element) for element in _elements(payloads)]
    kept = [(kind, unit, body) for kind, unit, body in units if kind not in (_DELIMITER, _TILE_LIST)]
    frames = [body for kind, _, body in kept if kind in (_FRAME, _FRAME_HEADER)]
    if not frames:
        raise Malformed("an AV1 picture without a frame")
    key = any(kind == _SEQUENCE_HEADER for kind, _, _ in kept) and not frames[0][0] & _NOT_KEY
    return Picture(b"".join(unit for _, unit, _ in kept), key, begins=bool(payloads[0][0] & _NEW_SEQUENCE))


def _elements(payloads: Sequence[bytes]) -> Iterator[bytes]:
    """OBUs, put together where they were cut. Raises Malformed."""
    rest: bytes | None = None
    for payload in payloads:
        if len(payload) < 2:
            raise Malformed("an AV1 packet is empty")
        if bool(payload[0] & _CONTINUES) is (rest is None):
            raise Malformed("an AV1 unit without its beginning, or its end")
        elements = list(_in_packet(payload))
        if rest is not None:
            elements[0] = rest + elements[0]
        rest = elements.pop() if payload[0] & _CONTINUED else None
        yield from elements
    if rest is not None:
        raise Malformed("an AV1 unit without its end")


def _in_packet(payload: bytes) -> Iterator[bytes]:
    """§4.3, §4.4. At least one. Raises Malformed."""
    count = payload[0] >> 4 & 3
    start, number = 1, 0
    while start < len(payload):
        number += 1
        size = len(payload) - start
        if number != count:
            size, start = _leb128(payload, start)
        if not 0 < size <= len(payload) - start:
            raise Malformed("an AV1 element is cut off")
        yield payload[start : start + size]
        start += size
        if number == count and start < len(payload):
            raise Malformed("an AV1 packet holds more than it says")
    if count and number != count:
        raise Malformed("an AV1 packet holds less than it says")


def _unit(element: bytes) -> tuple[int, bytes, bytes]:
    """An OBU's type, itself with a size field, and its payload (AV1 §5.3). Raises Malformed."""
    header = 2 if element[0] & _EXTENSION else 1
    if element[0] & 0x80 or len(element) < header:
        raise Malformed("an AV1 unit is cut off")
    body = element[header:]
    if element[0] & _HAS_SIZE:
        size, start = _leb128(element, header)
        if size > len(element) - start:
            raise Malformed("an AV1 unit is cut off")
        body = element[start : start + size]
    kind = element[0] >> 3 & 15
    if not body and kind in (_FRAME, _FRAME_HEADER, _SEQUENCE_HEADER):
        raise Malformed("an AV1 unit is empty")
    sized = bytes([element[0] | _HAS_SIZE]) + element[1:header] + _size_field(len(body)) + body
    return kind, sized, body


def _leb128(data: bytes, start: int) -> tuple[int, int]:
    """A number and what follows it (AV1 §4.10.5). Raises Malformed."""
    value = 0
    for index in range(8):
        if start + index >= len(data):
            break
        value |= (data[start + index] & 0x7F) << 7 * index
        if not data[start + index] & 0x80:
            return value, start + index + 1
    raise Malformed("an AV1 size is cut off")


def _size_field(value: int) -> bytes:
    field = bytearray()
    while value > 0x7F:
        field.append(value & 0x7F | 0x80)
        value >>= 7
    field.append(value)
    return bytes(field)
