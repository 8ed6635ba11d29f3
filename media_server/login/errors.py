"""What a client did wrong in asking for a login. What these become in HTTP: `media_server/problems.py`."""

from media_server.errors import RequestRefused


class BadQuery(RequestRefused):
    """A parameter of the address is missing or is not what it can be; the text names it."""


class GrantRefused(RequestRefused):
    """A code or a refresh token that is unknown, over, used up or not this app's (RFC 6749 §5.2)."""
