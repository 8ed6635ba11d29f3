"""Capture the offers beside this file anew from a real browser. Run by hand, never by the test suite.

    python tests/sfu/offers/capture.py chromium
    python tests/sfu/offers/capture.py firefox-esr

The browser runs headless on a page served from loopback, which posts its offers back. What could identify
anything (credentials, fingerprints, addresses, session and track ids) is replaced before it is written.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent
TIMEOUT_S = 60.0

FINGERPRINT = ":".join(f"{byte:02X}" for byte in range(32))
REPLACEMENTS = (
    (re.compile(r"^o=\S+ \d+ (\d+) IN IP4 \S+", re.M), r"o=- 1111111111111111111 \1 IN IP4 127.0.0.1"),
    (re.compile(r"^c=IN IP[46] \S+", re.M), "c=IN IP4 0.0.0.0"),
    (re.compile(r"^a=rtcp:\d+ IN IP[46] \S+", re.M), "a=rtcp:9 IN IP4 0.0.0.0"),
    (re.compile(r"^(m=\w+) [1-9]\d* ", re.M), r"\1 9 "),
    (re.compile(r"^a=candidate:.*\r\n", re.M), ""),
    (re.compile(r"^a=fingerprint:sha-256 .*$", re.M), f"a=fingerprint:sha-256 {FINGERPRINT}\r"),
)
UUID = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?")
UFRAG = re.compile(r"^a=ice-ufrag:(.*)\r$", re.M)
PWD = re.compile(r"^a=ice-pwd:(.*)\r$", re.M)
CNAME = re.compile(r"cname:(\S+)")


def anonymous(sdp: str) -> str:
    """The offer with dummies of the same form; equal values stay equal, so structure survives."""
    for pattern, replacement in REPLACEMENTS:
        sdp = pattern.sub(replacement, sdp)
    for pattern, form in (
        (UFRAG, "ufrag{:02d}"),
        (PWD, "dummypasswordofenough{:02d}"),
        (CNAME, "cname{:02d}"),
    ):
        for number, value in enumerate(dict.fromkeys(pattern.findall(sdp)), start=1):
            sdp = sdp.replace(value, form.format(number))
    for number, value in enumerate(dict.fromkeys(UUID.findall(sdp)), start=1):
        braced = value.startswith("{")
        dummy = f"00000000-0000-4000-8000-{number:012d}"
        sdp = sdp.replace(value, f"{{{dummy}}}" if braced else dummy)
    return sdp


def command(browser: str, url: str, profile: str) -> list[str]:
    if "firefox" in browser:
        (Path(profile) / "user.js").write_text('user_pref("media.peerconnection.enabled", true);\n')
        return [browser, "--headless", "--no-remote", "--profile", profile, url]
    return [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--autoplay-policy=no-user-gesture-required",
        f"--user-data-dir={profile}",
        url,
    ]


async def main(browser: str) -> None:
    done = asyncio.Event()
    name = "firefox" if "firefox" in browser else Path(browser).name

    async def page(_: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / "capture.html")

    async def offer(request: web.Request) -> web.Response:
        target = HERE / f"{request.match_info['name']}.sdp"
        target.write_bytes(anonymous(await request.text()).encode())
        sys.stdout.write(f"{target.name}\n")
        return web.Response()

    async def failed(request: web.Request) -> web.Response:
        sys.stdout.write(f"not captured: {request.match_info['name']}: {await request.text()}\n")
        return web.Response()

    async def finish(_: web.Request) -> web.Response:
        done.set()
        return web.Response()

    application = web.Application()
    application.add_routes(
        [
            web.get("/", page),
            web.post(r"/offer/{name:[a-z0-9-]+}", offer),
            web.post(r"/failed/{name:[a-z0-9-]+}", failed),
            web.post("/done", finish),
        ]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = command(browser, f"http://127.0.0.1:{port}/?browser={name}", profile)
        process = await asyncio.create_subprocess_exec(
            *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.wait_for(done.wait(), TIMEOUT_S)
        finally:
            process.terminate()
            await process.wait()
            await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
