"""Who is logged in: sessions in SQL, their cookie and CSRF rules, and what logging in asks of them."""

from media_server.sessions.callers import CSRF_HEADER, SessionCallers
from media_server.sessions.cookie import clear_session_cookie, cookie_name, set_session_cookie
from media_server.sessions.housekeeping import Housekeeping
from media_server.sessions.live_logins import LiveLogins
from media_server.sessions.login import LoginSessions
from media_server.sessions.logout import add_logout_route
from media_server.sessions.store import AppTokens, Begun, Session, SessionStore

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "SessionStore",
    "Session",
    "Begun",
    "AppTokens",
    "SessionCallers",
    "CSRF_HEADER",
    "LoginSessions",
    "add_logout_route",
    "Housekeeping",
    "LiveLogins",
    "set_session_cookie",
    "clear_session_cookie",
    "cookie_name",
]
