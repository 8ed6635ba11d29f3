"""What the application adds around a call: who is heard, what is silent, the figures, and a log without
people.

One whole consultation through a real server, logging all it can; the call itself is specified in
tests/interop.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio
from aiortc import AudioStreamTrack, MediaStreamTrack
from av import AudioFrame

from loadtest.client import Client, Publication, Source
from loadtest.events import Event, Speakers, TrackSilent
from tests.server_process import ServerProcess, running_server

PATIENT = "Annelies Verstraete-O'Brien"
DOCTOR = "Dr. Jan Peeters"
COMPLAINT = "It hurts here since last Tuesday"
CREDENTIAL = "turn-hunter2"
ROOM = "consultation-7"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Tone(AudioStreamTrack):
    """A loud 440 Hz tone, in real time."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        at = (np.arange(frame.samples) + (frame.pts or 0)) / frame.sample_rate
        wave = (np.sin(2 * np.pi * 440 * at) * 20_000).astype(np.int16)
        tone = AudioFrame.from_ndarray(wave.reshape(1, -1), layout="mono")
        tone.pts, tone.sample_rate, tone.time_base = frame.pts, frame.sample_rate, frame.time_base
        return tone


class Nothing(MediaStreamTrack):
    """A microphone that was unplugged."""

    kind = "audio"

    async def recv(self) -> AudioFrame:
        await asyncio.Event().wait()
        raise AssertionError


@dataclass
class Consultation:
    """What was seen of it, once it is over."""

    speakers: Speakers
    silent: TrackSilent
    unplugged: str
    doctor: str
    metrics: dict[str, float]
    log: str
    tickets: tuple[str, ...]


async def first(client: Client, kind: type[Event], timeout_s: float = 15.0) -> Event:
    async with asyncio.timeout(timeout_s):
        async for event in client.events():
            if isinstance(event, kind):
                return event
    raise AssertionError("the session ended")


async def held(server: ServerProcess) -> Consultation:
    for_doctor = await server.ticket("doctor", ROOM, DOCTOR)
    for_patient = await server.ticket("patient", ROOM, PATIENT)
    async with (
        Client(for_doctor.url, for_doctor.ticket) as doctor,
        Client(for_patient.url, for_patient.ticket) as patient,
    ):
        heard = asyncio.create_task(first(patient, Speakers))
        fallen = asyncio.create_task(first(patient, TrackSilent))
        await doctor.publish(Publication(Tone(), Source.MICROPHONE))
        [unplugged] = await patient.publish(Publication(Nothing(), Source.MICROPHONE))
        await patient.relay(None, "chat", COMPLAINT.encode())
        speakers, silent = await heard, await fallen
        assert isinstance(speakers, Speakers)
        assert isinstance(silent, TrackSilent)
        metrics = await server.metrics()
        me = doctor.joined.me
        await doctor.end()
    await server.stop()
    tickets = (for_doctor.ticket, for_patient.ticket)
    return Consultation(speakers, silent, unplugged, me, metrics, server.log(), tickets)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def consultation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Consultation]:
    servers = [{"urls": ["turn:turn.example"], "username": "u", "credential": CREDENTIAL}]
    settings = {"WORKERS": "1", "LOG_LEVEL": "debug", "ICE_SERVERS": json.dumps(servers)}
    async with running_server(settings, beneath=tmp_path_factory.mktemp("server")) as server:
        yield await held(server)


async def test_the_others_are_told_who_is_heard_and_how_loud(consultation: Consultation) -> None:
    [(participant, level)] = consultation.speakers.levels
    assert participant == consultation.doctor
    assert -30 < level <= 0


async def test_a_microphone_from_which_nothing_comes_is_told(consultation: Consultation) -> None:
    assert consultation.silent.id == consultation.unplugged


async def test_the_metrics_tell_of_the_call(consultation: Consultation) -> None:
    metrics = consultation.metrics
    assert metrics["teleconsult_transports"] == 2
    assert metrics["teleconsult_tracks"] == 2
    assert metrics["teleconsult_sessions"] == 2
    assert metrics["teleconsult_rooms"] == 1
    assert metrics['teleconsult_joins_total{result="ok"}'] == 2
    for step in ("ticket", "join", "offer", "ice", "dtls"):
        assert metrics[f'teleconsult_join_step_seconds_count{{step="{step}"}}'] >= 2
    for direction in ("in", "out"):
        assert metrics[f'teleconsult_media_packets_total{{direction="{direction}",kind="audio"}}'] > 10
    assert metrics['teleconsult_worker_busy_seconds_total{worker="0"}'] > 0


async def test_nothing_that_was_said_or_shown_is_in_the_log(consultation: Consultation) -> None:
    log = consultation.log
    assert "transport.connected" in log, "it logged at all"
    private = [PATIENT, DOCTOR, COMPLAINT, CREDENTIAL, "turn.example", *consultation.tickets]
    pieces = {piece for value in private for piece in (value, *value.split()) if len(piece) > 4}
    assert [piece for piece in pieces if piece in log] == []
    for mark in ("eyJ", "v=0", "a=ice", "ice-pwd", "candidate:", "127.0.0.1"):
        assert mark not in log
    assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
