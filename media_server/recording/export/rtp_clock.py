"""RTP timestamps of one SSRC without their wrap (RFC 3550 §5.1). Pure."""

_CIRCLE = 1 << 32


class RtpClock:
    """Seconds of media since the first packet or report that was seen.

    A timestamp is read as the one nearest to what the arrival lets expect, so that no packet depends on the
    one before: late packets, pauses longer than a whole turn and wild jumps cannot lead the others astray.
    """

    def __init__(self, rate: int, timestamp: int, arrival_us: int) -> None:
        self._rate = rate
        self._timestamp = timestamp
        self._arrival_us = arrival_us

    def seconds(self, timestamp: int, arrival_us: int) -> float:
        expected = (arrival_us - self._arrival_us) * self._rate // 1_000_000
        off = (timestamp - self._timestamp - expected + _CIRCLE // 2) % _CIRCLE - _CIRCLE // 2
        return (expected + off) / self._rate
