"""The digital summary of the reason for the call: the answers laid out for a doctor, by fixed rules.

Nothing is weighed, shortened, translated or concluded. What the patient wrote is quoted as it stands; what
the patient chose appears under the questionnaire's own name for it in the doctor's language. "No" is shown
as no; alarm signs that are, in one line. A question that was never put is "not asked"; one that was put in a
completed response and left open is "not answered".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from media_server.consent_texts import TextKind
from media_server.intake.patient_facts import ConsentShown, NoticeRead, PatientFacts, Standing, StopPassed
from media_server.intake.primary_care import SUMMARY_SECTION
from media_server.intake.questionnaire import Questionnaire, QuestionnaireItem
from media_server.intake.red_flags import asked_flags, is_raised
from media_server.intake.response import QuestionnaireResponse, ResponseStatus
from media_server.intake.summary_form import Line, Section, Summary, in_one_line, words_as_typed
from media_server.intake.values import Attachment, Coding, Quantity, Value, ValueKind
from media_server.intake.walking import Visit, walk
from media_server.languages import Language, Texts, packaged_texts
from media_server.local_time import local

_TEXTS = packaged_texts(__package__, "summary")
_ANSWERED = ("reason", "history", "alarm", "background", "expectation")
_Unraised = dict[str, list[str]]
"""Names of alarm signs, by what was said of them: no, not-answered or not-asked."""
_DONE = (ResponseStatus.COMPLETED, ResponseStatus.AMENDED)


def summarise(
    questionnaire: Questionnaire,
    response: QuestionnaireResponse,
    *,
    patient: PatientFacts,
    consents: Sequence[ConsentShown],
    notices: Sequence[NoticeRead],
    attachments: int,
    taken_s: float,
    now: datetime,
    stop_passed: StopPassed | None = None,
) -> Summary:
    """In the questionnaire's language, which is the doctor's: take the same version that the response
    answers.

    `response` has been checked. `taken_s`: seconds from the first question to the last answer. All times are
    shown as `local_time` has them. The same input gives the same bytes.
    """
    page = _Page(Language(questionnaire.language), questionnaire, response, local(now))
    answered = page.answered()
    stop = [] if stop_passed is None else [page.stop(stop_passed)]
    lines: dict[str, Sequence[Line]] = {
        "identity": page.identity(patient),
        **answered,
        "alarm": [*stop, *answered["alarm"]],
        "background": [*answered["background"], page.plain("attachments", str(attachments))],
        "record": page.record(consents, notices, taken_s),
    }
    order = ("identity", *_ANSWERED, "record")
    sections = tuple(Section(key, page.texts[f"section.{key}"], tuple(lines[key])) for key in order)
    return Summary(page.language.value, page.texts["title"], sections)


@dataclass(frozen=True, slots=True)
class _Page:
    """`now`: by the local clock."""

    language: Language
    questionnaire: Questionnaire
    response: QuestionnaireResponse
    now: datetime

    @property
    def texts(self) -> Texts:
        return _TEXTS[self.language]

    def plain(self, key: str, value: str | None) -> Line:
        return Line(self.texts[key], self.texts["not-known"] if value is None else in_one_line(value))

    # --- Who ---

    def identity(self, patient: PatientFacts) -> list[Line]:
        birthdate = None if patient.birthdate is None else patient.birthdate.reveal()
        verified = None if patient.verified_at is None else self._time(patient.verified_at)
        proxy = self.texts["no"]
        if patient.proxy is not None:
            proxy = self.texts["proxy.yes"].replace("{name}", patient.proxy.reveal())
        return [
            self.plain("name", patient.name.reveal()),
            self.plain("age", None if birthdate is None else self._age(birthdate)),
            self.plain("sex", self.texts[f"sex.{patient.sex.value}"]),
            self.plain("language", self._language(patient.language)),
            self.plain("verified", verified),
            self.plain("fund", None if patient.fund is None else patient.fund.reveal()),
            self.plain("proxy", proxy),
            self.plain(
                "callback", None if patient.callback_number is None else patient.callback_number.reveal()
            ),
            self.plain("location", None if patient.location is None else patient.location.reveal()),
        ]

    def _age(self, born: date) -> str:
        """In years from two years on, in months before, in days in the first month."""
        today = self.now.date()
        months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
        days = (today - born).days
        if months >= 24:
            unit, count = "year", months // 12
        elif months >= 1:
            unit, count = "month", months
        else:
            unit, count = "day", max(0, days)
        key = f"age.{unit}" if count == 1 else f"age.{unit}s"
        age = self.texts[key].format(count=count)
        return self.texts["age.born"].format(age=age, date=born.isoformat())

    def _language(self, tag: str) -> str:
        return self.texts.get(f"language.{tag.partition('-')[0].lower()}", tag)

    def _time(self, at: datetime) -> str:
        return self.texts["time"].format(time=f"{local(at):%Y-%m-%d %H:%M}")

    # --- What was answered ---

    def answered(self) -> Mapping[str, list[Line]]:
        lines: dict[str, list[Line]] = {key: [] for key in _ANSWERED}
        unraised: dict[str, _Unraised] = {}
        visits = [entry for entry in walk(self.questionnaire, self.response) if isinstance(entry, Visit)]
        section_of = {visit.item.link_id: _section(visit.item) for visit in visits}
        for visit in visits:
            section = section_of[visit.item.link_id]
            if section not in lines or _is_moot(visit, section, section_of):
                continue
            if asked_flags(visit.item):
                lines[section] += self._raised(visit, unraised.setdefault(section, {}))
            else:
                lines[section] += self._lines(visit)
        for section, found in unraised.items():
            lines[section] += [
                Line(self.texts[f"signs.{said}"], "; ".join(names)) for said, names in sorted(found.items())
            ]
        return lines

    def _lines(self, visit: Visit) -> Iterator[Line]:
        label = _label(visit.item)
        values = [answer.value for answer in visit.answers]
        chosen = [self._shown(visit.item, value) for value in values if value.kind is not ValueKind.STRING]
        if chosen:
            yield Line(label, "; ".join(chosen))
        for value in values:
            if value.kind is ValueKind.STRING and isinstance(value.content, str):
                yield self._quoted(label, value.content)
        if not visit.answers:
            yield Line(label, self.texts[self._open(visit)])

    def _raised(self, visit: Visit, unraised: _Unraised) -> Iterator[Line]:
        """Each sign that the patient has by itself; the names of the others go to `unraised`, to be told in a
        line for all. One that was not chosen in an answered question is a no.
        """
        names = {
            option.value.content.code: option.value.content.display or option.value.content.code
            for option in visit.item.answer_option
            if isinstance(option.value.content, Coding)
        }
        for flag in asked_flags(visit.item):
            name = names.get(flag.code, _label(visit.item))
            if is_raised(visit, flag):
                yield Line(name, self.texts["yes"])
            else:
                unraised.setdefault("no" if visit.answers else self._open(visit), []).append(name)

    def _open(self, visit: Visit) -> str:
        """The key of why there is no answer."""
        put = visit.enabled and self.response.status in _DONE
        return "not-answered" if put else "not-asked"

    def _quoted(self, label: str, text: str) -> Line:
        language = self.response.language
        name = None if language is None else self._language(language)
        return Line(label, words_as_typed(text), True, language, name)

    def _shown(self, item: QuestionnaireItem, value: Value) -> str:
        match value.content:
            case bool() as said:
                return self.texts["yes" if said else "no"]
            case Coding() as coding:
                return _name(item, coding)
            case Quantity() as quantity:
                return f"{self._number(quantity.value)} {quantity.unit or quantity.code or ''}".rstrip()
            case Attachment():
                return self.texts["yes"]
            case int() | Decimal() as number:
                return self._number(number)
            case str() as text:
                return text

    def _number(self, number: int | Decimal) -> str:
        plain = f"{number:f}" if isinstance(number, Decimal) else str(number)
        return plain if self.language is Language.EN else plain.replace(".", ",")

    # --- What it rests on ---

    def stop(self, passed: StopPassed) -> Line:
        said = self.texts["stop.passed" if passed.still_named else "stop.passed-then-changed"]
        return Line(self.texts["stop"], said.format(time=self._time(passed.at)))

    def record(
        self, consents: Sequence[ConsentShown], notices: Sequence[NoticeRead], taken_s: float
    ) -> list[Line]:
        standings: dict[TextKind, list[Standing]] = {kind: [] for kind in TextKind if kind.is_consent}
        for consent in consents:
            standings[consent.kind].append(consent.standing)
        lines = [
            Line(
                self.texts[f"consent.{kind.value}"],
                "; ".join(self.texts[f"state.{standing.value}"] for standing in found)
                or self.texts["not-asked"],
            )
            for kind, found in standings.items()
        ]
        # Only what is known: of one that is not among them nobody can say whether it was shown.
        lines += [
            Line(
                self.texts[f"notice.{notice.kind.value}"],
                self.texts["notice.read"].format(version=notice.version),
            )
            for notice in notices
        ]
        key = "questionnaire.state" if self.response.status in _DONE else "questionnaire.open"
        title, version = self.questionnaire.url, self.questionnaire.version
        minutes, seconds = divmod(max(0, round(taken_s)), 60)
        return [
            *lines,
            self.plain("questionnaire", self.texts[key].format(title=title, version=version)),
            self.plain("taken", self.texts["taken.time"].format(minutes=minutes, seconds=seconds)),
            self.plain("drawn-up", self._time(self.now)),
        ]


def _section(item: QuestionnaireItem) -> str | None:
    coding = item.coded(SUMMARY_SECTION)
    return None if coding is None else coding.code


def _label(item: QuestionnaireItem) -> str:
    coding = item.coded(SUMMARY_SECTION)
    return (coding.display if coding is not None else None) or item.text or item.link_id


def _name(item: QuestionnaireItem, chosen: Coding) -> str:
    """The questionnaire's name for an option; never what a client calls it."""
    for option in item.answer_option:
        known = option.value.content
        if isinstance(known, Coding) and (known.system, known.code) == (chosen.system, chosen.code):
            return known.display or known.code
    return chosen.code


def _is_moot(visit: Visit, section: str, section_of: Mapping[str, str | None]) -> bool:
    """A detail of an answer that the same section already shows, such as which allergy after "allergies:
    no".
    """
    if visit.enabled or not visit.item.enable_when:
        return False
    asked_by = {condition.question for condition in visit.item.enable_when}
    return all(section_of.get(link_id) == section for link_id in asked_by)
