"""What is wrong with a questionnaire or a response: where, a stable code, and a sentence for a person.

A sentence never quotes what somebody answered, nor any other text of the document it is about.
"""

from dataclasses import dataclass
from enum import Enum


class FaultCode(Enum):
    """Stable: clients translate by it. First what a document may not be, then what a questionnaire's author
    got wrong, then what does not answer the questionnaire.
    """

    NOT_JSON = "not-json"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    TOO_MANY_ANSWERS = "too-many-answers"
    TOO_MANY_FAULTS = "too-many-faults"
    UNKNOWN_ELEMENT = "unknown-element"
    MISSING_ELEMENT = "missing-element"
    WRONG_TYPE = "wrong-type"
    NOT_ONE_VALUE = "not-one-value"
    BAD_TEXT = "bad-text"
    BAD_NUMBER = "bad-number"
    BAD_DATE = "bad-date"
    BAD_URL = "bad-url"

    DUPLICATE_LINK_ID = "duplicate-link-id"
    EMPTY_GROUP = "empty-group"
    NESTED_IN_DISPLAY = "nested-in-display"
    NOT_FOR_THIS_TYPE = "not-for-this-type"
    NO_OPTIONS = "no-options"
    DUPLICATE_OPTION = "duplicate-option"
    OPTION_OF_OTHER_TYPE = "option-of-other-type"
    TOO_MANY_INITIAL_VALUES = "too-many-initial-values"
    BAD_INITIAL_VALUE = "bad-initial-value"
    UNREACHABLE_LIMITS = "unreachable-limits"
    UNKNOWN_EXTENSION = "unknown-extension"
    CONDITION_ON_UNKNOWN = "condition-on-unknown"
    CONDITION_ON_LATER = "condition-on-later"
    CONDITION_ON_ITSELF = "condition-on-itself"
    CONDITION_ON_NO_QUESTION = "condition-on-no-question"
    CONDITION_INTO_REPEATED = "condition-into-repeated"
    CONDITION_OF_OTHER_TYPE = "condition-of-other-type"
    CONDITION_NEVER_TRUE = "condition-never-true"
    OPERATOR_NOT_FOR_THIS_TYPE = "operator-not-for-this-type"
    NO_ENABLE_BEHAVIOR = "no-enable-behavior"

    WRONG_QUESTIONNAIRE = "wrong-questionnaire"
    WRONG_VERSION = "wrong-version"
    NOT_COMPLETED = "not-completed"
    WITHDRAWN = "withdrawn"
    UNKNOWN_LINK_ID = "unknown-link-id"
    MISPLACED = "misplaced"
    DUPLICATE_ITEM = "duplicate-item"
    NOT_A_QUESTION = "not-a-question"
    NOT_ENABLED = "not-enabled"
    REQUIRED = "required"
    ONE_ANSWER_ONLY = "one-answer-only"
    SAME_ANSWER_TWICE = "same-answer-twice"
    WRONG_ANSWER_TYPE = "wrong-answer-type"
    READ_ONLY = "read-only"
    TOO_LONG = "too-long"
    TOO_LOW = "too-low"
    TOO_HIGH = "too-high"
    TOO_PRECISE = "too-precise"
    WRONG_UNIT = "wrong-unit"
    NOT_AN_OPTION = "not-an-option"
    EXCLUSIVE_OPTION = "exclusive-option"


@dataclass(frozen=True, slots=True)
class Fault:
    """`path`: as in FHIRPath, `item[0].answer[1]`, by position; empty for the whole document. `link_id`: of
    the item, where there is one and it looks like one.
    """

    link_id: str | None
    code: FaultCode
    sentence: str
    path: str = ""
