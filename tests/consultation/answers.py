"""Answers to the basic questionnaire: `loadtest.answers`."""

from loadtest.answers import WORDS, answered

__all__ = ["WORDS", "answered"]
