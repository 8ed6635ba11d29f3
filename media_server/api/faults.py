"""What pydantic found wrong with a body, in words and places that a client's author can use."""

from pydantic import ValidationError

from media_server.api.errors import FieldFault

_MOST = 20


def faults_of(error: ValidationError) -> tuple[FieldFault, ...] | None:
    """One for each place; None when the body is no JSON at all. Quotes nothing of the body."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(each["type"] == "json_invalid" for each in found):
        return None
    return tuple(
        FieldFault(_pointer(each["loc"]), each["type"].replace("_", "-"), _without_quotes(each["msg"]))
        for each in found[:_MOST]
    )


def _pointer(place: tuple[int | str, ...]) -> str:
    """RFC 6901; a member that a client made up is not repeated."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1")[:64] for part in place)


def _without_quotes(message: str) -> str:
    """Pydantic quotes nothing once inputs are left out, but for what a validator of ours says."""
    return message.removeprefix("Value error, ")
