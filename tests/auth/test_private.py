"""Private values stay out of what is printed, logged and raised."""

import pickle

import pytest

from auth import Private

NAME = "Annelies Verstraete"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "{:>30}".format, lambda v: f"{[v]}"])
def test_a_private_value_shows_only_that_it_is_private(show: object) -> None:
    assert callable(show)
    shown = show(Private(NAME))
    assert "<private>" in shown
    assert NAME not in shown


def test_it_is_revealed_on_purpose_only() -> None:
    assert Private(NAME).reveal() == NAME


def test_equal_values_are_equal_and_hash_alike() -> None:
    assert Private(NAME) == Private(NAME)
    assert hash(Private(NAME)) == hash(Private(NAME))
    assert Private(NAME) != NAME


def test_it_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Private(NAME))
