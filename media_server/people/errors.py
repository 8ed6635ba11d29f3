"""What goes wrong with who people are. No text holds a name or a number."""

from media_server.errors import ApplicationError, RequestRefused


class UnknownPerson(ApplicationError):
    """Nobody has this id, or nobody here is this doctor."""


class BadDutyLanguages(RequestRefused):
    """A doctor serves in one or more of the languages that the registry has for them."""


class NotOnDuty(RequestRefused):
    """Only a doctor on duty may do this."""


class MayNotGoOnDuty(RequestRefused):
    """Something about the doctor does not (or no longer) allow it; the text lists the reasons' codes."""


class BadDoctorsFile(ApplicationError):
    """The file cannot be read as what `doctors import` takes."""
