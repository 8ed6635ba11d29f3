"""Builders of what the tests of signalling are about: people with tickets, rooms, tracks."""

from signalling.commands import Join
from signalling.media import ParticipantId, Publish, PublishedTrack, RoomId, Source, TrackEncryption, TrackId
from signalling.private import Private
from signalling.room import Room, RoomLimits
from signalling.store import RoomRecord
from signalling.tickets import Admission
from signalling.views import Role, RoomEncryption, RoomState

ROOM = RoomId("room-1")
LIMITS = RoomLimits(max_participants=8, max_tracks_per_participant=4, room_empty_s=60.0)


def somebody(who: str, role: Role = Role.PATIENT, *, admitted: bool = True, room: str = ROOM) -> Admission:
    return Admission(
        RoomId(room), ParticipantId(who), role, Private(f"Name of {who}"), admitted, grants=("publish",)
    )


def a_doctor(who: str = "doctor") -> Admission:
    return somebody(who, Role.DOCTOR)


def a_waiting(who: str, role: Role = Role.PATIENT) -> Admission:
    return somebody(who, role, admitted=False)


def a_record(state: RoomState = RoomState.WAITING) -> RoomRecord:
    return RoomRecord(ROOM, state, RoomEncryption.TRANSPORT, "belgium")


def a_room(*people: Admission, limits: RoomLimits = LIMITS) -> Room:
    room = Room(a_record(), limits, now=0.0)
    for admission in people:
        room.receive(Join(admission), now=0.0)
    return room


def a_track(track: str, source: Source = Source.CAMERA, *, muted: bool = False) -> PublishedTrack:
    kind = "audio" if source is Source.MICROPHONE else "video"
    codec = "opus" if source is Source.MICROPHONE else "vp8"
    return PublishedTrack(TrackId(track), kind, codec, Publish(source, muted, TrackEncryption.NONE))
