"""A problem document (RFC 9457) as a model, for its schema."""

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """One thing wrong with the request. `field`: a JSON pointer into the body, or a parameter's name."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """`code` is stable and for programs; `title` and `detail` are for people."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    code: str
    detail: str | None = None
    errors: list[Fault] | None = None
