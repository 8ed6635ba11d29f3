"""What a doctor may conclude with: bounded, nothing dropped, nothing quoted, no way past the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import auth
import signalling
from media_server.languages import Language
from media_server.outcome import (
    AtcRules,
    Certificate,
    Closure,
    Decision,
    Kind,
    MedicineBlocked,
    MedicineUnknown,
    Note,
    OutcomeKind,
    Prescription,
    PrescriptionIntent,
    Rating,
    Referral,
    Verdict,
    prescribe,
)

RULES = AtcRules.built_in()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def an_intent(**changed: Any) -> PrescriptionIntent:
    return PrescriptionIntent.model_validate(
        {"atc": "J01CA04", "display": "Amoxicilline 500 mg", "dose": "3 x 1 per dag, 7 dagen"} | changed
    )


def a_certificate(**changed: Any) -> Certificate:
    fields: dict[str, Any] = {
        "attended_from": NOON,
        "attended_to": NOON + timedelta(minutes=12),
        "doctor_name": "Dr. Ann Claes",
        "doctor_nihdi": "10829059004",
        "issued_at": NOON + timedelta(minutes=13),
    }
    return Certificate.model_validate(fields | changed)


def faulty(model: type[BaseModel], **fields: Any) -> str:
    """What is said of fields that the model refuses."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(fields)
    return str(refused.value)


# --- Prescriptions ---


def test_a_medicine_that_the_rules_allow_is_prescribed_with_their_decision() -> None:
    prescription = prescribe(an_intent(), RULES)
    assert prescription.intent == an_intent()
    assert prescription.decision == Decision(Verdict.ALLOWED, RULES.version)


@pytest.mark.parametrize("atc", ["N05BA01", "N02AX02", "L04AX03"])
def test_a_blocked_medicine_is_refused_whatever_is_said_of_it(atc: str) -> None:
    with pytest.raises(MedicineBlocked) as refused:
        prescribe(an_intent(atc=atc, display="Paracetamol", dose="one, and no more"), RULES)
    assert atc not in str(refused.value)
    assert refused.value.version == RULES.version
    assert refused.value.kind in {"addictive", "follow_up"}
    assert set(refused.value.text) == set(Language), "why, for whoever reads it"


def test_an_unknown_medicine_is_asked_for_again() -> None:
    with pytest.raises(MedicineUnknown):
        prescribe(an_intent(atc="N05CM"), RULES)


@pytest.mark.parametrize(
    "decision", [Decision(Verdict.BLOCKED, "1", Kind.ADDICTIVE, "x"), Decision(Verdict.UNKNOWN_CODE, "1")]
)
def test_no_prescription_holds_a_decision_that_forbids_it(decision: Decision) -> None:
    with pytest.raises(ValidationError, match="do not allow"):
        Prescription(intent=an_intent(), decision=decision)


def test_an_intent_has_no_field_that_overrides() -> None:
    assert "override" in faulty(PrescriptionIntent, atc="N05BA01", display="x", dose="y", override=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("atc", atc) for atc in ("N05", "n05ba01", "", 5, None)),
        *(("display", display) for display in (" ", "two\nlines", "x" * 201)),
        *(("dose", dose) for dose in ("", "x" * 2001)),
        *(("quantity", quantity) for quantity in (0, 11, "2", True, 1.5)),
    ],
)
def test_a_bad_field_of_an_intent_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        an_intent(**{field: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


# --- Text ---


@pytest.mark.parametrize(
    "text", ["", "  \n ", "x" * 10_001, "bell \x07", "nul \x00", "escape \x1b[2J", "\ufffe", "\ud800"]
)
def test_a_note_is_text_within_bounds(text: str) -> None:
    assert "text" in faulty(Note, text=text)


def test_text_keeps_its_words_and_gets_plain_line_breaks() -> None:
    assert Note(text=" fièvre 🤒\r\n<b>38°</b> & toux\r").text.reveal() == "fièvre 🤒\n<b>38°</b> & toux"


@pytest.mark.parametrize("wrap", [auth.Private, signalling.Private])
def test_text_that_comes_wrapped_is_held_to_the_same_bounds(wrap: Any) -> None:
    assert Note.model_validate({"text": wrap(" rest ")}) == Note.model_validate({"text": "rest"})
    assert "text" in faulty(Note, text=wrap("x" * 10_001))


def test_neither_a_model_nor_an_error_quotes_what_was_written() -> None:
    secret = "Jan Peeters has a rash"
    assert secret not in repr(Note.model_validate({"text": secret, "advice": secret}))
    assert secret not in faulty(Note, text=secret + "\x00")
    assert secret not in faulty(Note, text=secret, remark=secret)
    assert "10829059004" not in repr(a_certificate())


def test_models_survive_the_way_through_the_records() -> None:
    for model in (
        an_intent(),
        a_certificate(),
        prescribe(an_intent(), RULES),
        Note.model_validate({"text": "a\nb"}),
    ):
        assert type(model).model_validate_json(model.model_dump_json()) == model


# --- Referrals, certificates, closure, rating ---


@pytest.mark.parametrize("to", ["gp", "specialist", "hospital", "emergency", "other"])
@pytest.mark.parametrize("urgency", ["routine", "urgent", "emergency"])
def test_a_referral_says_where_to_how_soon_and_why(to: str, urgency: str) -> None:
    referral = Referral.model_validate(
        {"to": to, "specialty": "skin", "urgency": urgency, "reason": "has to be felt"}
    )
    assert (referral.to.value, referral.urgency.value) == (to, urgency)


def test_a_referral_to_a_specialist_says_of_what() -> None:
    assert "specialty" in faulty(Referral, to="specialist", urgency="routine", reason="rash")


@pytest.mark.parametrize(("field", "value"), [("to", "pharmacy"), ("urgency", "now"), ("reason", "")])
def test_a_bad_field_of_a_referral_is_named(field: str, value: str) -> None:
    assert field in faulty(
        Referral, **({"to": "gp", "urgency": "routine", "reason": "rash"} | {field: value})
    )


def test_a_certificate_names_the_doctor_and_the_times_in_utc() -> None:
    certificate = a_certificate(attended_from="2026-11-23T13:00:00+01:00")
    assert certificate.attended_from == NOON
    assert certificate.attended_from.utcoffset() == timedelta(0)
    assert certificate.doctor_nihdi.reveal() == "10829059004"


@pytest.mark.parametrize(
    "changed",
    [
        {"attended_to": NOON},
        {"attended_to": NOON + timedelta(days=2)},
        {"attended_from": NOON.replace(tzinfo=None)},
        {"attended_from": "0001-01-01T00:00:00+14:00"},
        {"attended_to": "9999-12-31T23:59:59-12:00"},
        {"issued_at": NOON - timedelta(minutes=1)},
        {"doctor_nihdi": "1082905900"},
        {"doctor_nihdi": "1-08290-59-004"},
        {"doctor_name": ""},
    ],
)
def test_a_certificate_of_what_cannot_have_been_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        a_certificate(**changed)
    assert next(iter(changed)) in str(refused.value)


@pytest.mark.parametrize("code", ["A03", "R74", "Z29", "-67", "-34"])
def test_a_closure_carries_the_code_that_the_doctor_confirmed(code: str) -> None:
    closure = Closure.model_validate({"kind": "advice", "icpc2": code})
    assert closure.icpc2 is not None
    assert closure.icpc2.reveal() == code


@pytest.mark.parametrize("code", ["A00", "C01", "A3", "A100", "-20", "-70", "a03", "A03 ", "R05DA04"])
def test_what_is_no_code_of_icpc_2_is_refused(code: str) -> None:
    assert "icpc2" in faulty(Closure, kind="advice", icpc2=code)


def test_no_code_is_assigned_by_itself() -> None:
    assert Closure(kind=OutcomeKind.REFERRAL).icpc2 is None


@pytest.mark.parametrize("score", [0, 6, -1, "5", 4.5, True, None])
def test_a_rating_is_one_to_five(score: object) -> None:
    assert "score" in faulty(Rating, score=score)


def test_a_rating_takes_no_words() -> None:
    assert "text" in faulty(Rating, score=5, text="Dr. Claes was kind")
