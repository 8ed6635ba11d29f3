"""What a load test was asked for: the options of the command line, checked, as the report keeps them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from loadtest.participant import Publishing, VideoCodec


class ScenarioName(StrEnum):
    CONSULTATIONS = "consultations"
    GROUP = "group"
    FANOUT = "fanout"
    CHURN = "churn"
    WAITING_ROOM = "waiting-room"
    RECONNECT = "reconnect"
    SOAK = "soak"


class TicketSource(StrEnum):
    """Where tickets come from. How exactly (a folder, a command line) is not the report's business."""

    KEYS = "keys"
    WALK_IN = "walk-in"
    COMMAND = "command"
    TEST_LOGINS = "test-logins"
    """The HTTP interface gives them to the test persons of a development server."""


class Options(BaseModel):
    """One test. Seconds, bits per second and frames per second, as the names say."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    scenario: ScenarioName
    servers: tuple[str, ...] = Field(min_length=1)
    """The origins that were tested, in order; rooms go to them in turn."""
    tickets: TicketSource
    calls: int = Field(default=10, ge=1)
    """How many rooms are held at a time."""
    participants: int = Field(default=2, ge=1)
    """How many are in each room: 2 in a consultation, the publisher included in a fan-out."""
    ramp_per_s: float = Field(default=5.0, gt=0)
    """Joins per second, on average; never in step."""
    duration_s: float = Field(default=30.0, gt=0)
    """How long the measured window is, after everybody joined and the warm-up."""
    warm_up_s: float = Field(default=2.0, ge=0)
    audio: bool = True
    video: bool = True
    video_bps: int = Field(default=1_200_000, ge=16_000, le=50_000_000)
    fps: int = Field(default=30, ge=1, le=120)
    codec: VideoCodec = VideoCodec.VP8
    simulcast: bool = False
    srtp_profile: str = "AEAD_AES_128_GCM"
    recording: bool = False
    impairment: str | None = None
    """The bad network on purpose, as `--impair` had it; null: what lay between was not changed."""
    thresholds: tuple[str, ...] = ()
    seed: int = 0
    bots: int = Field(default=0, ge=0)
    """How many took part, in rooms of two beside the others, who decode what they receive."""
    film: bool = False
    """Whether the bots send a film that was given, instead of the built-in one."""
    churn_per_s: float = Field(default=1.0, gt=0)
    """How many leave, and are replaced, each second (churn, soak)."""
    cut_every_s: float = Field(default=5.0, gt=0)
    """How often each call is cut (reconnect)."""
    doctors: int = Field(default=2, ge=1)
    """How many claim patients (waiting-room)."""
    talk_s: float = Field(default=5.0, ge=0)
    """How long a patient and a doctor talk (waiting-room)."""
    find_capacity: bool = False
    most_calls: int = Field(default=1000, ge=1)
    """The search for the capacity tries no more."""
    threads: int = Field(default=1, ge=1, le=64)
    """That carry the media of the participants: each uses at most one core."""

    @property
    def most_participants(self) -> int:
        """At a time, bots not counted."""
        rooms = self.most_calls if self.find_capacity else self.calls
        match self.scenario:
            case ScenarioName.WAITING_ROOM:
                return self.calls + self.doctors
            case ScenarioName.FANOUT if self.find_capacity:
                return self.most_calls + 1  # of that it looks for the most receivers
            case _:
                return rooms * self.participants

    @property
    def publishing(self) -> Publishing:
        return Publishing(
            audio=self.audio,
            video=self.video,
            video_bps=self.video_bps,
            frames_per_s=self.fps,
            codec=self.codec,
            simulcast=self.simulcast,
        )
