"""What signalling needs to know before a doctor lets somebody in who is neither patient nor doctor."""

from typing import Protocol

from signalling.media import ParticipantId, RoomId


class ThirdParties(Protocol):
    async def may_enter(self, room: RoomId, guest: ParticipantId) -> bool:
        """Whether the patient agrees, now, that this guest is present. Never raises; doubt is no."""
        ...
