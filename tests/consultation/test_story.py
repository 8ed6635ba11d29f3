"""A consultation from login to report, as programs see it."""

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.consultation.person import a_person
from tests.consultation.story import GP, ask, claim, consent, on_duty
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_from_the_questions_to_the_report(server: ServerProcess) -> None:
    async with (
        a_person(server.origin, "emma") as patient,
        a_person(server.origin, "claes", "doctor") as doctor,
    ):
        me = (await patient.get("/me")).json
        assert me["patient"]["active_consultation"] is None
        id_ = await ask(patient)
        at = f"/consultations/{id_}"
        waiting = (await patient.get(at)).json
        assert (waiting["state"], waiting["queue"]["position"]) == ("arrived", 1)

        await on_duty(doctor, "nl")
        queue = (await doctor.get("/queue")).json["waiting"]
        assert [(one["consultation"], one["position"]) for one in queue] == [(id_, 1)]
        claimed = await claim(doctor)
        assert (claimed.json["id"], claimed.json["state"]) == (id_, "triaged")
        assert (await patient.get(at)).json["queue"]["position"] == 0

        intake = (await doctor.get(f"{at}/intake")).json
        quoted = [
            line for section in intake["summary"]["sections"] for line in section["lines"] if line["quoted"]
        ]
        assert quoted[0]["value"] == "Sinds gisteren keelpijn en koorts"
        assert (await doctor.post(f"{at}/call")).json == {"attempt": 1}
        for person, role in ((patient, "patient"), (doctor, "doctor")):
            ticket = (await person.post(f"{at}/ticket", {})).json
            assert set(ticket) == {"ticket", "url", "expires_in", "participant"}, role

        assert (await doctor.get(f"{at}/medical-file")).code == "consent-needed"
        assert (await consent(patient, id_, "medical_file_access")).json["state"] == "granted"
        assert (await doctor.get(f"{at}/medical-file")).json["resourceType"] == "Bundle"
        note = {"text": "Virale faryngitis.", "advice": "Rust en veel drinken."}
        assert (await doctor.put(f"{at}/note", note)).status == 204
        medicine = {"atc": "N02BE01", "display": "Paracetamol 1 g", "dose": "1 g, drie keer per dag"}
        assert (await doctor.post(f"{at}/prescriptions", medicine)).status == 201
        blocked = await doctor.post(f"{at}/prescriptions", medicine | {"atc": "N05BA01"})
        assert (blocked.status, blocked.code) == (422, "medicine-blocked")
        referral = {"to": "specialist", "specialty": "NKO", "urgency": "routine", "reason": "Herhaald."}
        assert (await doctor.post(f"{at}/referrals", referral)).status == 201
        assert (await doctor.post(f"{at}/report")).code == "consent-needed"
        assert (await consent(patient, id_, "report_to_gp", recipient=GP)).status == 200
        assert (await doctor.post(f"{at}/report")).code == "incomplete"
        closed = await doctor.post(f"{at}/close", {"outcome": "treatment", "icpc2": "R74"})
        assert (closed.json["state"], closed.json["outcome"]) == ("finished", "treatment")

        folder = server.data_dir / "reports" / GP["nihdi"]
        before = set(folder.glob("*.json"))  # of other tests
        sent = await doctor.post(f"{at}/report")
        assert sent.status == 202
        await until(lambda: set(folder.glob("*.json")) > before)
        assert (await doctor.post(f"{at}/report")).status == 202  # once more changes nothing
        reports = sorted(set(folder.glob("*.json")) - before)
        assert len(reports) == 1
        bundle = json.loads(reports[0].read_text())
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "document")

        copy = await patient.get(f"{at}/copy?lang=fr")
        assert copy.status == 200
        assert "Virale faryngitis." in copy.body.decode()
        assert (await patient.post(f"{at}/rating", {"score": 5})).status == 204
        assert (await patient.post(f"{at}/rating", {"score": 5})).code == "already-rated"
        trail = {entry["what"] for entry in (await patient.get("/audit-trail")).json}
        assert {"consultation.created", "intake.read", "medical-file.read", "report.queued"} <= trail


async def until(condition: Callable[[], bool]) -> None:
    """What another process does on a disk tells nobody."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
