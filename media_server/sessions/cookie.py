"""The cookie that keeps a page logged in: for this host alone, unseen by scripts, not sent from elsewhere."""

from aiohttp import web

from auth import Private


def cookie_name(secure: bool) -> str:
    """The prefix binds it to this very host and to https (RFC 6265bis §4.1.3.2)."""
    return "__Host-teleconsult" if secure else "teleconsult"


def set_session_cookie(
    response: web.StreamResponse, cookie: Private[str], life_s: int, *, secure: bool
) -> None:
    response.set_cookie(
        cookie_name(secure),
        cookie.reveal(),
        max_age=life_s,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Strict",
    )


def clear_session_cookie(response: web.StreamResponse, *, secure: bool) -> None:
    """With the attributes it was set with: browsers take `__Host-` cookies in no other way."""
    response.set_cookie(
        cookie_name(secure), "", max_age=0, path="/", secure=secure, httponly=True, samesite="Strict"
    )
