"""Every limit and time of signalling, with the value it has when nobody says otherwise."""

from dataclasses import dataclass

from signalling.replies import IceServer
from signalling.store import NodeId
from signalling.views import RoomEncryption

_ONLY_NODE = NodeId("node")


@dataclass(frozen=True, slots=True)
class SignallingSettings:
    """Times in seconds, sizes in bytes."""

    node: NodeId = _ONLY_NODE
    node_url: str = ""
    """Where this node's signalling is reached; what `moved` tells a client that came to another node."""

    # Who may connect, and what a room is
    allowed_origins: tuple[str, ...] = ()
    """Beside the server's own; "*" for any. Programs that send no Origin may: the ticket decides."""
    policy: str = "belgium"
    recording: bool = False
    """Whether the policy allows recordings, of those who have granted. This node's word: what the store says
    of a room can forbid them too, but never allow them.
    """
    encryption: RoomEncryption = RoomEncryption.TRANSPORT
    ice_servers: tuple[IceServer, ...] = ()
    media_addresses: tuple[str, ...] = ()
    """Where this node's media is reached, `address:port`, so that who still waits can try the way there."""

    # Rooms
    max_participants: int = 200
    max_tracks_per_participant: int = 16
    max_rooms: int = 10_000
    room_empty_s: float = 300.0
    """An empty room ends after this."""
    ended_room_memory_s: float = 120.0
    """So long is a join to an ended room refused: longer than any ticket issued before the end lives."""

    # Recordings
    consent_wait_s: float = 120.0
    """Those who are asked whether they may be recorded answer within this, or nothing is recorded."""
    consent_timeout_s: float = 5.0
    """The ledger of consents writes one within this, or the person is told to try again."""

    # Sessions
    resume_window_s: float = 30.0
    replay_events: int = 1024
    replay_bytes: int = 1024 * 1024
    """What a session keeps for a resume; the oldest go first, and a resume from before them is refused."""

    # Connections
    max_unjoined: int = 1000
    max_unjoined_per_source: int = 100
    """Connections that have not joined yet; further ones get HTTP 503."""
    behind_proxy: bool = False
    """A proxy of ours says in X-Forwarded-For where a connection comes from; nobody else is believed."""
    join_timeout_s: float = 5.0
    ping_interval_s: float = 15.0
    outbox_frames: int = 1536
    outbox_bytes: int = 4 * 1024 * 1024
    """What waits for a client that reads slowly; beyond it the client is closed (4408), nothing skipped.
    All that a resume replays has to fit at once.
    """
    close_timeout_s: float = 2.0
    rate_per_s: float = 30.0
    rate_burst: float = 150.0
    """Requests; one more counts for each 4 KiB of a message."""

    # Elsewhere
    offer_timeout_s: float = 5.0
    lease_s: float = 4.0
    """So long after the death of a node its rooms can be taken over."""
    session_record_s: float = 12 * 3600.0
    store_retry_s: float = 1.0
    drain_s: float = 30.0
    """So long may those whose room was handed to another node take to follow."""
    drain_timeout_s: float = 5.0
    """The longest for each of: handing over, closing connections, writing what is left."""
    speaking_dbov: int = -60
    """Whoever is quieter is not among the speakers; a quiet room hums at about -70."""

    def __post_init__(self) -> None:
        # Twice the bytes: the other encoding of a message may be longer than the one it was counted in.
        if self.outbox_frames <= self.replay_events or self.outbox_bytes < 2 * self.replay_bytes:
            raise ValueError("the outbox must hold all that a resume may replay")
