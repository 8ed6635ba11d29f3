"""Recordings of one's own consultations: sealed segments to take away, and their key to destroy.

The server cannot open them: a segment is an age file for this recording's key, which its custodians hold.
Segments are where they were written: a node shows those of its own folder.
"""

import asyncio
from datetime import datetime

from aiohttp import web

from auth import Operation, Role, Standing
from media_server.api import Answer, Call, Caller, Endpoint, NotFound, Parameter, standing_of
from media_server.consultations import Consultation, NoSuchConsultation
from media_server.endpoints.auditing import note
from media_server.endpoints.models import Shown
from media_server.endpoints.services import Services, moment, moment_or_none
from media_server.recording.catalogue import Catalogue, Entry, State
from media_server.recording.erasure import erase
from media_server.recording.errors import RecordingError, UnknownRecording
from media_server.recording.folder_store import FolderStore
from media_server.recording.ids import RecordingId
from media_server.recording.manifest import Signer

_RECORDING = Parameter(
    "recording", "The recording's id", pattern=r"^[A-Za-z0-9_-]{16,64}(\.[1-9][0-9]{0,3})?$"
)
_NUMBER = Parameter("number", "Which segment, from 1", pattern=r"^[1-9][0-9]{0,6}$")
_SEGMENT_TYPE = "application/x-age"


class RecordingShown(Shown):
    """`state`: recording, closed, crashed or erased."""

    id: str
    consultation: str
    state: State
    started_at: datetime
    ended_at: datetime | None = None
    segments: int
    bytes: int


class RecordingsShown(Shown):
    recordings: list[RecordingShown]


class ErasureShown(Shown):
    """The signed receipt, one line of JSON."""

    receipt: str


class RecordingEndpoints:
    def __init__(self, services: Services, catalogue: Catalogue, signer: Signer) -> None:
        self._services = services
        self._catalogue = catalogue
        self._signer = signer
        self._segments = FolderStore(services.settings.recordings_folder)

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/recordings/{recording}"
        return (
            Endpoint(
                "GET",
                "/recordings",
                Operation.LIST_RECORDINGS,
                "Recordings of one's own consultations",
                self._list,
                answer=RecordingsShown,
            ),
            Endpoint(
                "GET",
                at,
                Operation.GET_RECORDING,
                "One recording",
                self._get,
                answer=RecordingShown,
                path_parameters=(_RECORDING,),
            ),
            Endpoint(
                "GET",
                f"{at}/segments/{{number}}",
                Operation.GET_SEGMENT,
                "One sealed segment, an age file",
                self._segment,
                media_types=(_SEGMENT_TYPE,),
                path_parameters=(_RECORDING, _NUMBER),
            ),
            Endpoint(
                "DELETE",
                at,
                Operation.ERASE_RECORDING,
                "Destroy its key, so that nobody can open it any more",
                self._erase,
                answer=ErasureShown,
                path_parameters=(_RECORDING,),
            ),
        )

    async def _list(self, call: Call[None]) -> Answer:
        return Answer(RecordingsShown(recordings=await asyncio.to_thread(self._own, call.who)))

    def _own(self, caller: Caller) -> list[RecordingShown]:
        store = self._services.store
        theirs = store.of_patient if caller.role is Role.PATIENT else store.of_doctor
        rooms = {consultation.id for consultation in theirs(caller.person, 0)}
        return [_shown(entry) for entry in self._catalogue.of_rooms(rooms)]

    async def _get(self, call: Call[None]) -> Answer:
        entry, _ = await asyncio.to_thread(self._find, call)
        return Answer(_shown(entry))

    async def _segment(self, call: Call[None]) -> web.Response:
        content = await asyncio.to_thread(self._read_segment, call)
        return web.Response(body=content, content_type=_SEGMENT_TYPE, headers={"Cache-Control": "no-store"})

    def _read_segment(self, call: Call[None]) -> bytes:
        entry, consultation = self._find(call)
        number = int(call.path["number"])
        try:
            names = self._segments.segments(entry.id)
            if number > len(names):
                raise NotFound("there is no such segment here")
            with self._segments.open_segment(entry.id, names[number - 1]) as file:
                content = file.read()
        except RecordingError:
            raise NotFound("there is no such segment here") from None
        note(
            self._services,
            consultation,
            call.who.person,
            call.who.role.value,
            "recording.read",
            details={"segment": number},
        )
        return content

    async def _erase(self, call: Call[None]) -> Answer:
        return Answer(ErasureShown(receipt=await asyncio.to_thread(self._destroy, call)))

    def _destroy(self, call: Call[None]) -> str:
        entry, consultation = self._find(call)
        erased = erase(self._catalogue, self._signer, entry.id, self._services.clock_us())
        note(self._services, consultation, call.who.person, call.who.role.value, "recording.erased")
        return erased.receipt

    def _find(self, call: Call[None]) -> tuple[Entry, Consultation]:
        """Raises NotFound, also for what is somebody else's."""
        missing = NotFound("there is no such recording")
        try:
            entry = self._catalogue.get(RecordingId(call.path["recording"]))
            consultation = self._services.store.get(entry.room)
        except (UnknownRecording, NoSuchConsultation):
            raise missing from None
        if standing_of(call.who, consultation) not in (Standing.ITS_PATIENT, Standing.ITS_DOCTOR):
            raise missing
        return entry, consultation


def _shown(entry: Entry) -> RecordingShown:
    return RecordingShown(
        id=entry.id,
        consultation=entry.room,
        state=entry.state,
        started_at=moment(entry.started_at_us),
        ended_at=moment_or_none(entry.ended_at_us),
        segments=entry.segments,
        bytes=entry.bytes,
    )
