"""Specifies `media_server.intake`."""
