"""Logging in: itsme's browser journey over HTTP, for pages and for apps. Keeps no records or sessions.

What a session is, `ports.py` asks of whoever implements it.
"""
