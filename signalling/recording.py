"""When a room may be recorded: somebody asks, everybody present grants, one no ends it at once. Pure.

Its phases and the way between them are the table in `recording_states`. News of a recorder carries the number
of its attempt; what comes late, twice or out of turn changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from signalling import commands, events, notes
from signalling.commands import RecordingCommand
from signalling.consents import Consent, ConsentKind
from signalling.errors import NotAdmitted, NotAllowed, NotAvailable, TryAgain, UnknownParticipant
from signalling.media import ParticipantId, TrackId
from signalling.member import Member
from signalling.outcomes import CloseRecorder, NoteForRecorder, OpenRecorder, Outcome, tell
from signalling.recorder import Attempt, RecordingStart
from signalling.recording_states import ON_THE_WIRE, TRANSITIONS, Phase, Trigger
from signalling.store import RoomRecord
from signalling.views import ConsentState, Recording, Role, StopReason, Track

MAY_RECORD = "record"
"""The word in a ticket's grants."""


@dataclass(frozen=True, slots=True)
class RecordingRules:
    """`policy` is this node's and `allowed` what it says; `possible`: there are a recorder and a ledger."""

    policy: str = ""
    allowed: bool = False
    possible: bool = False
    consent_wait_s: float = 120.0


NO_RECORDINGS = RecordingRules()


class RoomRecording:
    def __init__(
        self,
        record: RoomRecord,
        rules: RecordingRules,
        attempts: Iterator[Attempt],
        members: Mapping[ParticipantId, Member],
    ) -> None:
        """`attempts` gives numbers that this node has not used; `members` is the room's own, read only."""
        self._record = record
        self._rules = rules
        self._attempts = attempts
        self._members = members
        # A record of another policy than ours was made elsewhere: it may forbid, it may not allow.
        self._allowed = rules.allowed and record.policy == rules.policy
        # Another node's that handed the room over: it goes on once somebody is here.
        self._to_go_on = record.recording
        self.moved = False
        """The room is being handed over: nobody's leaving ends it here for good."""
        self.phase = Phase.OFF
        self._attempt: Attempt | None = None
        self._by: ParticipantId | None = None
        self._since: float | None = None
        self._reason: str | None = None
        self._deadline: float | None = None
        # Both outlast a participant's stay, as admission does: whoever reloads the page has granted still.
        self._said: dict[ParticipantId, ConsentState] = {}
        self._consents = {consent.participant: consent for consent in record.consents}
        self._inherited = set(self._consents)
        # Who and what was there after the last command, to tell what the next one changed.
        self._present: dict[ParticipantId, Role] = {}
        self._tracks: dict[TrackId, Track] = {}

    # What there is to see

    def view(self, *, admitted: bool) -> Recording:
        """`admitted`: whether the viewer is. Whoever waits is told of nobody."""
        return Recording(
            state=ON_THE_WIRE[self.phase],
            since=self._since,
            by=self._by if admitted else None,
            granted=tuple(who for who in self._everybody() if who in self._consents) if admitted else (),
            available=self._allowed and self._rules.possible,
        )

    def next_deadline(self) -> float | None:
        """When `GiveUpAsking` is due, in monotonic seconds."""
        return self._deadline

    @property
    def consents(self) -> tuple[Consent, ...]:
        """What was granted and not withdrawn, also by those who are not here now."""
        return tuple(self._consents.values())

    def consent_of(self, participant: ParticipantId) -> Consent | None:
        return self._consents.get(participant)

    def inherited(self, participant: ParticipantId) -> Consent | None:
        """What it granted at another node and has not been confirmed since, for it may have been taken back
        there after the room was handed over.
        """
        return self._consents[participant] if participant in self._inherited else None

    def settle_inherited(self, participant: ParticipantId, *, holds: bool) -> None:
        """Before the participant comes in."""
        self._inherited.discard(participant)
        if not holds:
            self._consents.pop(participant, None)

    @property
    def running(self) -> tuple[Attempt, ParticipantId] | None:
        """What is recorded now, and who asked for it."""
        if self.phase not in (Phase.OPENING, Phase.ON):
            return None
        assert self._attempt is not None
        assert self._by is not None
        return self._attempt, self._by

    def has_granted(self, participant: ParticipantId) -> bool:
        return participant in self._consents

    def said(self, participant: ParticipantId) -> ConsentState | None:
        """The participant's last word, or that it was asked since; None: neither."""
        return self._said.get(participant)

    def check_grant(self, participant: ParticipantId) -> None:
        """Raises what `Grant` would raise."""
        self._check_recordable()
        self._admitted(participant)

    # Commands

    def receive(self, command: RecordingCommand, now: float) -> list[Outcome]:
        """Do it, or raise a Refusal and leave everything as it was. `now` in monotonic seconds."""
        match command:
            case commands.StartRecording(by):
                return self._start(by, now)
            case commands.StopRecording(by):
                self._check_may_record(by)
                return self.halt(StopReason.STOPPED)
            case commands.Grant(participant, consent):
                return self._grant(participant, consent)
            case commands.Refuse(participant):
                return self._refuse(participant)
            case commands.GiveUpAsking():
                return self.halt(StopReason.CONSENT_NOT_GIVEN) if self.phase is Phase.ASKING else []
            case commands.HaltRecording(reason):
                return self.halt(reason)
            case commands.RecorderOpened(attempt, since):
                return self._opened(attempt, since)
            case commands.RecorderFailed(attempt, reason):
                return self._over(attempt, Trigger.FAILED, reason)
            case commands.RecorderTroubled(attempt, reason):
                return self._troubled(attempt, reason)
            case commands.RecorderClosed(attempt):
                # Unasked, it would leave the mark of a recording that is none.
                asked = self.phase is Phase.CLOSING
                return self._over(attempt, Trigger.CLOSED, self._reason if asked else "recorder-closed")
            case _:
                assert_never(command)

    def _start(self, by: ParticipantId, now: float) -> list[Outcome]:
        self._check_recordable()
        self._check_may_record(by)
        if self.phase is Phase.CLOSING:
            raise TryAgain("the recording before is being closed")
        if self.phase is not Phase.OFF:
            return []
        self._by = by
        missing = self._missing()
        if not missing:
            return self._open()
        self._move(Trigger.ASKED)
        self._deadline = now + self._rules.consent_wait_s
        return [*self._tell_state("asked"), *self._ask(missing)]

    def _grant(self, participant: ParticipantId, consent: Consent) -> list[Outcome]:
        self.check_grant(participant)
        if participant in self._consents:
            return []
        self._consents[participant] = consent
        told = self._tell_consent(participant, ConsentState.GRANTED)
        return told + self._open() if self.phase is Phase.ASKING and not self._missing() else told

    def _refuse(self, participant: ParticipantId) -> list[Outcome]:
        self._check_recordable()
        member = self._member(participant)
        granted = self._consents.pop(participant, None) is not None
        self._inherited.discard(participant)
        if not granted and self._said.get(participant) in (ConsentState.REFUSED, ConsentState.WITHDRAWN):
            return []
        state = ConsentState.WITHDRAWN if granted else ConsentState.REFUSED
        if not member.admitted:  # to be recorded it would have to be admitted first; nobody need know
            self._said[participant] = state
            return []
        reason = StopReason.CONSENT_WITHDRAWN if granted else StopReason.CONSENT_REFUSED
        return [*self._tell_consent(participant, state), *self.halt(reason)]

    # What the recorder says

    def _opened(self, attempt: Attempt, since: float) -> list[Outcome]:
        if attempt != self._attempt or not self._move(Trigger.OPENED):
            return []
        self._since = since
        return self._tell_state(None)

    def _troubled(self, attempt: Attempt, reason: str) -> list[Outcome]:
        if attempt != self._attempt or self.phase is not Phase.ON:
            return []
        return self._tell_state(reason)

    def _over(self, attempt: Attempt, trigger: Trigger, reason: str | None) -> list[Outcome]:
        if attempt != self._attempt or not self._move(trigger):
            return []
        return self._tell_state(reason)

    # What follows from who and what is in the room now

    def follow(self, joined: ParticipantId | None = None) -> list[Outcome]:
        """What the last command's effect on the room means for its recording.

        `joined`: who came by it, and reads the state in the reply.
        """
        if not self._allowed:
            return []
        before, now = self._present, {m.id: m.admission.role for m in self._members.values() if m.admitted}
        self._present = now
        new = [who for who, role in now.items() if before.get(who) is not role]
        gone = [who for who, role in before.items() if now.get(who) is not role]
        return [*self._introduce(new, joined), *self._reconsider(new, gone)]

    def _reconsider(self, new: list[ParticipantId], gone: list[ParticipantId]) -> list[Outcome]:
        match self.phase:
            case Phase.CLOSING:
                return []
            case Phase.OFF:
                return self._go_on()
            case Phase.ASKING:
                if self._by not in self._present:
                    return self.halt(StopReason.ASKER_LEFT)
                missing = self._missing()
                return self._ask([who for who in new if who in missing]) if missing else self._open()
            case Phase.OPENING | Phase.ON:
                if not self._present:
                    return self.halt(StopReason.NODE_DRAINING if self.moved else StopReason.ROOM_EMPTY)
                if self._missing():
                    return self.halt(StopReason.JOINED_WITHOUT_CONSENT)
                return self._note_changes(new, gone)
            case _:
                assert_never(self.phase)

    def _go_on(self) -> list[Outcome]:
        """With what another node recorded, if those who have come so far let it."""
        if self._to_go_on is None or not self._present:
            return []
        before, self._to_go_on = self._to_go_on, None
        if not self._rules.possible or self._missing():
            return []
        self._by = before.by
        return self._open(before.name)

    def _introduce(self, new: list[ParticipantId], joined: ParticipantId | None) -> list[Outcome]:
        """The others learn who of the new has granted; who was let in learns what it could not see before."""
        outcomes: list[Outcome] = []
        to = tuple(other for other in self._present if other != joined)
        for who in new:
            if who in self._consents:
                outcomes += tell(to, _consent_event(who, ConsentState.GRANTED))
            elif self._said.get(who) is ConsentState.WITHDRAWN:
                # Said while it had to wait, after a stay in which the others saw it grant.
                outcomes += tell(to, _consent_event(who, ConsentState.WITHDRAWN))
            if who != joined:
                granted = [other for other in self._present if other not in new and other in self._consents]
                for other in granted:
                    outcomes += tell((who,), _consent_event(other, ConsentState.GRANTED))
                outcomes += tell((who,), self._event())
        return outcomes

    def _note_changes(self, new: list[ParticipantId], gone: list[ParticipantId]) -> list[Outcome]:
        before, self._tracks = self._tracks, self._all_tracks()
        changes: list[notes.Note] = [notes.TrackRemoved(id_) for id_ in before if id_ not in self._tracks]
        changes += [notes.Left(who) for who in gone]
        for who in new:
            changes += [notes.Joined(who, self._present[who]), notes.Consented(self._consents[who])]
        for id_, track in self._tracks.items():
            if id_ not in before:
                changes.append(notes.TrackAdded(track))
            elif before[id_].muted is not track.muted:
                changes.append(notes.TrackMuted(id_, track.muted))
        assert self._attempt is not None, "something is recorded"
        return [NoteForRecorder(self._attempt, change) for change in changes]

    # What is done in several places

    def _move(self, trigger: Trigger) -> bool:
        """Take the transition, if there is one."""
        after = TRANSITIONS.get((self.phase, trigger))
        if after is None:
            return False
        self.phase = after
        if after is not Phase.ASKING:
            self._deadline = None
        if after is Phase.OFF:
            self._by = self._since = None
        return True

    def _open(self, continues: str | None = None) -> list[Outcome]:
        self._move(Trigger.ALL_GRANTED)
        assert self._by is not None, "somebody asked"
        self._attempt = next(self._attempts)
        self._tracks = self._all_tracks()
        members = [self._members[who] for who in self._everybody()]
        start = RecordingStart(
            self._attempt,
            self._record.room,
            self._record.policy,
            self._record.encryption,
            self._by,
            tuple((member.id, member.admission.role) for member in members),
            tuple(self._consents[member.id] for member in members),
            tuple(self._tracks.values()),
            continues,
        )
        return [*self._tell_state(None), OpenRecorder(start)]

    def halt(self, reason: StopReason) -> list[Outcome]:
        """Ask, open or record no longer; nothing when there is nothing to end."""
        opened = self.phase is not Phase.ASKING
        if not self._move(Trigger.STOPPED):
            return []
        told = self._tell_state(reason.value)
        if not opened:
            return told
        assert self._attempt is not None, "a recorder is open"
        return [CloseRecorder(self._attempt, reason), *told]

    def _ask(self, missing: list[ParticipantId]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for who in missing:
            outcomes += self._tell_consent(who, ConsentState.REQUESTED)
        return outcomes

    def _tell_consent(self, participant: ParticipantId, state: ConsentState) -> list[Outcome]:
        self._said[participant] = state
        return tell(self._everybody(), _consent_event(participant, state))

    def _tell_state(self, reason: str | None) -> list[Outcome]:
        self._reason = reason
        return tell(self._everybody(), self._event())

    def _event(self) -> events.RecordingChanged:
        return events.RecordingChanged(
            state=ON_THE_WIRE[self.phase], reason=self._reason, since=self._since, by=self._by
        )

    # Who is who

    def _everybody(self) -> tuple[ParticipantId, ...]:
        """All who are admitted and present: who may be heard and seen, and who is told."""
        return tuple(member.id for member in self._members.values() if member.admitted)

    def _missing(self) -> list[ParticipantId]:
        return [who for who in self._everybody() if who not in self._consents]

    def _all_tracks(self) -> dict[TrackId, Track]:
        return {id_: track for member in self._members.values() for id_, track in member.tracks.items()}

    def _check_recordable(self) -> None:
        if not self._allowed:
            policy = self._record.policy if self._rules.allowed else self._rules.policy
            raise NotAllowed(f"the policy {policy} allows no recordings")
        if not self._rules.possible:
            raise NotAvailable

    def _check_may_record(self, participant: ParticipantId) -> None:
        if MAY_RECORD not in self._admitted(participant).admission.grants:
            raise NotAllowed("your ticket does not let you record")

    def _member(self, participant: ParticipantId) -> Member:
        member = self._members.get(participant)
        if member is None:
            raise UnknownParticipant
        return member

    def _admitted(self, participant: ParticipantId) -> Member:
        member = self._member(participant)
        if not member.admitted:
            raise NotAdmitted
        return member


def _consent_event(participant: ParticipantId, state: ConsentState) -> events.ConsentChanged:
    return events.ConsentChanged(kind=ConsentKind.RECORDING.value, state=state, participant=participant)
