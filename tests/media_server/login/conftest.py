"""One ring of our keys for all tests here: RSA keys take long to make."""

from collections.abc import Iterator

import pytest

from auth import RsaKeyRing
from tests.auth.builders import HandClock
from tests.auth.itsme.fake_itsme import own_keys


@pytest.fixture(scope="session")
def ring() -> Iterator[RsaKeyRing]:
    with own_keys(HandClock()) as keys:
        yield keys
