"""Somebody under sixteen logs in: may look, and may not ask for a doctor alone."""

from collections.abc import Mapping

import pytest

from tests.consultation.person import Person, a_person
from tests.consultation.records import audit
from tests.consultation.story import a_request, ask
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_is_under_sixteen_logs_in_and_is_told_that_an_adult_has_to_ask(
    server: ServerProcess,
) -> None:
    async with a_person(server.origin, "lou") as lou:
        me = (await lou.get("/me")).json
        assert (me["role"], me["patient"]["needs_proxy"]) == ("patient", True)
        assert (await lou.get("/questionnaire?lang=nl")).status == 200
        refused = await lou.post("/consultations", await a_request(lou))
        assert (refused.status, refused.code) == (403, "proxy-needed")
        for_another = {
            "given_name": "Noor",
            "family_name": "Maes",
            "relationship": "sibling",
            "birthdate": "2021-01-01",
        }
        refused = await lou.post("/consultations", await a_request(lou, proxy_for=for_another))
        assert (refused.status, refused.code) == (403, "proxy-needed"), "a child speaks for nobody"
        assert (await lou.get("/me")).json["patient"]["active_consultation"] is None
        assert audit(server, action="consultation.created", actor=me["id"]) == []


async def test_an_adult_who_logs_in_asks_for_the_child(people: Mapping[str, Person]) -> None:
    emma = people["emma"]
    assert (await emma.get("/me")).json["patient"]["needs_proxy"] is False
    child = {"given_name": "Lou", "family_name": "Maes", "relationship": "parent", "birthdate": "2020-05-04"}
    assert await ask(emma, proxy_for=child)
