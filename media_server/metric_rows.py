"""Which figures of the media plane and of signalling an operator sees, under which names. Pure.

No label holds an id: the number of time series does not grow with calls, and nobody can be followed through
them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from sfu import PlaneStats
from signalling import Counters


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Row:
    """One value of one metric. Rows of a metric have the same label names; a counter's name gets `_total`."""

    name: str
    text: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = Kind.COUNTER


_DROPPED = "Thrown away because a queue was full"
_TAPPED = "RTP packets for recordings; dropped: found the buffer full"

# Key of the data plane's statistics: (metric, help, labels). Several keys with one metric become its label
# values.
_GAUGES: Mapping[str, tuple[str, str]] = {
    "transports": ("transports", "Media transports that are open"),
    "tracks": ("tracks", "Published tracks"),
    "subscriptions": ("subscriptions", "Tracks being forwarded, counted for each subscriber"),
    "history_bytes": ("history_bytes", "Bytes of media kept for repair, shared by a track's subscribers"),
    "taps": ("taps", "Recordings that media is copied for"),
    "receive_buffer_bytes": ("media_receive_buffer_bytes", "Size that the kernel gave each media socket"),
}
_COUNTERS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "audio_packets_received": ("media_packets", "RTP packets", {"direction": "in", "kind": "audio"}),
    "video_packets_received": ("media_packets", "RTP packets", {"direction": "in", "kind": "video"}),
    "audio_packets_sent": ("media_packets", "RTP packets", {"direction": "out", "kind": "audio"}),
    "video_packets_sent": ("media_packets", "RTP packets", {"direction": "out", "kind": "video"}),
    "packets_received": ("datagrams", "UDP datagrams", {"direction": "in"}),
    "packets_sent": ("datagrams", "UDP datagrams", {"direction": "out"}),
    "bytes_received": ("media_bytes", "Bytes of UDP payload", {"direction": "in"}),
    "bytes_sent": ("media_bytes", "Bytes of UDP payload", {"direction": "out"}),
    "packets_lost_upstream": ("packets_lost", "RTP packets that publishers sent and never arrived", {}),
    "nacks_sent": ("nacks", "Packets asked for again (RFC 4585)", {"direction": "out"}),
    "nacks_received": ("nacks", "Packets asked for again (RFC 4585)", {"direction": "in"}),
    "plis_sent": ("key_frame_requests", "Key frames asked for", {"direction": "out"}),
    "plis_received": ("key_frame_requests", "Key frames asked for", {"direction": "in"}),
    "rtx_received": ("retransmissions", "Packets sent again (RFC 4588)", {"direction": "in"}),
    "rtx_sent": ("retransmissions", "Packets sent again (RFC 4588)", {"direction": "out"}),
    "stun_requests": ("stun_requests", "STUN datagrams, authentic or not", {}),
    "dtls_received": ("dtls_datagrams", "DTLS datagrams received", {}),
    "stun_rejected": ("datagrams_refused", "Datagrams not accepted", {"reason": "stun"}),
    "unknown_source": ("datagrams_refused", "Datagrams not accepted", {"reason": "unknown-source"}),
    "malformed": ("datagrams_refused", "Datagrams not accepted", {"reason": "malformed"}),
    "auth_failures": ("datagrams_refused", "Datagrams not accepted", {"reason": "forged"}),
    "replays": ("datagrams_refused", "Datagrams not accepted", {"reason": "replayed"}),
    "unbound": ("datagrams_refused", "Datagrams not accepted", {"reason": "unknown-stream"}),
    "rate_limited": ("datagrams_refused", "Datagrams not accepted", {"reason": "rate-limited"}),
    "worker_panics": (
        "worker_panics",
        "Rounds of media work lost to a bug of ours",
        {},
    ),
    "tap_packets": ("tap_packets", _TAPPED, {"result": "kept"}),
    "tap_dropped": ("tap_packets", _TAPPED, {"result": "dropped"}),
    "tap_bytes": ("tap_bytes", "Bytes of RTP kept for recordings", {}),
    "events_dropped": ("queue_drops", _DROPPED, {"queue": "media-events"}),
    "send_errors": ("send_errors", "Datagrams that the kernel refused to send", {}),
}

# Of signalling's counters: (metric, help, label); without a label it is one number.
_SIGNALLING: Mapping[str, tuple[str, str, str]] = {
    "connections": ("signal_connections", "WebSocket connections taken", ""),
    "connections_refused": ("signal_connections_refused", "Connections refused before the upgrade", "reason"),
    "joins": ("joins", "Answers to join: ok, or the error's code", "result"),
    "resumes": ("resumes", "Answers to resume: ok, or the error's code", "result"),
    "messages": ("signal_messages", "Messages from clients", "type"),
    "errors": ("signal_errors", "Requests answered with an error", "code"),
    "closes": ("signal_closes", "Connections that the server closed", "code"),
    "tickets_refused": ("tickets_refused", "Tickets that let nobody in", "reason"),
    "leaves": ("leaves", "Participants who left", "reason"),
    "events": ("signal_events", "Events sent to clients", ""),
    "store_failures": ("store_failures", "Times that the room store did not answer", ""),
    "consent_failures": ("consent_failures", "Times that the ledger of consents did not answer", ""),
    "rooms_fenced": ("rooms_fenced", "Rooms lost to another node", ""),
}


def plane_rows(stats: PlaneStats) -> Iterator[Row]:
    """The data plane's counters and gauges."""
    values: Mapping[str, object] = {**stats}
    for key, (name, text) in _GAUGES.items():
        yield Row(name, text, _number(values[key]), kind=Kind.GAUGE)
    for key, (name, text, labels) in _COUNTERS.items():
        yield Row(name, text, _number(values[key]), labels)
    for worker, seconds in enumerate(stats["worker_busy_seconds"]):
        yield Row(
            "worker_busy_seconds",
            "CPU time of each media thread; its rate is the share of a core that is busy",
            seconds,
            {"worker": str(worker)},
        )


def signalling_rows(counters: Counters) -> Iterator[Row]:
    """Signalling's counters."""
    for key, (name, text, label) in _SIGNALLING.items():
        value = getattr(counters, key)
        if not label:
            yield Row(name, text, value)
        else:
            yield from (Row(name, text, count, {label: str(each)}) for each, count in value.items())


def _number(value: object) -> float:
    assert isinstance(value, int | float), "the table names a figure that is no number"
    return float(value)
