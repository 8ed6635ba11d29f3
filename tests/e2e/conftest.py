"""The stand of the browser tests is tests/e2e/stands.py; tests/conftest.py knows it."""

import pytest

# Its functions assert for the tests; without this a failure would not tell what it saw.
pytest.register_assert_rewrite("tests.e2e.measure")
