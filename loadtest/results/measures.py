"""The parts of report.json: what was measured of joins, media, cuts, the server and this machine.

Figures that were not measured are null or absent, never zero. Units ride on the names.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from loadtest.histogram import BUCKETS, Histogram


class Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


def _histogram(written: Any) -> Any:
    return Histogram.from_json(written) if isinstance(written, dict) else written


Microseconds = Annotated[
    Histogram,
    BeforeValidator(_histogram),
    PlainSerializer(lambda histogram: histogram.to_json()),
    WithJsonSchema(
        {
            "type": "object",
            "description": "Counts by the least microsecond of each bucket: from 0 to 63 µs one each, "
            f"then 32 buckets for every doubling, {BUCKETS} in all.",
            "propertyNames": {"pattern": "^[0-9]{1,10}$"},
            "additionalProperties": {"type": "integer", "minimum": 0},
        }
    ),
]


class Quantiles(Model):
    """Of `n` values, in the unit of the field that holds it; all null when n is 0."""

    n: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


class Machine(Model):
    """Where the load tester ran."""

    cpus: int
    """That it may use."""
    cpu_model: str
    memory_mb: int
    system: str
    python: str


class Server(Model):
    origin: str
    version: str | None
    """As it says itself; null when it does not."""
    same_host: bool
    """Whether its process was found on this machine, so that its figures come from the kernel too."""


class Second(Model):
    """What happened in one second, or a little more, up to `at_s` after the beginning of the test."""

    at_s: float
    measured: bool
    """Whether it belongs to the measured window."""
    participants: int
    joins: int
    packets: int
    """Received by all participants."""
    bytes: int
    expected: int
    lost: int
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p99_ms: float | None = None
    freezes: int = 0
    server_cpu: float | None = None
    """In cores, of all servers; 1.0 is one core fully used."""
    server_memory_mb: float | None = None
    client_cpu: float = 0.0
    """In cores, of the load tester."""


class JoinStep(StrEnum):
    TICKET = "ticket"
    WEBSOCKET = "websocket"
    ANSWER = "answer"
    ICE = "ice"
    DTLS = "dtls"
    FIRST_PACKET = "first_packet"
    FIRST_KEY_FRAME = "first_key_frame"
    FIRST_DECODED_FRAME = "first_decoded_frame"


class Joins(Model):
    """All joins of the test, those of the ramp included."""

    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    steps_ms: dict[JoinStep, Quantiles] = Field(default_factory=dict)
    """Milliseconds from the beginning of the join to each step; steps that nobody reached are absent."""
    histograms: dict[JoinStep, Microseconds] = Field(default_factory=dict)
    """The same times, for curves."""


class Media(Model):
    """Everything of one kind that all participants received within the measured window."""

    tracks: int = 0
    packets: int = 0
    bytes: int = 0
    expected: int = 0
    lost: int = 0
    """After retransmissions: what never came."""
    loss: float | None = None
    """Share of what was expected, 0 to 1."""
    mended: int = 0
    """What came only because the receiver asked for it again."""
    loss_before_repair: float | None = None
    """`lost` and `mended` together, as a share of what was expected: the loss on the way to the receivers."""
    duplicates: int = 0
    reordered: int = 0
    latency_ms: Quantiles = Quantiles()
    """One way: from the sender's stamp to the receiver's kernel, through the bad network where there is one
    on purpose. Both are this machine's clock."""
    latency: Microseconds = Field(default_factory=Histogram)
    jitter_ms: Quantiles = Quantiles()
    """Over tracks (RFC 3550 §6.4.1)."""
    frames: int = 0
    key_frames: int = 0
    freezes: int = 0
    freezes_per_hour: float | None = None
    """Per track and hour (W3C webrtc-stats, freezeCount)."""
    freeze_ms: float = 0.0
    longest_gap_ms: float | None = None
    """The longest time that a track went without a packet."""
    gap_ms: Quantiles = Quantiles()
    """Over tracks, the longest gap of each."""
    sent_packets: int = 0
    nacks: int = 0
    """Packets that the server asked for again."""
    plis: int = 0
    retransmitted: int = 0
    late_ms: Quantiles = Quantiles()
    """How late the load tester sent, against its own pace: above a few ms its figures are its own."""


class Playing(Model):
    """Who had every expected track playing at the end of the measured window, of those who expected any."""

    participants: int = 0
    all_playing: int = 0
    expected_tracks: int = 0
    playing_tracks: int = 0
    share: float | None = None
    """`all_playing` of `participants`, 0 to 1; null when nobody expected anything."""


class CutKind(StrEnum):
    WEBSOCKET = "websocket"
    NETWORK = "network"
    """The WebSocket and the media's path at once, as when a telephone changes networks."""


class Cuts(Model):
    """All cuts of one kind."""

    made: int = 0
    resumed: int = 0
    lost: int = 0
    """After which the session was over."""
    resumed_ms: Quantiles = Quantiles()
    """From the cut to the resumed session."""
    gap_ms: Quantiles = Quantiles()
    """The longest silence of any track to or from who was cut, around the cut."""


class WaitingRoom(Model):
    """Patients who waited and were called in."""

    through: Literal["http", "tickets"]
    """By the queue of the HTTP interface, or by a room's own waiting and admission alone."""
    asked: int = 0
    claimed: int = 0
    queued_ms: Quantiles = Quantiles()
    """From asking for a consultation to being in the queue (http)."""
    claim_ms: Quantiles = Quantiles()
    """How long a doctor's claim, or admission, took to be answered."""
    called_ms: Quantiles = Quantiles()
    """From the doctor's claim, or admission, to the patient's knowing of it."""
    media_ms: Quantiles = Quantiles()
    """From there to the patient's first packet."""


class Trend(Model):
    """What a soak looks for: whether a figure of the server keeps growing."""

    figure: str
    unit: str
    compared: Literal["idle", "under load"]
    """Idle: nobody there, before the first joined and after the last left. Under load: the window's second
    fifth and its last, for what a server is free to keep once it had it; in the first, a new one fills up."""
    before: float
    after: float
    per_hour: float | None
    """Least-squares slope over the measured window."""
    allowed: float
    """How much `after` may be above `before`."""
    grew: bool
    """Whether it is above that; under load, also whether the slope is more than noise."""


class ServerFigures(Model):
    """All servers together, within the measured window."""

    cpu: float | None = None
    """In cores, on average."""
    cpu_max: float | None = None
    """In the busiest second."""
    memory_mb: float | None = None
    """Resident, the most."""
    threads: float | None = None
    descriptors: float | None = None
    """Open files and sockets, the most."""
    packets_in: float | None = None
    packets_out: float | None = None
    packets_per_cpu_s: float | None = None
    """Forwarded packets for each second of CPU."""
    us_per_packet: float | None = None
    loop_lag_ms: float | None = None
    """The most that any of its event loops was late, as it says."""
    source: Literal["metrics", "proc", "both"]


class ClientFigures(Model):
    cpu: float
    """In cores, on average in the measured window."""
    cpu_max: float
    cpus: int
    memory_mb: float
    is_limit: bool
    """Whether the load tester itself was the limit, so that the figures say more of it than of the server."""
    warning: str | None = None


class Fidelity(Model):
    """What the bots saw and heard: participants who decode, on the network that is there."""

    bots: int = 0
    frames: int = 0
    unread: int = 0
    """Pictures too damaged for their number to be read; they are compared with nothing."""
    psnr_db: Quantiles = Quantiles()
    """Of the luma, against the picture before coding. From the best down: p95 is what 95 % reach, max is the
    worst."""
    ssim: Quantiles = Quantiles()
    """Likewise, 0 to 1."""
    freezes_per_hour: float | None = None
    freeze_ms: float = 0.0
    picture_delay_ms: Quantiles = Quantiles()
    """From a frame's being due at the sender to its being decoded, which is when the next one has begun to
    come."""
    audio_gaps_per_hour: float | None = None
    audio_gap_ms: float = 0.0
    lip_sync_ms: Quantiles = Quantiles()
    """How far sound is from picture, absolute, without anything that a player does about it."""


class Failure(Model):
    """Things that went wrong in the same way."""

    kind: str
    """The place and a stable code, such as `join: ticket refused (close code 4401)`."""
    count: int


class ThresholdResult(Model):
    text: str
    """As it was asked for."""
    figure: str
    value: float | None
    """In `unit`; null when it was not measured, which is a failure."""
    limit: float
    unit: str
    passed: bool


class CapacityStep(Model):
    calls: int
    passed: bool
    failing: tuple[str, ...] = ()
    """The thresholds that were not met."""
    loss: float | None = None
    latency_p99_ms: float | None = None
    join_p95_ms: float | None = None
    server_cpu: float | None = None
    client_cpu: float | None = None
    client_is_limit: bool = False


class Capacity(Model):
    """The search for the most calls within the thresholds."""

    steps: tuple[CapacityStep, ...] = ()
    """In the order they were tried."""
    most: int | None = None
    """The most calls that were held within the thresholds; null when not even the fewest were."""
    limited_by: Literal["server", "client", "asked"] | None = None
    """What kept it from more: the server, this load tester, or the most it was asked for; null when the
    search was stopped before its end."""
