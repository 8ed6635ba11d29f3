"""Somebody in a room, and the one rule of who may know of whom."""

from dataclasses import dataclass, field

from signalling.commands import Judge
from signalling.media import ParticipantId, TrackId
from signalling.tickets import Admission
from signalling.views import Participant, Rating, Role, Self, Track

Quality = tuple[Rating, Rating]
"""Uplink and downlink."""

ALL_GOOD: Quality = (Rating.GOOD, Rating.GOOD)
ALL_LOST: Quality = (Rating.LOST, Rating.LOST)
_BADNESS = list(Rating)


@dataclass(slots=True)
class Member:
    """`admitted` may become true later than the ticket said. `transport_closed`: its media was given up, and
    no offer has opened a new transport since.
    """

    admission: Admission
    admitted: bool
    encryption_key: bytes | None
    tracks: dict[TrackId, Track] = field(default_factory=dict)
    transport_closed: bool = False
    judged: dict[Judge, Quality] = field(default_factory=lambda: dict.fromkeys(Judge, ALL_GOOD))

    @property
    def quality(self) -> Quality:
        """The worse of what the two judges say."""
        uplinks, downlinks = zip(*self.judged.values(), strict=True)
        return max(uplinks, key=_BADNESS.index), max(downlinks, key=_BADNESS.index)

    @property
    def id(self) -> ParticipantId:
        return self.admission.participant

    @property
    def doctor(self) -> bool:
        return self.admission.role is Role.DOCTOR

    def sees(self, other: "Member") -> bool:
        """Whether this member may know that the other is there."""
        return self.admitted and (other.admitted or self.doctor)

    def view(self) -> Participant:
        """As those who may know see this member."""
        return Participant(
            id=self.id,
            role=self.admission.role,
            name=self.admission.name,
            admitted=self.admitted,
            encryption_key=self.encryption_key,
            tracks=tuple(self.tracks.values()),
        )

    def self_view(self) -> Self:
        """As the member is told about itself."""
        return Self(
            id=self.id,
            role=self.admission.role,
            name=self.admission.name,
            admitted=self.admitted,
            grants=self.admission.grants,
        )
