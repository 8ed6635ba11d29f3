"""`make bench-http`: what a join costs from the HTTP ticket on: ticket, WebSocket, offer answered.

Patients and doctors log in through the development provider, ask, claim and call, so that all that a ticket
needs is there: session, consultation, permissions. Then each joins over and over, some at a time. The server
is pinned to one core and the clients to the other where there are two.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.answers import answered
from loadtest.bench.cores import divided
from loadtest.bench.process_cost import cpu_s
from loadtest.client import Client
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.person import Person, a_person
from loadtest.reception import percentile
from loadtest.server_process import ServerProcess, running_server

SETTINGS = {"ITSME_ENVIRONMENT": "development", "WORKERS": "1", "FAIR_USE_PER_MONTH": "1000"}
PAIRS = (("emma", "claes"), ("youssef", "dubois"))
WARM_UP = 10
ROUNDS = 5
JOINS_A_ROUND = 60  # of each who joins
CAMERA = Traffic(video_bps=600_000)  # what the offer publishes; nothing is sent


@dataclass(frozen=True, slots=True)
class Step:
    """Milliseconds of one join."""

    ticket: float
    joined: float
    answered: float


@dataclass(frozen=True, slots=True)
class Round:
    steps: tuple[Step, ...]
    server_s: float
    wall_s: float


async def measure(server: ServerProcess) -> list[Round]:
    async with AsyncExitStack() as stack:
        joining: list[tuple[Person, str]] = []
        for patient_key, doctor_key in PAIRS:
            patient = await stack.enter_async_context(a_person(server.origin, patient_key))
            doctor = await stack.enter_async_context(a_person(server.origin, doctor_key, "doctor"))
            consultation = await _called(patient, doctor)
            await _let_in(stack, patient, doctor, consultation)
            joining.append((patient, consultation))
        await _round(server, joining, WARM_UP)
        return [await _round(server, joining, JOINS_A_ROUND) for _ in range(ROUNDS)]


async def _called(patient: Person, doctor: Person) -> str:
    """A consultation in which the doctor has called the patient."""
    questionnaire = (await patient.get("/questionnaire?lang=nl")).json
    texts = (await patient.get("/consent-texts?lang=nl")).json
    versions = {text["kind"]: text["version"] for text in texts}
    asked = await patient.post(
        "/consultations",
        {
            "questionnaire_response": answered(questionnaire),
            "language": "nl",
            "insurance_fund": "306",
            "location": "Gent",
            "consents": {"teleconsultation": {"granted": True, "text_version": versions["teleconsultation"]}},
            "notices": {
                kind: {"acknowledged": True, "text_version": versions[kind]}
                for kind in ("privacy-notice", "not-an-emergency")
            },
        },
    )
    assert asked.status == 201, asked
    consultation = str(asked.json["id"])
    assert (await doctor.put("/duty", {"on_duty": True, "languages": ["nl"]})).status == 200
    claimed = await doctor.post("/queue/claim", {"consultation": consultation})
    assert claimed.status == 200, claimed
    assert (await doctor.post(f"/consultations/{consultation}/call")).status == 200
    return consultation


async def _let_in(stack: AsyncExitStack, patient: Person, doctor: Person, consultation: str) -> None:
    """The doctor is there, and has let the patient in, who may come back from then on."""
    ticket = await _ticket(doctor, consultation)
    there = await stack.enter_async_context(Client(ticket[0], ticket[1]))
    ticket = await _ticket(patient, consultation)
    async with Client(ticket[0], ticket[1]) as waiting:
        me = waiting.room.me
        await there.until(lambda room: me in room.participants)
        await there.admit(me)
        await waiting.until(lambda room: room.admitted)


async def _ticket(person: Person, consultation: str) -> tuple[str, str]:
    answer = await person.post(f"/consultations/{consultation}/ticket", {})
    assert answer.status == 200, answer
    return answer.json["url"], answer.json["ticket"]


async def _round(server: ServerProcess, joining: Sequence[tuple[Person, str]], joins: int) -> Round:
    began, server_s = time.perf_counter(), cpu_s(server.pid)
    lanes = await asyncio.gather(*(_lane(person, consultation, joins) for person, consultation in joining))
    server_s = cpu_s(server.pid) - server_s
    return Round(tuple(step for lane in lanes for step in lane), server_s, time.perf_counter() - began)


async def _lane(person: Person, consultation: str, joins: int) -> list[Step]:
    steps = []
    for _ in range(joins):
        began = time.perf_counter()
        url, ticket = await _ticket(person, consultation)
        had_ticket = time.perf_counter()
        async with LeanParticipant(url, ticket, traffic=CAMERA, follow=False) as participant:
            taken = participant.steps
            assert taken.websocket is not None
            assert taken.answer is not None
            before_ms = 1000 * (had_ticket - began)
            steps.append(Step(before_ms, before_ms + taken.websocket, before_ms + taken.answer))
    return steps


def main() -> None:
    async def run() -> list[Round]:
        server_cores, client_cores = divided()
        if client_cores is not None:
            os.sched_setaffinity(0, client_cores)
        async with running_server(SETTINGS, cores=server_cores) as server:
            return await measure(server)

    rounds = uvloop.run(run())
    rates = [len(each.steps) / each.server_s for each in rounds]
    steps = [step for each in rounds for step in each.steps]
    figures = {
        "joins_per_cpu_second": percentile(rates, 0.5),
        "p50_ms": percentile([step.answered for step in steps], 0.5),
        "p99_ms": percentile([step.answered for step in steps], 0.99),
        "ticket_p50_ms": percentile([step.ticket for step in steps], 0.5),
        "cpu_ms_a_join": 1000 / (percentile(rates, 0.5) or 1),
        "joins": len(steps),
    }
    table = Table("", "", title="Joins: ticket over HTTP, join over the WebSocket, offer answered")
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}" if isinstance(value, float) else str(value))
    table.add_row("rounds, joins a CPU second", ", ".join(f"{rate:.0f}" for rate in rates))
    table.add_row("budget: CPU of the server for a join", "5 ms, 200 joins a CPU second")
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    print(json.dumps({name: value and round(value, 2) for name, value in figures.items()}))  # noqa: T201


if __name__ == "__main__":
    main()
