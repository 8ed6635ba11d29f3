"""What an operator can choose of the media plane."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SfuSettings:
    """Durations in seconds; every limit is for one node unless it says otherwise."""

    port: int = 0  # UDP; 0 takes any free one
    bind: str | None = None  # one address, or all of the host
    announced: tuple[str, ...] = ()  # addresses to write into answers; none: those of the host
    workers: int = os.cpu_count() or 1
    consent_timeout_s: float = 30.0  # RFC 7675 §5.1
    handshake_timeout_s: float = 10.0
    max_handshakes: int = 64  # at once; a client that finds no place repeats its first message by itself
    max_transports: int = 10_000
    max_tracks: int = 16  # published by one participant
    max_subscriptions: int = 64  # received by one participant
    history_packets: int = 512  # kept of one track for retransmission
    unauthenticated_per_s: int = 200  # datagrams from one source
    longest_wait_us: int = 800  # datagrams that keep coming are gathered for so long; 0: each at once
    max_taps: int = 0  # recordings at once; 0: this node cannot tap media at all
    tap_bytes: int = 2 << 20  # held for one recording between two batches; 16 KiB to 1 GiB
