"""A room: who is in it, who may do what, who sees and hears of what. Pure: commands in, outcomes out.

It follows protocol §2. A refused command raises a `Refusal` before anything has changed. What somebody who
waits to be admitted learns is kept to the least: that the room exists, its state, and itself. It is told no
names, no tracks and no number of others, and only doctors are told of it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from signalling import commands, events
from signalling.commands import Command, Judge
from signalling.errors import (
    LimitReached,
    NotAdmitted,
    NotAllowed,
    RoomEnded,
    RoomFull,
    UnknownParticipant,
    UnknownTrack,
)
from signalling.media import Mid, ParticipantId, Publish, Subscribe, TrackId, Wish
from signalling.member import ALL_GOOD, ALL_LOST, Member, Quality
from signalling.outcomes import CloseRecorder, Dismissed, Outcome, Tell, tell
from signalling.recorder import Attempt
from signalling.recording import NO_RECORDINGS, RecordingRules, RoomRecording
from signalling.room_states import TRANSITIONS, Trigger
from signalling.store import MemberRecord, RoomRecord
from signalling.tickets import Admission
from signalling.views import (
    EndReason,
    LeaveReason,
    Participant,
    Role,
    RoomState,
    RoomView,
    Self,
    StopReason,
    Track,
    TransportState,
)


@dataclass(frozen=True, slots=True)
class RoomLimits:
    max_participants: int
    max_tracks_per_participant: int
    room_empty_s: float


class Room:
    """One room. `record` says what it is at the start, for instance after another node held it."""

    def __init__(
        self,
        record: RoomRecord,
        limits: RoomLimits,
        now: float,
        rules: RecordingRules = NO_RECORDINGS,
        attempts: Iterator[Attempt] | None = None,
    ) -> None:
        """`attempts`: numbers for recordings, those of no other room; left out: 1, 2, 3 …"""
        self._limits = limits
        self._record = record
        self.state = record.state
        self.revision = 0
        """Rises with every change of what `record` says."""
        self._members: dict[ParticipantId, Member] = {}
        self.recording = RoomRecording(
            record, rules, attempts or map(Attempt, itertools.count(1)), self._members
        )
        self._owner_of: dict[TrackId, ParticipantId] = {}
        # Admission and removal by a doctor outlast the participant's stay: whoever reloads a page need not
        # knock again, whoever was removed must, whatever the next ticket says.
        self._admitted = set(record.admitted)
        self._removed = set(record.removed)
        self._heard: dict[ParticipantId, int] = {}
        self._empty_since: float | None = now

    # What there is to see

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, participant: ParticipantId) -> bool:
        return participant in self._members

    def record(self) -> RoomRecord:
        """What must be known elsewhere if this node is lost."""
        return RoomRecord(
            self._record.room,
            self.state,
            self._record.encryption,
            self._record.policy,
            tuple(MemberRecord(m.id, m.admission.role, m.admitted) for m in self._members.values()),
            frozenset(self._admitted),
            frozenset(self._removed),
            self.recording.consents,
        )

    def view(self, viewer: ParticipantId | None = None) -> RoomView:
        """As the viewer may see it; None: as somebody does who is admitted."""
        return RoomView(
            id=self._record.room,
            state=self.state,
            encryption=self._record.encryption,
            recording=self.recording.view(admitted=viewer is None or self._member(viewer).admitted),
            policy=self._record.policy,
        )

    def self_view(self, participant: ParticipantId) -> Self:
        return self._member(participant).self_view()

    def admission_of(self, participant: ParticipantId) -> Admission:
        """Raises UnknownParticipant."""
        return self._member(participant).admission

    def waiting(self) -> tuple[ParticipantId, ...]:
        """Who has not been admitted."""
        return self._who(lambda member: not member.admitted)

    def of_role(self, role: Role) -> tuple[ParticipantId, ...]:
        return self._who(lambda member: member.admission.role is role)

    def participants_seen_by(self, participant: ParticipantId) -> tuple[Participant, ...]:
        """In the order they came, the viewer among them."""
        viewer = self._member(participant)
        return tuple(m.view() for m in self._members.values() if m is viewer or viewer.sees(m))

    def admitted(self) -> tuple[ParticipantId, ...]:
        return self._who(lambda member: member.admitted)

    def owner_of(self, track: TrackId) -> ParticipantId | None:
        return self._owner_of.get(track)

    def next_deadline(self) -> float | None:
        """When the room must be given what is `due` then, unless something happens before."""
        if self.state is RoomState.ENDED:
            return None
        if self._empty_since is None:
            return self.recording.next_deadline()
        return self._empty_since + self._limits.room_empty_s

    def due(self, now: float) -> Command | None:
        """What the passing of time asks for: `Close` of a room that stayed empty, `GiveUpAsking`."""
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            return None
        return commands.GiveUpAsking() if self._members else commands.Close()

    # Questions that the shell asks before it goes to the media plane

    def check_join(self, admission: Admission) -> None:
        """Raises what `Join` would raise."""
        self._check_not_ended()
        if admission.participant not in self._members and len(self) >= self._limits.max_participants:
            raise RoomFull

    def check_offer(
        self, participant: ParticipantId, wishes: Mapping[Mid, Wish], known: Mapping[Mid, TrackId]
    ) -> None:
        """`known`: the tracks of earlier offers' m-sections, which may be stated again.

        Raises NotAdmitted, UnknownTrack for a subscription to what is not in this room, LimitReached.
        """
        member = self._admitted_member(participant)
        new = [
            mid
            for mid, wish in wishes.items()
            if isinstance(wish, Publish) and known.get(mid) not in member.tracks
        ]
        if new and len(member.tracks) + len(new) > self._limits.max_tracks_per_participant:
            raise LimitReached
        for wish in wishes.values():
            if isinstance(wish, Subscribe) and wish.track not in self._owner_of:
                raise UnknownTrack

    def check_track(self, participant: ParticipantId, track: TrackId) -> None:
        """Raises NotAdmitted, or UnknownTrack when the track is not in this room."""
        self._admitted_member(participant)
        if track not in self._owner_of:
            raise UnknownTrack

    # What was agreed to is agreed to no longer, by somebody who is not here now

    def forget_grant(self, participant: ParticipantId) -> None:
        """Let somebody who once agreed to it be recorded no more."""
        self.recording.settle_inherited(participant, holds=False)
        self.revision += 1

    def would_admit(self, admission: Admission) -> bool:
        """Whether joining would let them in at once."""
        by_ticket = admission.admitted and admission.participant not in self._removed
        return admission.role is Role.DOCTOR or by_ticket or admission.participant in self._admitted

    def forget_admission(self, participant: ParticipantId) -> None:
        """They have to knock again, whatever their ticket says."""
        self._admitted.discard(participant)
        self._removed.add(participant)
        self.revision += 1

    # Commands

    def receive(self, command: Command, now: float) -> list[Outcome]:
        """Do it, or raise a Refusal and leave everything as it was. `now` in monotonic seconds."""
        self._check_not_ended()
        outcomes = self._receive(command, now)
        if self._members:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        joined = command.admission.participant if isinstance(command, commands.Join) else None
        outcomes += self.recording.follow(joined)
        # Whatever else is to be done: first nothing more is recorded.
        return sorted(outcomes, key=lambda outcome: not isinstance(outcome, CloseRecorder))

    def _receive(self, command: Command, now: float) -> list[Outcome]:
        if isinstance(command, commands.RecordingCommand):
            outcomes = self.recording.receive(command, now)
            self.revision += isinstance(command, commands.Grant | commands.Refuse)
            return outcomes
        match command:
            case commands.Join(admission, encryption_key):
                return self._join(admission, encryption_key)
            case commands.Leave(participant, reason):
                return self._leave(self._member(participant), reason)
            case commands.Admit(by, participant):
                self._doctor(by)
                return self._admit(self._member(participant))
            case commands.Remove(by, participant):
                return self._remove(self._doctor(by), self._member(participant))
            case commands.Expel(participant):
                return self._expel(self._member(participant))
            case commands.End(by):
                self._doctor(by)
                return self._end(EndReason.ENDED)
            case commands.Conclude():
                return self._end(EndReason.ENDED)
            case commands.Publish():
                return self._publish(command)
            case commands.Unpublish(owner, tracks):
                return self._unpublish(self._member(owner), tracks)
            case commands.LoseMedia(participant):
                return self._lose_media(self._member(participant))
            case commands.RegainMedia(participant):
                return self._regain_media(self._member(participant))
            case commands.Mute():
                return self._mute(command)
            case commands.Relay():
                return self._relay(command)
            case commands.ReportSilence(track, silent):
                return self._report_silence(track, silent)
            case commands.ReportLevels(levels):
                return self._report_levels(levels)
            case commands.ReportQuality(participant, judge, uplink, downlink):
                return self._judge(self._member(participant), judge, (uplink, downlink))
            case commands.WantLayers(track, rids):
                return self._want_layers(track, rids)
            case commands.Close():
                return self._end(EndReason.EMPTY)
            case _:
                assert_never(command)

    # Coming and going

    def _join(self, admission: Admission, encryption_key: bytes | None) -> list[Outcome]:
        self.check_join(admission)
        outcomes: list[Outcome] = []
        before = self._members.get(admission.participant)
        if before is not None:
            outcomes += self._leave(before, LeaveReason.REPLACED)
        admitted = self.would_admit(admission)
        self.revision += 1
        member = self._members[admission.participant] = Member(admission, admitted, encryption_key)
        outcomes += self._announce(member)
        if member.doctor:
            # Those who wait are in the joined state too; told so, a client needs one way to learn of a knock.
            waiting = [m for m in self._members.values() if not m.admitted]
            outcomes += [Tell((member.id,), events.Knocking(participant=m.view())) for m in waiting]
        return outcomes

    def _announce(self, member: Member) -> list[Outcome]:
        """A new member becomes known to those who may know."""
        others = self._who(lambda other: other is not member and other.sees(member))
        if not member.admitted:
            return tell(others, events.Knocking(participant=member.view()))
        opened = self._move(Trigger.ADMITTED_PRESENT, but=member)
        return opened + tell(others, events.ParticipantJoined(participant=member.view()))

    def _leave(self, member: Member, reason: LeaveReason) -> list[Outcome]:
        outcomes = self._unpublish(member, tuple(member.tracks))
        del self._members[member.id]
        self.revision += 1
        self._heard.pop(member.id, None)
        witnesses = self._who(lambda other: other.sees(member))
        return outcomes + tell(witnesses, events.ParticipantLeft(id=member.id, reason=reason))

    def _admit(self, member: Member) -> list[Outcome]:
        if member.admitted:
            return []
        knew = self._who(lambda other: other is not member and other.sees(member))
        member.admitted = True
        self.revision += 1
        self._admitted.add(member.id)
        self._removed.discard(member.id)
        see_now = self._who(lambda other: other is not member and other.sees(member))
        first = tuple(other for other in see_now if other not in knew)
        seen = [other for other in self._members.values() if other is not member and member.sees(other)]
        return [
            *self._move(Trigger.ADMITTED_PRESENT),
            *tell(first, events.ParticipantJoined(participant=member.view())),
            Tell((member.id, *see_now), events.ParticipantAdmitted(id=member.id)),
            *(Tell((member.id,), events.ParticipantJoined(participant=other.view())) for other in seen),
        ]

    def _remove(self, doctor: Member, member: Member) -> list[Outcome]:
        if doctor is member:
            raise NotAllowed("you cannot remove yourself: leave")
        return self._expel(member)

    def _expel(self, member: Member) -> list[Outcome]:
        outcomes = self._leave(member, LeaveReason.REMOVED)
        self.revision += 1
        self._admitted.discard(member.id)
        self._removed.add(member.id)
        own = events.ParticipantLeft(id=member.id, reason=LeaveReason.REMOVED)
        return [*outcomes, Tell((member.id,), own), Dismissed(member.id, LeaveReason.REMOVED)]

    def _end(self, reason: EndReason) -> list[Outcome]:
        everybody = tuple(self._members)
        self.revision += 1
        halted = self.recording.halt(StopReason.ROOM_ENDED)
        self._move(Trigger.END)
        self._members.clear()
        self._owner_of.clear()
        return [
            *halted,
            *tell(everybody, events.RoomHasEnded(reason=reason)),
            *(Dismissed(participant, reason) for participant in everybody),
        ]

    def _move(self, trigger: Trigger, but: Member | None = None) -> list[Outcome]:
        """Take the transition; whoever joins just now (`but`) reads the state in the reply."""
        before, self.state = self.state, TRANSITIONS[self.state, trigger]
        if (before, self.state) != (RoomState.WAITING, RoomState.OPEN):
            return []
        return tell(self._who(lambda member: member is not but), events.RoomOpened())

    # Tracks

    def _publish(self, command: commands.Publish) -> list[Outcome]:
        member = self._admitted_member(command.owner)
        outcomes: list[Outcome] = []
        for published in command.tracks:
            track = Track(
                id=published.id,
                participant=member.id,
                kind=published.kind,
                source=published.wish.source,
                muted=published.wish.muted,
                encryption=published.wish.encryption,
                codec=published.codec,
            )
            member.tracks[track.id] = track
            self._owner_of[track.id] = member.id
            outcomes += tell(self._audience(member), events.TrackPublished(track=track))
        return outcomes

    def _unpublish(self, member: Member, tracks: Iterable[TrackId]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for track in tracks:
            if member.tracks.pop(track, None) is not None:
                del self._owner_of[track]
                outcomes += tell(self._audience(member), events.TrackUnpublished(id=track))
        return outcomes

    def _lose_media(self, member: Member) -> list[Outcome]:
        if not member.admitted:  # never had any
            return []
        outcomes = self._unpublish(member, tuple(member.tracks))
        member.transport_closed = True
        member.judged[Judge.MEDIA_PLANE] = ALL_LOST
        return outcomes + self._tell_quality(member, TransportState.CLOSED)

    def _regain_media(self, member: Member) -> list[Outcome]:
        # Only what is made anew has a fresh start. An ICE restart of a transport that nothing arrives by is
        # answered too; that it helped is for the media plane to see.
        if not member.transport_closed:
            return []
        member.transport_closed = False
        return self._judge(member, Judge.MEDIA_PLANE, ALL_GOOD)

    def _mute(self, command: commands.Mute) -> list[Outcome]:
        member = self._admitted_member(command.by)
        owner = self._owner_of.get(command.track)
        if owner is None:
            raise UnknownTrack
        if owner != member.id:
            raise NotAllowed("only its publisher mutes a track")
        track = member.tracks[command.track]
        if track.muted is command.muted:
            return []
        ended = self._set_silent(member, track.id, False)  # what is muted is meant to be silent
        member.tracks[track.id] = member.tracks[track.id].model_copy(update={"muted": command.muted})
        return ended + tell(self._audience(member), events.TrackMuted(id=track.id, muted=command.muted))

    # Words between participants, and news of the media plane

    def _relay(self, command: commands.Relay) -> list[Outcome]:
        sender = self._admitted_member(command.sender)
        if command.to is None:
            to = self._audience(sender)
        elif (target := self._members.get(command.to)) is not None and target.admitted:
            to = (target.id,)
        else:
            raise UnknownParticipant
        return tell(to, events.Relayed(sender=sender.id, kind=command.kind, body=command.body))

    def _report_silence(self, track: TrackId, silent: bool) -> list[Outcome]:
        owner = self._members.get(self._owner_of.get(track, ParticipantId("")))
        if owner is None or owner.tracks[track].muted:
            return []
        return self._set_silent(owner, track, silent)

    def _set_silent(self, owner: Member, track: TrackId, silent: bool) -> list[Outcome]:
        if owner.tracks[track].silent is silent:
            return []
        owner.tracks[track] = owner.tracks[track].model_copy(update={"silent": silent})
        return tell((owner.id, *self._audience(owner)), events.TrackSilent(id=track, silent=silent))

    def _report_levels(self, levels: Mapping[TrackId, int]) -> list[Outcome]:
        loudest: dict[ParticipantId, int] = {}
        for track, level in levels.items():
            owner = self._members.get(self._owner_of.get(track, ParticipantId("")))
            if owner is not None and not owner.tracks[track].muted:
                loudest[owner.id] = max(level, loudest.get(owner.id, -127))
        if loudest == self._heard:
            return []
        self._heard = loudest
        heard = sorted(loudest.items(), key=lambda one: -one[1])
        speakers = tuple(events.Speaker(participant=who, level_dbov=level) for who, level in heard)
        return tell(self.admitted(), events.Speakers(speakers=speakers))

    def _judge(self, member: Member, judge: Judge, quality: Quality) -> list[Outcome]:
        before = member.quality
        member.judged[judge] = quality
        return self._tell_quality(member) if member.admitted and member.quality != before else []

    def _tell_quality(self, member: Member, transport: TransportState | None = None) -> list[Outcome]:
        up, down = member.quality
        news = events.Quality(participant=member.id, uplink=up, downlink=down, transport=transport)
        return tell((member.id, *self._audience(member)), news)

    def judged_by_client(self, participant: ParticipantId) -> Quality:
        """What the participant's own reports came to last."""
        return self._member(participant).judged[Judge.CLIENT]

    def _want_layers(self, track: TrackId, rids: tuple[str, ...]) -> list[Outcome]:
        owner = self._owner_of.get(track)
        return [] if owner is None else [Tell((owner,), events.LayersWanted(track=track, rids=rids))]

    # Who is who

    def _check_not_ended(self) -> None:
        if self.state is RoomState.ENDED:
            raise RoomEnded

    def _member(self, participant: ParticipantId) -> Member:
        member = self._members.get(participant)
        if member is None:
            raise UnknownParticipant
        return member

    def _admitted_member(self, participant: ParticipantId) -> Member:
        member = self._member(participant)
        if not member.admitted:
            raise NotAdmitted
        return member

    def _doctor(self, participant: ParticipantId) -> Member:
        member = self._member(participant)
        if not member.doctor:
            raise NotAllowed
        return member

    def _who(self, fits: Callable[[Member], bool]) -> tuple[ParticipantId, ...]:
        return tuple(member.id for member in self._members.values() if fits(member))

    def _audience(self, member: Member) -> tuple[ParticipantId, ...]:
        """The others who are admitted."""
        return self._who(lambda other: other is not member and other.admitted)
