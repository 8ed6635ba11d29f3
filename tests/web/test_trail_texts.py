"""Patients read in words who did what with their data: all that the server writes down has some.

Acts are found in the source: a literal such as `report.queued` in a module that writes to the audit log.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import media_server
from media_server.consents import ConsentState
from media_server.consultations.states import Step

ROOT = Path(media_server.__file__).parent
TEXTS = ROOT / "web" / "consultation" / "patient"
WRITES = re.compile(r"AuditEntry\(|\bnote\(|\brefused\(")
ACT = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
COMPOSED = {
    "consultation.": [step.value for step in Step],
    "consent.": [state.value for state in ConsentState],
    "intake-warning.": ["call-112", "continue"],
}
# About no consultation: nothing of it comes into a patient's trail.
OTHERS = {
    "doctor.bound",
    "doctor.rebound",
    "doctors.import",
    "duty.off",
    "duty.on",
    "patient.created",
    "patient.rebound",
    "patient.renumbered",
    "records.key-rotated",
    "records.purged",
}


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_whatever_is_written_down_of_a_consultation_has_words(language: str) -> None:
    written = {act for path in sorted(ROOT.rglob("*.py")) for act in _acts(path.read_text())}
    assert {"report.abandoned", "consultation.return", "consent.granted", "guest.uninvited"} <= written
    texts = (TEXTS / f"texts_{language}.js").read_text()
    told = set(re.findall(r'^  "trail\.what\.([^"]+)": "', texts, re.M))
    assert written - OTHERS - told == set()


def _acts(source: str) -> Iterator[str]:
    if not WRITES.search(source):
        return
    tree = ast.parse(source)
    logged = {id(word) for node in ast.walk(tree) if _logs(node) for word in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(act)) if ACT.fullmatch(act) and id(node) not in logged:
                yield act
            case ast.JoinedStr(values=[ast.Constant(value=str(kind)), _]) if ACT.fullmatch(f"{kind}x"):
                yield from (kind + rest for rest in COMPOSED[kind])


def _logs(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
            return True
    return False
