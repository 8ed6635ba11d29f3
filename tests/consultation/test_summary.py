"""What the doctor reads before the call says, besides the answers, what the patient was shown and when."""

import re
from collections.abc import Mapping

import pytest

from tests.consultation.person import Person
from tests.consultation.story import NOTICES, ask, claim, on_duty, text_versions

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]


async def test_the_summary_says_which_notices_were_acknowledged(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    versions = await text_versions(emma)
    said = await summary(claes, await ask(emma))
    for kind, label in zip(NOTICES, ("Privacy notice", "“Not an emergency” notice"), strict=True):
        assert f"  {label}: read and acknowledged (version {versions[kind]})\n" in said


async def test_who_went_on_past_the_stop_screen_and_then_answered_otherwise_leaves_a_trace(
    people: People,
) -> None:
    emma, claes, dubois = people["emma"], people["claes"], people["dubois"]
    warned = {"choice": "continue", "flags": ["alarm.now"], "questionnaire_version": "1.0.0"}
    assert (await emma.post("/intake-warnings", warned)).status == 204
    changed = await ask(emma)
    said = await summary(claes, changed)
    shown = r"  112 notice: shown; the patient chose to go on at \d{4}-\d\d-\d\d \d\d:\d\d \(Belgian time\)"
    assert re.search(shown + " and answered otherwise afterwards: no alarm sign in these answers\n", said)
    assert (await claes.post(f"/consultations/{changed}/give-back")).status == 204
    assert (await emma.post(f"/consultations/{changed}/cancel")).status == 200
    # It was said of that intake, and not of the next.
    unwarned = await ask(emma)
    assert "112 notice" not in await summary(dubois, unwarned)
    assert (await dubois.post(f"/consultations/{unwarned}/give-back")).status == 204
    assert (await emma.post(f"/consultations/{unwarned}/cancel")).status == 200
    kept = await ask(emma, flag=True, continue_despite_warning=True)
    assert re.search(shown + "\n", await summary(claes, kept))


async def summary(doctor: Person, consultation: str) -> str:
    """As text, in English, once the doctor has taken it."""
    await on_duty(doctor)
    assert (await claim(doctor, consultation)).status == 200
    read = await doctor.get(f"/consultations/{consultation}/intake?lang=en")
    assert read.status == 200, read
    return str(read.json["summary"]["text"])
