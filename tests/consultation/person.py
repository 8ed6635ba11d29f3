"""Somebody at a page, without the page: `loadtest.person`, where the benchmarks have them from, too."""

from loadtest.person import Answer, Person, a_person

__all__ = ["Answer", "Person", "a_person"]
