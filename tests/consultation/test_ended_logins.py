"""A login that ends, ends the bearer's stay in the room as well, at once and on every node."""

import asyncio
import sys
from collections.abc import Mapping

import pytest

from loadtest import Client
from tests.consultation.call import a_call, in_the_room, within_a_second
from tests.consultation.person import Person, a_person
from tests.consultation.records import audit
from tests.consultation.story import called
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]


async def out(client: Client) -> bool:
    return client.over is not None


async def test_who_logs_out_is_out_of_the_call_within_a_second(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    async with a_person(server.origin, "emma") as elsewhere, a_call(claes, elsewhere, id_) as (hers, his):
        other_device = his.room.me
        assert (await elsewhere.post("/auth/logout")).status == 204
        await within_a_second(lambda: out(his))
        await hers.until(lambda room: other_device not in room.participants)
        assert hers.over is None
    async with in_the_room(emma, id_) as back:
        assert back.room.admitted, "the login at the other device stands, and so does the doctor's word"


async def test_a_login_that_ended_elsewhere_leaves_those_of_the_same_person(
    server: ServerProcess, people: People
) -> None:
    emma, youssef = people["emma"], people["youssef"]
    id_, other_id = await called(emma, people["claes"]), await called(youssef, people["dubois"])
    async with (
        a_person(server.origin, "emma") as elsewhere,
        a_person(server.origin, "youssef") as leaver,
        in_the_room(emma, id_) as waiting,
        in_the_room(leaver, other_id) as his,
    ):
        assert (await elsewhere.post("/auth/logout")).status == 204
        assert (await leaver.post("/auth/logout")).status == 204
        await within_a_second(lambda: out(his))  # whoever was to be cut off for the first has been by now
        await waiting.report_stats({}, {})
        assert waiting.over is None


async def test_an_operator_ends_all_sessions_of_a_person(server: ServerProcess) -> None:
    origin = server.origin
    async with a_person(origin, "peeters", "doctor") as here, a_person(origin, "peeters", "doctor") as there:
        person = (await here.get("/me")).json["id"]
        status, said = await teleconsult(server, "sessions", "revoke", "--person", person)
        assert (status, said.split()[1:]) == (0, ["sessions", "ended"])
        for session in (here, there):
            assert (await session.get("/me")).code == "not-logged-in"
        noted = audit(server, actor=person, action="session.revoked", why="operator")
        assert len(noted) == int(said.split()[0])


async def teleconsult(server: ServerProcess, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media_server.cli",
        *arguments,
        env={"TELECONSULT_DATA_DIR": str(server.data_dir), "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
