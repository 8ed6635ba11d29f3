"""How long somebody will wait, as honestly as it can be told. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from media_server.languages import Language

_USUAL_CALL_S = 600.0


def estimated_wait_s(position: int, doctors: int, mean_call_s: float | None) -> float | None:
    """For the patient at this place (1 the next), with so many doctors on duty who speak the language.

    None when nobody is on duty: any number would be made up. Rounded up to whole minutes, as people read it.
    """
    if doctors <= 0:
        return None
    rounds = (position - 1) // doctors
    seconds = (rounds + 0.5) * (mean_call_s or _USUAL_CALL_S)
    return float(-(-seconds // 60) * 60)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast patients are taken: the languages of each doctor on duty, and how long a call takes in the
    mean (seconds, None: none was held lately).
    """

    on_duty: Sequence[Collection[Language]]
    mean_call_s: float | None

    def wait_s(self, position: int, language: Language) -> float | None:
        """See `estimated_wait_s`."""
        doctors = sum(language in spoken for spoken in self.on_duty)
        return estimated_wait_s(position, doctors, self.mean_call_s)
