"""Specifies `media_server.consent_texts`."""
