"""How long somebody will wait, as honestly as it can be told. Pure."""

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
