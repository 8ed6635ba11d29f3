"""What one client knows of its room: the joined state, moved on by each event. Pure."""

from dataclasses import replace

from loadtest.events import (
    ConsentChanged,
    Event,
    Joined,
    Knocking,
    Participant,
    ParticipantAdmitted,
    ParticipantId,
    ParticipantJoined,
    ParticipantLeft,
    RecordingChanged,
    RoomEnded,
    RoomOpened,
    RoomState,
    Track,
    TrackId,
    TrackMuted,
    TrackPublished,
    TrackSilent,
    TrackUnpublished,
)


class RoomView:
    """Participants (without me), tracks (mine too) and state, as far as we were told."""

    def __init__(self, joined: Joined) -> None:
        self.me = joined.me
        self.id = joined.room
        self.state = joined.state
        self.admitted = joined.role == "doctor"
        self.participants: dict[ParticipantId, Participant] = {}
        self.tracks: dict[TrackId, Track] = {}
        self.ended_for: str | None = None
        self.policy = joined.policy
        self.recording = joined.recording
        self.recording_trouble: str | None = None
        """Why something is missing from the recording at present."""
        self.granted: set[ParticipantId] = set(joined.granted)
        """Who lets itself be recorded, as far as we were told."""
        for participant in joined.participants:
            self._enter(participant)

    def others_tracks(self) -> list[Track]:
        return [track for track in self.tracks.values() if track.participant != self.me]

    def apply(self, event: Event) -> None:
        match event:
            case ParticipantJoined(participant):
                self._enter(participant)
            case Knocking(participant):
                self._enter(participant)
            case ParticipantLeft(id=id_):
                self.participants.pop(id_, None)
                self.tracks = {t.id: t for t in self.tracks.values() if t.participant != id_}
            case ParticipantAdmitted(id=id_):
                if id_ == self.me:
                    self.admitted = True
                elif id_ in self.participants:
                    self.participants[id_] = replace(self.participants[id_], admitted=True)
            case RoomOpened():
                self.state = RoomState.OPEN
            case RoomEnded(reason):
                self.state = RoomState.ENDED
                self.ended_for = reason
            case TrackPublished(track):
                self.tracks[track.id] = track
            case TrackUnpublished(id=track_id):
                self.tracks.pop(track_id, None)
            case TrackMuted(id=track_id, muted=muted):
                if track_id in self.tracks:
                    self.tracks[track_id] = replace(self.tracks[track_id], muted=muted)
            case TrackSilent(id=track_id, silent=silent):
                if track_id in self.tracks:
                    self.tracks[track_id] = replace(self.tracks[track_id], silent=silent)
            case RecordingChanged(state, reason):
                self.recording = state
                well = state != "on" or reason in (None, "resumed")
                self.recording_trouble = None if well else reason
            case ConsentChanged(kind="recording", state=state, participant=who):
                (self.granted.add if state == "granted" else self.granted.discard)(who or self.me)
            case _:
                pass  # says nothing about who is here and what is sent

    def _enter(self, participant: Participant) -> None:
        self.tracks |= {track.id: track for track in participant.tracks}
        if participant.id == self.me:
            self.admitted = self.admitted or participant.admitted
        else:
            self.participants[participant.id] = participant
