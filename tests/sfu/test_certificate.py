from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sfu.certificate import CertificateStore
from sfu.dtls import Certificate


@dataclass
class Made:
    expires: datetime


class Calendar:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.made = 0

    def make(self) -> Made:
        self.made += 1
        return Made(self.now + timedelta(days=30))


def test_sessions_share_a_certificate_until_it_is_half_used_up() -> None:
    calendar = Calendar()
    store = CertificateStore(calendar.make, lambda: calendar.now)
    first = store.current()
    calendar.now += timedelta(days=14, hours=23)
    assert store.current() is first
    calendar.now += timedelta(hours=1)
    second = store.current()
    assert second is not first
    assert store.current() is second
    assert calendar.made == 2


def test_a_server_that_was_asleep_never_hands_out_an_expired_one() -> None:
    calendar = Calendar()
    store = CertificateStore(calendar.make, lambda: calendar.now)
    store.current()
    calendar.now += timedelta(days=400)
    assert store.current().expires > calendar.now


def test_nothing_is_made_before_it_is_needed() -> None:
    calendar = Calendar()
    CertificateStore(calendar.make, lambda: calendar.now)
    assert calendar.made == 0


def test_the_real_certificate_lasts_a_month_and_has_a_sha_256_fingerprint() -> None:
    certificate = Certificate.generateCertificate()
    assert timedelta(days=29) < certificate.expires - datetime.now(UTC) <= timedelta(days=30)
    assert certificate.fingerprint.algorithm == "sha-256"
    assert len(certificate.fingerprint.value) == 95
