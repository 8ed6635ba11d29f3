"""Reports by HTTP: one signed POST to an address that the operator chose.

    POST <url>
    Content-Type: application/fhir+json
    Content-Digest: sha-256=:…:
    Idempotency-Key: "…"
    Report-Recipient: 19234011004
    Signature-Input: teleconsult=("@method" "@target-uri" …);created=…;expires=…;keyid="…";alg="ed25519";…
    Signature: teleconsult=:…:

2xx is a receipt; a body `{"receipt": "…"}` gives it a reference, else the key is it. 408, 409, 425, 429, 5xx
and silence mean "later", any other 4xx "never". No redirect is followed: it would lead a report elsewhere.
"""

import ipaddress
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

import aiohttp
from yarl import URL

from media_server.reports.delivery import IdempotencyKey, Receipt, Report, check_address
from media_server.reports.errors import BadDelivery, Trouble, TryLater, Undeliverable
from media_server.reports.message_signatures import Component, MessageSigner, content_digest, signature_fields

MOST_ANSWER: Final = 16 << 10
"""Bytes of an answer that are read."""
LONGEST_WAIT_S: Final = 86_400.0

# 409 is what a receiver says to whom a first attempt is still being worked on
# (draft-ietf-httpapi-idempotency-key-header §2.6); 425 is of RFC 8470 §5.2.
_LATER: Final = frozenset({408, 409, 425, 429})
_REFERENCE: Final = re.compile(r"[!-~]{1,128}")


def checked_url(text: str) -> URL:
    """Raises BadDelivery for an address that no report may be sent to; the text does not quote it."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise BadDelivery("the address for reports is no URL") from None
    if url.scheme not in ("https", "http") or not url.host or port == 0:
        raise BadDelivery("the address for reports has to begin with https:// and a host")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise BadDelivery("reports travel by https only, except on this machine")
    if url.user is not None or url.password is not None or url.fragment:
        raise BadDelivery("the address for reports may have neither a user nor a fragment")
    return url


class WebhookDelivery:
    """A `ReportDelivery`. Made by `open_webhook`, which closes what it holds."""

    def __init__(
        self,
        url: URL,
        session: aiohttp.ClientSession,
        signer: Callable[[], MessageSigner],
        now_s: Callable[[], float],
    ) -> None:
        self._url = url
        self._session = session
        self._signer = signer
        self._now_s = now_s

    async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
        """Raises Undeliverable, TryLater."""
        check_address(report, idempotency_key)
        headers = self._headers(report, idempotency_key)
        try:
            async with self._session.post(
                self._url, data=report.body, headers=headers, allow_redirects=False
            ) as response:
                _check(response)
                reference = await _reference(response)
        except TimeoutError:
            raise TryLater(Trouble.TIMED_OUT, "the receiver of reports did not answer in time") from None
        except (aiohttp.ClientError, OSError):
            raise TryLater(Trouble.UNREACHABLE, "the receiver of reports cannot be reached") from None
        return Receipt(reference or idempotency_key, sha256(report.body).hexdigest())

    def _headers(self, report: Report, key: IdempotencyKey) -> dict[str, str]:
        fields = {
            "Content-Type": report.media_type,
            "Content-Digest": content_digest(report.body),
            "Idempotency-Key": f'"{key}"',
            "Report-Recipient": report.recipient.reveal(),
        }
        components: list[Component] = [("@method", "POST"), ("@target-uri", str(self._url))]
        components += [(name.lower(), value) for name, value in fields.items()]
        return fields | signature_fields(components, int(self._now_s()), self._signer())


@asynccontextmanager
async def open_webhook(
    url: str,
    signer: Callable[[], MessageSigner],
    now_s: Callable[[], float],
    timeout_s: float = 30.0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[WebhookDelivery]:
    """`signer` gives the key that signs now; `now_s` Unix seconds; `tls` trusts other authorities than the
    system's. Raises BadDelivery.
    """
    address = checked_url(url)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls or True, limit=8),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "teleconsult"},
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield WebhookDelivery(address, session, signer, now_s)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    said = f"the receiver of reports answered {status}"
    if 400 <= status < 500 and status not in _LATER:
        raise Undeliverable(Trouble.REFUSED, said)
    raise TryLater(Trouble.BUSY, said, _retry_after_s(response))


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    """Seconds (RFC 9110 §10.2.3). A date is passed over: our own waiting does as well."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT_S) if re.fullmatch(r"[0-9]{1,9}", text) else None


async def _reference(response: aiohttp.ClientResponse) -> str | None:
    """What the answer calls the receipt, if anything. Its status has said that the report is there, so a body
    that is too long, cut short or no JSON changes nothing.
    """
    body = bytearray()
    try:
        while chunk := await response.content.read(MOST_ANSWER + 1 - len(body)):
            body += chunk
            if len(body) > MOST_ANSWER:
                response.close()  # what is still to come is not wanted
                return None
        answer = json.loads(body)
    except (ValueError, RecursionError, aiohttp.ClientError, TimeoutError):
        return None
    reference = answer.get("receipt") if isinstance(answer, dict) else None
    return reference if isinstance(reference, str) and _REFERENCE.fullmatch(reference) else None
