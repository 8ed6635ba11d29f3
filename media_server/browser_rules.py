"""What browsers are told to allow our pages, and which pages may talk to us."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from media_server.errors import ForeignOrigin
from media_server.settings import Settings, is_loopback

_OWN_DEVICES = ("camera", "microphone", "display-capture", "autoplay", "fullscreen", "picture-in-picture",
                "screen-wake-lock")  # fmt: skip
_NO_DEVICES = ("geolocation", "usb", "serial", "hid", "midi", "payment", "gyroscope", "accelerometer",
               "magnetometer")  # fmt: skip


_OF_PROXIES = ("Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto")


def security_headers(settings: Settings, port: int) -> Mapping[str, str]:
    """Headers of every HTTP response; handlers may set stricter or other caching."""
    headers = {
        "Content-Security-Policy": content_security_policy(settings, port),
        "Permissions-Policy": ", ".join(
            [*(f"{name}=(self)" for name in _OWN_DEVICES), *(f"{name}=()" for name in _NO_DEVICES)]
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": "teleconsult",  # without the versions that aiohttp would tell
    }
    if settings.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def client_sharing(path: str, origin: str | None, settings: Settings) -> Mapping[str, str]:
    """Headers that let pages of ALLOWED_ORIGINS import the JS client's modules (Fetch §3.2, CORS).

    The modules are the same for everybody and hold no secret; pages and tickets stay with their own origin.
    """
    if path != "/web/client.js" and not path.startswith("/web/client/"):
        return {}
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Vary": "Accept-Encoding, Origin"}
    if origin is not None and origin in settings.allowed_origins:
        headers["Access-Control-Allow-Origin"] = origin
    return headers


def content_security_policy(settings: Settings, port: int) -> str:
    """Everything from ourselves, nothing inline, no framing (CSP level 3).

    The socket's own address is named beside 'self': browsers before CSP 3 do not take ws: for the same
    origin. A room may be on any node of a service, also on one that is started tomorrow.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            f"connect-src 'self' {_sockets(settings, port)}".strip(),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _sockets(settings: Settings, port: int) -> str:
    scheme = "wss" if settings.secure else "ws"
    if settings.redis_url is not None:
        return f"{scheme}:"
    hosts = [urlsplit(settings.origin(port)).netloc]
    if settings.on_loopback and not settings.secure:
        hosts += [f"localhost:{port}", f"127.0.0.1:{port}"]
    # A bracketed IPv6 address is not in the grammar of a host-source (CSP 3 §2.3.1).
    return " ".join(f"{scheme}://{host}" for host in dict.fromkeys(hosts) if "[" not in host)


def check_origin(request: web.Request, settings: Settings) -> None:
    """Raises ForeignOrigin for a browser's request that a page of somebody else makes (RFC 6455 §10.2).

    Programs that are no browsers send no Origin; what keeps those out is the ticket.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return
    scheme = "https" if settings.secure else "http"
    ours = {f"{scheme}://{request.host.lower()}", settings.public_url, *settings.allowed_origins}
    if origin.lower() not in ours:
        raise ForeignOrigin("this origin may not talk to this server; see ALLOWED_ORIGINS")


@web.middleware
async def loopback_names_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """For walk-in and test persons: the browser came by a loopback name, and no proxy stands between.

    Otherwise any web site could point its own name at 127.0.0.1 and be "the same origin" (DNS rebinding).
    """
    host = urlsplit(f"//{request.host}").hostname or ""
    # A proxy that adds none of these headers and writes our own name into Host still speaks, as nginx does
    # unless told otherwise, the HTTP that no browser speaks any more.
    forwarded = request.version < HttpVersion11 or any(name in request.headers for name in _OF_PROXIES)
    if forwarded or not (is_loopback(host) or host.endswith(".localhost")):
        raise ForeignOrigin("this server is for this machine only")
    return await handler(request)
