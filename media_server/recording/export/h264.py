"""H.264 out of RTP (RFC 6184 §5): single units, STAP-A and FU-A, as browsers send with packetization mode 1.

Pictures come out as Annex B, their parameter sets in band.
"""

from collections.abc import Iterator, Sequence

from media_server.recording.export.errors import Malformed
from media_server.recording.export.picture import Picture

_START_CODE = b"\0\0\0\1"
_SLICE, _IDR, _SPS, _PPS, _DELIMITER, _STAP_A, _FU_A = 1, 5, 7, 8, 9, 24, 28
_FU_START, _FU_END = 0x80, 0x40
# The first bit of a slice is set exactly when its first macroblock is number 0: ue(v) of 0 (§7.3.3, §9.1).
_FIRST_MACROBLOCK = 0x80


class H264:
    """One track's pictures. Remembers the parameter sets, for encoders that send them only once."""

    def __init__(self) -> None:
        self._sets: list[bytes] = []

    def depacketize(self, payloads: Sequence[bytes]) -> Picture:
        """One picture from all its packets' payloads, in order. Raises Malformed."""
        units = list(_units(payloads))
        types = [unit[0] & 0x1F for unit in units]
        slices = [unit for unit, kind in zip(units, types, strict=True) if _SLICE <= kind <= _IDR]
        if not slices:
            # Parameter sets may come as a picture of their own, ahead of the one that needs them.
            self._remember(units, types)
            raise Malformed("an H.264 picture without a slice")
        if len(slices[0]) < 2 or not slices[0][1] & _FIRST_MACROBLOCK:
            raise Malformed("an H.264 picture without its first slice")
        self._remember(units, types)
        key = slices[0][0] & 0x1F == _IDR
        if key and _SPS not in types:
            units = [*self._sets, *units]
        data = b"".join(_START_CODE + unit for unit in units)
        # Without a parameter set, a decoder could make nothing of it.
        return Picture(data, key and bool(self._sets), begins=types[0] in (_SPS, _DELIMITER))

    def _remember(self, units: list[bytes], types: list[int]) -> None:
        if _SPS in types and _PPS in types:
            self._sets = [unit for unit, kind in zip(units, types, strict=True) if kind in (_SPS, _PPS)]


def _units(payloads: Sequence[bytes]) -> Iterator[bytes]:
    """The NAL units. Raises Malformed."""
    fragments: bytearray | None = None
    for payload in payloads:
        if len(payload) < 2:
            raise Malformed("an H.264 packet is cut off")
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            fragments = _continued(fragments, payload)
            if payload[1] & _FU_END:
                yield _checked(bytes(fragments))
                fragments = None
            continue
        if fragments is not None:
            raise Malformed("an H.264 fragment without its end")
        if kind == _STAP_A:
            yield from _aggregated(payload)
        else:
            yield _checked(payload)
    if fragments is not None:
        raise Malformed("an H.264 fragment without its end")


def _continued(fragments: bytearray | None, payload: bytes) -> bytearray:
    """§5.8."""
    if bool(payload[1] & _FU_START) is (fragments is not None):
        raise Malformed("an H.264 fragment without its start, or started twice")
    if fragments is None:
        fragments = bytearray([payload[0] & 0xE0 | payload[1] & 0x1F])
    elif fragments[0] & 0x1F != payload[1] & 0x1F:
        raise Malformed("an H.264 fragment of another unit")
    fragments += payload[2:]
    return fragments


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """§5.7.1."""
    start = 1
    while start < len(payload):
        end = start + 2 + int.from_bytes(payload[start : start + 2])
        if end > len(payload):
            raise Malformed("an H.264 aggregate is cut off")
        yield _checked(payload[start + 2 : end])
        start = end


def _checked(unit: bytes) -> bytes:
    if not unit or not 1 <= unit[0] & 0x1F <= 23:
        raise Malformed("not an H.264 unit")
    return unit
