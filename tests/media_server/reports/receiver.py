"""A receiver of reports as somebody else would write it: it takes signatures apart by itself."""

import base64
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

COVERED = {"@method", "@target-uri", "content-type", "content-digest", "idempotency-key", "report-recipient"}


@dataclass
class Receiver:
    """Keeps what is signed as it should be, once for each key; answers what it is told to."""

    keys: dict[str, Ed25519PublicKey]
    now_s: int
    answers: list[web.StreamResponse] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    requests: int = 0
    recipients: list[str] = field(default_factory=list)
    origin: str = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        self.verify(request, body)
        key = request.headers["Idempotency-Key"].strip('"')
        if self.answers:
            answer = self.answers.pop(0)
            if not 200 <= answer.status < 300:
                return answer
        else:
            answer = web.json_response({"receipt": f"receipt-of-{key}"}, status=201)
        assert self.kept.setdefault(key, body) == body
        self.recipients.append(request.headers["Report-Recipient"])
        return answer

    def verify(self, request: web.Request, body: bytes) -> None:
        """RFC 9421 §3.2 and RFC 9530 §2, by hand."""
        label, given = request.headers["Signature-Input"].split("=", 1)
        listed, parameters = re.fullmatch(r"\(([^)]*)\)((?:;[a-z]+=(?:\d+|\"[^\"]*\"))*)", given).groups()  # type: ignore[union-attr]
        values = dict(re.findall(r';([a-z]+)=("?[^;"]*"?)', parameters))
        assert int(values["created"]) <= self.now_s < int(values["expires"])
        assert values["alg"] == '"ed25519"'
        names = [name.strip('"') for name in listed.split(" ")]
        assert set(names) >= COVERED
        lines = []
        for name in names:
            if name == "@method":
                value = request.method
            elif name == "@target-uri":
                value = self.origin + request.raw_path
            else:
                value = ", ".join(part.strip() for part in request.headers.getall(name))
            lines.append(f'"{name}": {value}')
        lines.append(f'"@signature-params": {given}')
        signature = re.fullmatch(rf"{label}=:([A-Za-z0-9+/=]+):", request.headers["Signature"])
        assert signature is not None
        self.keys[values["keyid"].strip('"')].verify(
            base64.b64decode(signature[1]), "\n".join(lines).encode()
        )
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert request.headers["Content-Digest"] == f"sha-256=:{digest}:"


@asynccontextmanager
async def listening(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address to send to."""
    app = web.Application()
    app.router.add_post("/reports", receiver.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        receiver.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        yield f"{receiver.origin}/reports?from=teleconsult"
    finally:
        await runner.cleanup()
