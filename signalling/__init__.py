"""Signalling: what a peer may say, and when. Knows rooms and roles; no RTP, no HTTP resources, no SQL."""
