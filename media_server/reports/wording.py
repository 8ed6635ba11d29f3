"""The fixed words of a report in four languages (`texts.json`), and how times are written in each.

Times are shown as `local_time` has them.
"""

from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import TypeAdapter

from media_server.languages import Language
from media_server.local_time import local

_TEXTS: Final = TypeAdapter(dict[str, dict[Language, str]])
_DATE: Final = {
    Language.NL: "%d/%m/%Y",
    Language.FR: "%d/%m/%Y",
    Language.DE: "%d.%m.%Y",
    Language.EN: "%d/%m/%Y",
}


def word(key: str, language: Language) -> str:
    """Raises KeyError for a key that there is not: our bug, which the tests would have met."""
    return texts()[key][language]


@cache
def texts() -> dict[str, dict[Language, str]]:
    """All of them; read once."""
    return _TEXTS.validate_json(files("media_server.reports").joinpath("texts.json").read_bytes())


def written_date(day: date, language: Language) -> str:
    return day.strftime(_DATE[language])


def written_time(moment: datetime, language: Language) -> str:
    shown = local(moment)
    return f"{written_date(shown.date(), language)}, {shown:%H:%M}"


def written_duration(length: timedelta) -> str:
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
