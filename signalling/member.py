"""Somebody in a room, and the one rule of who may know of whom."""

from dataclasses import dataclass, field

from signalling.media import ParticipantId, TrackId
from signalling.tickets import Admission
from signalling.views import Participant, Rating, Role, Self, Track


@dataclass(slots=True)
class Member:
    """`admitted` may become true later than the ticket said. `quality`: uplink, downlink as last reported."""

    admission: Admission
    admitted: bool
    encryption_key: bytes | None
    tracks: dict[TrackId, Track] = field(default_factory=dict)
    quality: tuple[Rating, Rating] = (Rating.GOOD, Rating.GOOD)

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
