"""Intake: what a patient is asked before the call, whether the answers fit, and what the doctor reads of
them.

Pure, but for reading its packaged texts when they are first asked for. It collects and shows what the
patient said, and puts up a fixed notice for 112. It never scores, ranks or suggests a diagnosis, and must not
start to: that would make it a medical device of another class (Regulation (EU) 2017/745, Annex VIII, rule
11).
"""

from media_server.intake.authoring import check_questionnaire
from media_server.intake.checking import accept_response, check_response
from media_server.intake.errors import BadQuestionnaire, BadResponse, IntakeError
from media_server.intake.faults import Fault, FaultCode
from media_server.intake.icpc2 import CodeSuggestion, icpc2_suggestions
from media_server.intake.limits import QUESTIONNAIRE_LIMITS, RESPONSE_LIMITS, Limits
from media_server.intake.patient_facts import (
    ConsentShown,
    NoticeRead,
    PatientFacts,
    Sex,
    Standing,
    StopPassed,
)
from media_server.intake.primary_care import CATEGORY, questionnaire
from media_server.intake.questionnaire import Questionnaire, QuestionnaireItem
from media_server.intake.reading import parse_questionnaire, parse_response
from media_server.intake.reason import category_names, category_of, words_of
from media_server.intake.red_flags import RedFlag, red_flags
from media_server.intake.response import QuestionnaireResponse, ResponseStatus
from media_server.intake.stop_screen import EmergencyNumber, StopScreen, stop_screen
from media_server.intake.summarising import summarise
from media_server.intake.summary_form import Line, Section, Summary
from media_server.languages import Language

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Language",
    "questionnaire",
    "Questionnaire",
    "QuestionnaireItem",
    "QuestionnaireResponse",
    "ResponseStatus",
    "parse_response",
    "check_response",
    "accept_response",
    "red_flags",
    "RedFlag",
    "stop_screen",
    "StopScreen",
    "EmergencyNumber",
    "summarise",
    "PatientFacts",
    "Sex",
    "ConsentShown",
    "Standing",
    "NoticeRead",
    "StopPassed",
    "Summary",
    "Section",
    "Line",
    "icpc2_suggestions",
    "CodeSuggestion",
    "category_of",
    "category_names",
    "words_of",
    "CATEGORY",
    "parse_questionnaire",
    "check_questionnaire",
    "Fault",
    "FaultCode",
    "Limits",
    "RESPONSE_LIMITS",
    "QUESTIONNAIRE_LIMITS",
    "IntakeError",
    "BadQuestionnaire",
    "BadResponse",
]
