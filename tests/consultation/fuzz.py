"""Every endpoint of the OpenAPI document asked what its schemas allow, and what they don't, by schemathesis.

Nothing that comes back may be a 500, nor anything that the document does not say: status, content type, body.
A part of what is asked is about a consultation that is really there, as its patient and as its doctor, and is
opened anew whenever what was asked has ended it.

`make fuzz-http` asks long; the last line it prints is one JSON object.
"""

import asyncio
import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.consultation.person import Person, a_person
from tests.consultation.story import called, end_everything, on_duty
from tests.server_process import ServerProcess, running_server

# Left out: what asks that a valid request succeed (it may be somebody else's to make, or too late for it) and
# what logs somebody out to see whether that is noticed (test_permissions.py does, for every endpoint).
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
ROLES = ("nobody", "patient", "doctor")
CASES = 10_000


@dataclass(slots=True)
class Tally:
    """`failures`: what each is about, once for each operation and kind."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    slowest_s: float = 0.0

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status == 500 or status > 503)


class Stage:
    """A patient and a doctor with a consultation that is being held."""

    def __init__(self, patient: Person, doctor: Person) -> None:
        self.patient = patient
        self.doctor = doctor
        self._known: dict[str, str] = {}

    async def known(self) -> Mapping[str, str]:
        """Ids to fill paths with; of a new consultation, if the last is over."""
        id_ = self._known.get("consultation")
        if id_ is not None:
            state = (await self.patient.get(f"/consultations/{id_}")).json["state"]
            if state == "in-progress":
                return self._known
        await end_everything([self.doctor], [self.patient])
        id_ = await called(self.patient, self.doctor)
        added = await self.patient.call(
            "POST", f"/consultations/{id_}/attachments", b"%PDF-1.7", {"Content-Type": "application/pdf"}
        )
        await on_duty(self.doctor)
        self._known = {"consultation": id_, "attachment": added.json["id"]}
        return self._known


async def fuzz(server: ServerProcess, stage: Stage, cases: int, seed: int) -> Tally:
    """So many cases at least, as even as can be over operations and roles: where there is little to ask, the
    others are asked more.
    """
    tally = Tally()
    people = {"patient": stage.patient, "doctor": stage.doctor}
    document = (await stage.patient.get("/openapi.json")).json
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"{server.origin}/v1")
    found = list(schema.get_all_operations())
    assert all(isinstance(result, Ok) for result in found), "the document describes something that is none"
    # Logging in sends a browser to and fro, and out ends the very session that the others are asked by.
    apart = ("/auth/itsme/", "/auth/logout")
    described = (result.ok() for result in found if isinstance(result, Ok))
    operations = [each for each in described if not each.path.startswith(apart)]
    with requests.Session() as session:
        while (missing := cases - tally.cases) > 0:
            each = -(-missing // (len(operations) * len(ROLES)))
            for operation, role in itertools.product(operations, ROLES):
                known = await stage.known()
                headers = people[role].headers_of_the_page() if role in people else {}
                batch = Batch(operation, headers, known, session, tally)
                # In no thread: a random number drawn beside it Hypothesis takes for the strategy's doing.
                batch.run(each, seed)
            seed += 1
    return tally


@dataclass(frozen=True, slots=True)
class Batch:
    """Cases of one operation as one person."""

    operation: Any
    headers: Mapping[str, str]
    known: Mapping[str, str]
    session: requests.Session
    tally: Tally

    def run(self, examples: int, seed: int) -> None:
        strategies = [self.operation.as_strategy(GenerationMode.POSITIVE)]
        with contextlib.suppress(Exception):  # nothing can be wrong with an operation that takes nothing
            negative = self.operation.as_strategy(GenerationMode.NEGATIVE)
            negative.validate()
            strategies.append(negative)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=st.one_of(strategies), real=st.integers(0, 3))
        def ask(case: "Case[Any]", real: int) -> None:
            if real:  # three of four times
                case.path_parameters = dict(case.path_parameters or {}) | self._filling(case)
            self._ask(case)

        ask()

    def _filling(self, case: "Case[Any]") -> dict[str, str]:
        return {name: value for name, value in self.known.items() if name in (case.path_parameters or {})}

    def _ask(self, case: "Case[Any]") -> None:
        if self.headers:  # whoever is somebody shows that, and not what was made up for it
            case.cookies = {}
            for name in ("Authorization", "X-CSRF-Token"):
                case.headers.pop(name, None)
        began = time.monotonic()
        response = case.call(session=self.session, headers=dict(self.headers))
        self.tally.slowest_s = max(self.tally.slowest_s, time.monotonic() - began)
        self.tally.cases += 1
        self.tally.statuses[response.status_code] += 1
        for check in CHECKS:
            if check is negative_data_rejection and not _still_wrong(case):
                continue
            try:
                case.validate_response(response, checks=[check], headers=dict(self.headers))
            except FailureGroup as failure:
                self.tally.failures.setdefault((self.operation.label, check.__name__), _told(failure, case))


def _still_wrong(case: "Case[Any]") -> bool:
    """Whether what was made wrong on purpose is in body or query: paths and headers were made good again."""
    assert case.meta is not None, "it was generated"
    parts = case.meta.components
    body, query = (parts.get(where) for where in (ParameterLocation.BODY, ParameterLocation.QUERY))
    if body is not None and body.mode is GenerationMode.NEGATIVE:
        return True
    return query is not None and query.mode is GenerationMode.NEGATIVE and _is_query_wrong(case)


def _is_query_wrong(case: "Case[Any]") -> bool:
    """In what is declared of it; other parameters are ignored."""
    given = case.query or {}
    return any(
        not declared.is_valid(given[declared.name]) if declared.name in given else declared.is_required
        for declared in case.operation.query
    )


def _told(failure: FailureGroup, case: "Case[Any]") -> str:
    inner = failure.exceptions[0]
    return f"{type(inner).__name__}: {inner} :: {case.as_curl_command()}"[:1500]


@asynccontextmanager
async def a_stage(server: ServerProcess) -> AsyncIterator[Stage]:
    async with (
        a_person(server.origin, "emma") as patient,
        a_person(server.origin, "claes", "doctor") as doctor,
    ):
        yield Stage(patient, doctor)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def main(cases: int) -> int:
    seed = random.SystemRandom().randrange(1 << 32)
    _say(f"Asking {cases:,} times, seed {seed}")
    settings = {"ITSME_ENVIRONMENT": "development", "FAIR_USE_PER_MONTH": "1000", "WORKERS": "1"}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-http-") as folder:
        async with running_server(settings, beneath=Path(folder)) as server, a_stage(server) as stage:
            tally = await fuzz(server, stage, cases, seed)
            failed = server.log().count('"http.failed"')
    for (operation, check), told in sorted(tally.failures.items()):
        _say(f"{operation}: {check}: {told}")
    for status, count in sorted(tally.statuses.items()):
        _say(f"{status}: {count:,}")
    said = {
        "cases": tally.cases,
        "server_errors": tally.server_errors,
        "failures": len(tally.failures),
        "logged_failures": failed,
        "slowest_ms": round(tally.slowest_s * 1000),
        "seconds": round(time.monotonic() - began),
        "seed": seed,
    }
    _say(json.dumps(said))
    return 1 if tally.failures or tally.server_errors or failed or tally.cases < cases else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CASES)))
