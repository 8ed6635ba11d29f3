"""What is said at one node holds at the other: consents, sessions, claims, answers given once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from loadtest import Refused
from media_server.consulting import medical_file_key
from media_server.medical_file import file_name
from media_server.recording.identity import make_identity_file
from media_server.records import FieldKeys
from signalling import Private
from tests.consultation.call import a_call, in_the_room, record, until_heard, within_a_second
from tests.consultation.conftest import CAST, EMMAS_NUMBER
from tests.consultation.person import Person, a_person
from tests.consultation.story import (
    MEDICAL_FILE,
    a_guest,
    a_request,
    ask,
    called,
    claim,
    consent,
    end_everything,
    on_duty,
)
from tests.postgresql_server import PostgreSQLServer
from tests.redis_server import running_redis
from tests.server_process import ServerProcess, running_server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Two of one service; everybody is logged in at both, with sessions of their own."""

    servers: tuple[ServerProcess, ServerProcess]
    here: Mapping[str, Person]
    there: Mapping[str, Person]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQLServer
) -> AsyncIterator[Nodes]:
    folder = tmp_path_factory.mktemp("two-nodes")
    files = folder / "files"
    files.mkdir()
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis())
        await redis.seem_in_use()  # else the first room has to wait until all owners had spoken
        settings = {
            "ITSME_ENVIRONMENT": "development",
            "WORKERS": "1",
            "FAIR_USE_PER_MONTH": "1000",
            "POLICY": "consented-recording",
            "RECORDING_CUSTODIANS": make_identity_file(folder / "custodian.key"),
            "MEDICAL_FILES_DIR": str(files),
            "REPORTS_DIR": str(folder / "reports"),
            "REDIS_URL": redis.url,
            "DATABASE_URL": postgresql.url(postgresql.fresh_database()),
            "KEYS_DIR": str(folder / "keys"),
        }
        first, second = await asyncio.gather(
            *(
                stack.enter_async_context(running_server(settings | {"NODE_ID": name}, beneath=folder))
                for name in ("one", "two")
            )
        )
        _place_medical_file(folder / "keys", files)
        here, there = [
            {
                key: await stack.enter_async_context(a_person(server.origin, key, role))
                for key, role in CAST.items()
            }
            for server in (first, second)
        ]
        yield Nodes((first, second), here, there)


def _place_medical_file(keys: Path, files: Path) -> None:
    key = medical_file_key(FieldKeys.open(keys / "fields"))
    (files / file_name(key, Private(EMMAS_NUMBER))).write_bytes(MEDICAL_FILE)


@pytest_asyncio.fixture(loop_scope="session")
async def nodes(both: Nodes) -> AsyncIterator[Nodes]:
    yield both
    here = both.here
    await end_everything([here["claes"], here["dubois"]], [here["emma"], here["youssef"], here["sofie"]])


async def test_a_file_that_was_opened_here_is_closed_there(nodes: Nodes) -> None:
    emma, claes = nodes.here["emma"], nodes.there["claes"]
    id_ = await called(emma, claes)
    file = f"/consultations/{id_}/medical-file"
    assert (await claes.get(file)).code == "consent-needed"
    await consent(emma, id_, "medical_file_access")
    assert (await claes.get(file)).status == 200
    await consent(emma, id_, "medical_file_access", granted=False)
    assert (await claes.get(file)).code == "consent-needed", "at once: it is asked for at the moment of use"


async def test_a_session_that_ended_here_is_over_there(nodes: Nodes) -> None:
    first, second = nodes.servers
    async with a_person(first.origin, "sofie") as sofie:
        there = sofie.at(second.origin)
        assert (await there.get("/me")).status == 200, "one session, two nodes"
        await sofie.log_out_and_keep_the_cookie()
        assert (await there.get("/me")).code == "not-logged-in"


@pytest.mark.parametrize("told_at", ["here", "there"])
async def test_what_is_recorded_stops_wherever_the_consent_is_withdrawn(nodes: Nodes, told_at: str) -> None:
    emma, claes = nodes.here["emma"], nodes.here["claes"]
    id_ = await called(emma, claes)
    async with a_call(claes, emma, id_) as (hers, his):
        await record(hers, his)
        teller: Person = getattr(nodes, told_at)["emma"]
        assert (await consent(teller, id_, "recording", granted=False)).json["state"] == "withdrawn"

        async def off() -> bool:
            return his.room.recording == "off"

        await within_a_second(off)


@pytest.mark.parametrize("told_at", ["here", "there"])
async def test_a_guest_is_out_wherever_the_consent_is_withdrawn(nodes: Nodes, told_at: str) -> None:
    emma, claes = nodes.here["emma"], nodes.here["claes"]
    id_ = await called(emma, claes)
    teller: Person = getattr(nodes, told_at)["emma"]
    async with (
        a_guest(nodes.there["claes"], id_) as guest,
        a_call(claes, emma, id_) as (hers, _),
        in_the_room(guest, id_) as third,
    ):
        with pytest.raises(Refused, match="consent-needed"):
            await hers.admit(third.room.me)
        assert await third.packets() == {}
        await consent(teller, id_, "third_party_presence")
        await hers.admit(third.room.me)
        await until_heard(third)
        await consent(teller, id_, "third_party_presence", granted=False)

        async def out() -> bool:
            return third.over is not None

        await within_a_second(out)


async def test_who_cancels_there_is_told_in_the_waiting_room_here(nodes: Nodes) -> None:
    id_ = await ask(nodes.here["emma"])
    async with in_the_room(nodes.here["emma"], id_) as waiting:
        await consent(nodes.there["emma"], id_, "teleconsultation", granted=False)

        async def over() -> bool:
            return waiting.over is not None

        await within_a_second(over)
    await on_duty(nodes.here["claes"])
    assert (await claim(nodes.here["claes"])).code == "queue-empty"


async def test_two_doctors_who_claim_at_once_never_get_the_same_patient(nodes: Nodes) -> None:
    waiting = {await ask(nodes.here[key]) for key in ("emma", "youssef")}
    doctors = [nodes.here["claes"], nodes.there["claes"], nodes.here["dubois"], nodes.there["dubois"]]
    for doctor in doctors:
        await on_duty(doctor)
    answers = await asyncio.gather(*(claim(doctor) for doctor in doctors))
    assert [answer.status for answer in answers] == [200] * 4
    claes, claes_again, dubois, dubois_again = (answer.json["id"] for answer in answers)
    assert claes == claes_again, "a doctor who asks twice has one patient"
    assert dubois == dubois_again
    assert {claes, dubois} == waiting


async def test_the_same_request_at_both_nodes_is_done_once(nodes: Nodes) -> None:
    body = await a_request(nodes.here["emma"])
    key = {"Idempotency-Key": "two-nodes-1"}
    here, there = await asyncio.gather(
        nodes.here["emma"].call("POST", "/consultations", body, key),
        nodes.there["emma"].call("POST", "/consultations", body, key),
    )
    ids = {answer.json["id"] for answer in (here, there) if answer.status == 201}
    assert len(ids) == 1
    assert {answer.code for answer in (here, there)} <= {None, "in-progress"}
    again = await nodes.there["emma"].call("POST", "/consultations", body, key)
    assert (again.status, again.json["id"], again.headers.get("Idempotent-Replay")) == (
        201,
        ids.pop(),
        "true",
    )
