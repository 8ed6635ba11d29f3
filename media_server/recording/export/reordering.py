"""Packets of one track in the order of their numbers, although some came late. Pure; times are in µs."""

import heapq

from media_server.recording.export.rtp import Packet

HOLD_US = 2_000_000
"""How long what follows a hole waits for it: a packet asked for again has come by then, or never will."""


class Reordering:
    """`first`: the lowest number that will come. What is held is bounded by what arrives in twice HOLD_US."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._held: list[tuple[int, int, Packet]] = []  # by number, then in the order of arrival
        self._arrived = 0
        self.late = 0
        """Packets that came after their hole was given up, or twice."""

    def receive(self, packet: Packet, now_us: int) -> list[Packet]:
        """What is in order now; a number left out among them is lost."""
        if packet.seq < self._next:
            self.late += 1
            return []
        self._arrived += 1
        heapq.heappush(self._held, (packet.seq, self._arrived, packet))
        return self.due(now_us)

    def due(self, now_us: int) -> list[Packet]:
        """The same, once time has passed."""
        ready: list[Packet] = []
        while self._held and (self._held[0][0] <= self._next or self._overdue(now_us)):
            seq, _, packet = heapq.heappop(self._held)
            if seq < self._next:
                self.late += 1
                continue
            self._next = seq + 1
            ready.append(packet)
        return ready

    def flush(self) -> list[Packet]:
        """All that is held; nothing more will come."""
        return self.due(1 << 63)

    def _overdue(self, now_us: int) -> bool:
        return now_us - self._held[0][2].arrival_us > HOLD_US
