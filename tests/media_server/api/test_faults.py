"""What is wrong with a body: where, as a JSON pointer, and never what it was."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from media_server.api.faults import faults_of


class Child(BaseModel):
    age: int = Field(ge=0, le=15)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(max_length=5)
    children: list[Child] = Field(default_factory=list)

    @field_validator("name")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            raise ValueError("is shouted")
        return value


def fault(text: str) -> list[tuple[str, str]] | None:
    with pytest.raises(ValidationError) as refused:
        Body.model_validate_json(text)
    faults = faults_of(refused.value)
    return None if faults is None else [(each.field, each.code) for each in faults]


def test_each_place_is_named_by_a_pointer() -> None:
    assert fault('{"name": "secret", "children": [{"age": 3}, {"age": 16}, {}]}') == [
        ("/name", "string-too-long"),
        ("/children/1/age", "less-than-equal"),
        ("/children/2/age", "missing"),
    ]


def test_pointers_are_escaped_and_bounded() -> None:
    assert fault('{"name": "a", "x/y~z": 1}') == [("/x~1y~0z", "extra-forbidden")]
    ((field, _),) = fault(f'{{"name": "a", "{"x" * 500}": 1}}') or []
    assert len(field) == 65


@pytest.mark.parametrize("text", ["", "{", '{"name": "\\ud800"}', "[" * 5000])
def test_what_is_no_json_has_no_places(text: str) -> None:
    assert fault(text) is None


def test_there_are_no_more_faults_than_anybody_reads() -> None:
    children = ", ".join(['{"age": 99}'] * 500)
    assert len(fault(f'{{"name": "a", "children": [{children}]}}') or []) == 20


def test_nothing_that_was_sent_is_quoted() -> None:
    for text in ('{"name": "HALLO"}', '{"name": "geheim"}', '{"name": 5}'):
        with pytest.raises(ValidationError) as refused:
            Body.model_validate_json(text)
        for each in faults_of(refused.value) or ():
            assert "HALLO" not in each.detail
            assert "geheim" not in each.detail
            assert not each.detail.startswith("Value error")
