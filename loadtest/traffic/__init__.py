"""Participants whose media a native thread carries: one core holds more than a hundred calls.

They join by the public contract like anybody; ICE, SRTP and made-up media are `sfu/dataplane/traffic`'s, the
handshake is OpenSSL's. Nothing is decoded.
"""

from loadtest.traffic.native import MOST_PARTICIPANTS, NativeEngine
from loadtest.traffic.participant import NativeParticipant

__all__ = ["MOST_PARTICIPANTS", "NativeEngine", "NativeParticipant"]
