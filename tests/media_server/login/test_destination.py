"""Where a login may go back to: our own pages and our apps' links, and nowhere else."""

import pytest

from auth import Role, SessionKind
from media_server.login.destination import Destination, Outcome, is_page, parse
from media_server.login.errors import BadQuery

LINK = "https://consult.example/app/return"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
APP = {"return_to": LINK, "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "app-state"}


def parsed(**query: str) -> Destination:
    return parse(list({"role": "patient", **query}.items()), [LINK])[0]


def test_a_page_of_ours_with_what_it_needs_in_its_address() -> None:
    destination = parsed(role="doctor", return_to="/doctor?room=a%20b")
    assert (destination.role, destination.kind) == (Role.DOCTOR, SessionKind.PAGE)
    assert destination.return_to == "/doctor?room=a+b"
    assert destination.after(Outcome.REFUSED) == "/doctor?room=a+b&login=refused"


def test_how_an_earlier_login_ended_is_taken_out_of_the_address() -> None:
    destination = parsed(return_to="/patient?login=failed")
    assert destination.return_to == "/patient"
    assert destination.after(Outcome.EXPIRED) == "/patient?login=expired"


def test_without_a_page_it_is_the_front_page() -> None:
    assert parsed().return_to == "/"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "///evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " /patient",
        "patient",
        "",
        "javascript:alert(1)",
        "/patient#fragment",
        "/patient\r\nSet-Cookie: a=b",
        "/pati\u00ebnt",
        "/" + "x" * 300,
        f"{LINK}/",
        f"{LINK}?x=1",
        "https://consult.example@evil.example/app/return",
    ],
)
def test_no_address_leads_to_somebody_elses_page(address: str) -> None:
    assert not is_page(address)
    with pytest.raises(BadQuery, match="return_to"):
        parsed(return_to=address)


def test_an_app_gives_its_link_a_challenge_and_a_state() -> None:
    destination = parsed(**APP)
    assert destination.kind is SessionKind.APP
    assert destination.with_code("c0de") == f"{LINK}?code=c0de&state=app-state"
    assert destination.after(Outcome.FAILED) == f"{LINK}?login=failed&state=app-state"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code_challenge", "short"),
        ("code_challenge", CHALLENGE + "="),
        ("code_challenge_method", "plain"),
        ("state", ""),
        ("state", "with space"),
    ],
)
def test_an_app_that_leaves_its_code_unprotected_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadQuery, match=f"^{name}:"):
        parsed(**APP | {name: value})


@pytest.mark.parametrize("role", ["guest", "", "Patient", "admin"])
def test_only_patients_and_doctors_log_in(role: str) -> None:
    with pytest.raises(BadQuery, match=r"^role:"):
        parsed(role=role)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(BadQuery, match=r"^role:"):
        parse([("role", "patient"), ("role", "doctor")], [])


def test_a_page_gets_no_code() -> None:
    with pytest.raises(BadQuery, match="APP_LINKS"):
        parsed(return_to="/patient", code_challenge=CHALLENGE)


@pytest.mark.parametrize("destination", [parsed(return_to="/patient?a=1"), parsed(**APP)])
def test_it_survives_the_journey(destination: Destination) -> None:
    assert Destination.from_json(destination.to_json()) == destination
