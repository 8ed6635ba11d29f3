"""The stand of the browser tests: attacks are made against a running call."""

from tests.e2e.conftest import house, stand

__all__ = ["house", "stand"]
