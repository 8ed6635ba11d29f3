"""The recorder's shell: what signalling asks for ends up on disk, and trouble costs one recording at most."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media_server.recording import (
    Gap,
    Participant,
    RecordingId,
    Start,
    Stop,
    StoreFailed,
    StoreTrouble,
    live_recording,
    parse_manifest,
)
from media_server.recording.catalogue import Catalogue, State
from media_server.recording.folder_store import FolderStore
from media_server.recording.identity import Identity
from media_server.recording.recorder import Recorder, RecorderSettings
from media_server.recording.service import unix_us
from media_server.recording.verification import verify
from media_server.records import open_records, sqlite_url
from media_server.settings import Policy
from sfu import Sfu, SfuSettings
from signalling import (
    Attempt,
    Consent,
    ConsentId,
    ConsentKind,
    ConsentState,
    ParticipantId,
    RecordingStart,
    Role,
    RoomEncryption,
    RoomId,
    notes,
)
from tests.media_server.recording.builders import a_signer, keys_of

PATIENCE_S = 10.0
ROOM = RoomId("room-1")
DOCTOR = ParticipantId("doctor")


@dataclass
class Heard:
    """What signalling was told, in order."""

    news: list[tuple[str, Attempt, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def _note(self, what: str, attempt: Attempt, word: str = "") -> None:
        self.news.append((what, attempt, word))
        self.changed.set()

    def recording_opened(self, room: RoomId, attempt: Attempt, since_unix_s: float) -> None:
        self._note("opened", attempt)

    def recording_failed(self, room: RoomId, attempt: Attempt, reason: str) -> None:
        self._note("failed", attempt, reason)

    def recording_trouble(self, room: RoomId, attempt: Attempt, reason: str) -> None:
        self._note("trouble", attempt, reason)

    def recording_closed(self, room: RoomId, attempt: Attempt) -> None:
        self._note("closed", attempt)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    async def hears(self, what: str, attempt: int, word: str = "") -> None:
        await self.until(lambda: (what, Attempt(attempt), word) in self.news)


def a_start(attempt: int, room: RoomId = ROOM) -> RecordingStart:
    consent = Consent(
        ConsentId("c-1"), "ab" * 32, DOCTOR, ConsentKind.RECORDING, ConsentState.GRANTED, unix_us(), None
    )
    return RecordingStart(
        Attempt(attempt),
        room,
        "consented-recording",
        RoomEncryption.TRANSPORT,
        DOCTOR,
        ((DOCTOR, Role.DOCTOR),),
        (consent,),
        (),
    )


class FailingStore(FolderStore):
    """A real folder on a disk that may be full."""

    full = False

    def append(self, recording: RecordingId, lines: bytes) -> None:
        if self.full:
            raise StoreFailed(StoreTrouble.DISK_FULL, "no space left")
        super().append(recording, lines)


@dataclass
class House:
    recorder: Recorder
    heard: Heard
    store: FailingStore
    catalogue: Catalogue
    root: Path

    def lines(self) -> list[object]:
        (id_,) = self.store.recordings()
        return [signed.line for signed in parse_manifest(self.store.manifest(id_))]


@asynccontextmanager
async def a_house(folder: Path, max_recordings: int = 5, max_taps: int = 5) -> AsyncIterator[House]:
    catalogue = Catalogue(open_records(sqlite_url(folder / "records.sqlite")))
    store, heard, signer = FailingStore(folder / "recordings"), Heard(), a_signer()
    settings = RecorderSettings(
        "node-1", Policy.CONSENTED_RECORDING, (Identity.generate().recipient,), 0.05, max_recordings
    )
    async with (
        Sfu(SfuSettings(bind="127.0.0.1", workers=1, max_taps=max_taps), print) as plane,
        Recorder(plane, store, catalogue, signer, settings, unix_us) as recorder,
    ):
        recorder.attach(heard)
        yield House(recorder, heard, store, catalogue, folder)
        for live in store.recordings():  # whatever happened, what is on disk is sound
            report = verify(store, live, keys_of(signer), closed_head=None)
            assert report.findings == ()


async def test_a_recording_is_opened_closed_and_entered(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.recorder.open(a_start(1))
        await house.heard.hears("opened", 1)
        assert house.recorder.open_now == 1
        house.recorder.close(Attempt(1), "stopped")
        await house.heard.hears("closed", 1)
        (entry,) = house.catalogue.list()
        assert (entry.state, entry.reason) == (State.CLOSED, "stopped")
        assert isinstance(house.lines()[-1], Stop)


async def test_one_that_is_closed_before_it_was_open_never_takes_a_packet(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.recorder.open(a_start(1))
        house.recorder.close(Attempt(1), "consent-withdrawn")
        await house.heard.hears("closed", 1)
        assert [what for what, *_ in house.heard.news] == ["closed"]
        assert house.catalogue.list()[0].reason == "consent-withdrawn"


async def test_beyond_the_limit_it_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    async with a_house(tmp_path, max_recordings=1) as house:
        house.recorder.open(a_start(1))
        house.recorder.open(a_start(2, RoomId("room-2")))
        await house.heard.hears("failed", 2, "limit-reached")
        await house.heard.hears("opened", 1)


async def test_where_the_media_plane_has_no_taps_it_fails_and_leaves_no_file(tmp_path: Path) -> None:
    async with a_house(tmp_path, max_taps=0) as house:
        house.recorder.open(a_start(1))
        await house.heard.hears("failed", 1, "recorder-failed")
        assert house.store.recordings() == []


async def test_a_disk_that_is_full_from_the_start_fails_it_and_the_catalogue_says_so(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.store.full = True
        house.recorder.open(a_start(1))
        await house.heard.hears("failed", 1, "disk-full")
        (entry,) = house.catalogue.list()
        assert (entry.state, entry.reason) == (State.CLOSED, "disk-full")
        house.store.full = False
        for recording in house.store.recordings():  # its manifest was never begun
            (tmp_path / "recordings" / recording / "manifest.jsonl").unlink()
            (tmp_path / "recordings" / recording).rmdir()


async def test_leaving_ends_what_is_still_open(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.recorder.open(a_start(1))
        await house.heard.hears("opened", 1)
    (entry,) = house.catalogue.list()
    assert (entry.state, entry.reason) == (State.CLOSED, "node-stopped")


async def test_a_bug_in_one_recording_costs_that_one(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        calls = 0
        create = house.store.create

        def failing(recording: RecordingId) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ZeroDivisionError("private words")
            create(recording)

        house.store.create = failing  # type: ignore[method-assign]
        house.recorder.open(a_start(1))
        house.recorder.open(a_start(2, RoomId("room-2")))
        await house.heard.hears("failed", 1, "recorder-failed")
        await house.heard.hears("opened", 2)


async def test_a_line_that_cannot_be_written_costs_the_one_recording_it_is_of(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        for attempt, room in ((1, ROOM), (2, RoomId("room-2"))):
            house.recorder.open(a_start(attempt, room))
            await house.heard.hears("opened", attempt)
        unwritable = notes.Joined(ParticipantId("x" * 300), Role.GUEST)
        house.recorder.note(Attempt(1), notes.Joined(ParticipantId("guest"), Role.GUEST))
        house.recorder.note(Attempt(1), unwritable)
        await house.heard.hears("failed", 1, "recorder-failed")
        # What was to be written with it is.
        failed = next(entry for entry in house.catalogue.list() if entry.reason == "recorder-failed")
        kinds = [type(line.line) for line in parse_manifest(house.store.manifest(failed.id))]
        assert kinds == [Start, Participant, Gap, Stop]
        # It ends as a recording that verifies, and the other one goes on.
        by_reason = {entry.reason for entry in house.catalogue.list()}
        assert by_reason == {"recorder-failed", None}
        house.recorder.close(Attempt(2), "stopped")
        await house.heard.hears("closed", 2)


async def test_a_room_does_not_wait_for_a_disk_that_never_takes_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_recording, "CLOSE_PATIENCE_S", 0.1)
    monkeypatch.setattr(live_recording, "RETRY_S", 0.05)
    async with a_house(tmp_path) as house:
        house.recorder.open(a_start(1))
        await house.heard.hears("opened", 1)
        house.store.full = True
        house.recorder.close(Attempt(1), "stopped")
        await house.heard.hears("failed", 1, "storage-failed")
        house.store.full = False
        async with asyncio.timeout(PATIENCE_S):
            while house.recorder.open_now:  # noqa: ASYNC110  nobody is told any more
                await asyncio.sleep(0.02)
        assert house.catalogue.list()[0].reason == "stopped"
        assert [what for what, *_ in house.heard.news].count("failed") == 1
        assert "closed" not in [what for what, *_ in house.heard.news]
