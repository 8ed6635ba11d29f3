"""A problem document (RFC 9457) as a model, for its schema."""

from pydantic import BaseModel, Field

from media_server.languages import Language


class Fault(BaseModel):
    """One thing wrong with the request. `field`: a JSON pointer into the body, or a parameter's name."""

    field: str
    code: str
    detail: str


class MedicineRule(BaseModel):
    """Why the rules keep a medicine out: `kind` is `addictive` or `follow_up`, `reason` a finer code,
    `version` that of the rules; `text` says it to people, by language.
    """

    kind: str
    reason: str
    version: str
    text: dict[Language, str]


class Problem(BaseModel):
    """`code` is stable and for programs; `title` and `detail` are for people. `rule` comes with
    `medicine-blocked`.
    """

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    code: str
    detail: str | None = None
    errors: list[Fault] | None = None
    rule: MedicineRule | None = None
