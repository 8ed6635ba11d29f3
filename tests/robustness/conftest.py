"""The stand of the browser tests: attacks are made against a running call."""

from tests.e2e.conftest import direct_house, direct_stand, house, stand

__all__ = ["direct_house", "direct_stand", "house", "stand"]
