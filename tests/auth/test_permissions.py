"""The table of rights, tested as a table."""

import pytest

from auth import Action, Role, grants, may

TABLE = """
                patient doctor guest
publish            x      x      x
share-screen       x      x      .
subscribe          x      x      x
relay              x      x      x
enter-unasked      .      x      .
admit              .      x      .
remove             .      x      .
record             .      x      .
end                .      x      .
"""


def rows() -> list[tuple[Role, Action, bool]]:
    header, *lines = TABLE.strip().splitlines()
    roles = [Role(word) for word in header.split()]
    return [
        (role, Action(line.split()[0]), mark == "x")
        for line in lines
        for role, mark in zip(roles, line.split()[1:], strict=True)
    ]


@pytest.mark.parametrize(("role", "action", "allowed"), rows())
def test_each_role_may_do_what_the_table_says(role: Role, action: Action, allowed: bool) -> None:
    assert may(role, action) is allowed


def test_the_table_above_is_complete() -> None:
    assert {(role, action) for role, action, _ in rows()} == {(r, a) for r in Role for a in Action}


@pytest.mark.parametrize("role", Role)
def test_a_tickets_grants_are_the_roles_row(role: Role) -> None:
    assert set(grants(role)) == {action.value for action in Action if may(role, action)}
    assert list(grants(role)) == sorted(grants(role))
