"""Random ids, sources and credentials."""

import secrets

from sfu.sdp import IceCredentials
from sfu.track import TrackId, TransportId


class RandomMint:
    """The `Mint` of a running node. All from the operating system's generator: ids are hard to guess."""

    def transport_id(self) -> TransportId:
        return TransportId(secrets.token_urlsafe(12))

    def track_id(self) -> TrackId:
        return TrackId(secrets.token_urlsafe(12))

    def ssrc(self) -> int:
        """1 … 2³²-1; RFC 3550 §8.1 asks for random ones, and some receivers take 0 for none."""
        return secrets.randbelow(2**32 - 1) + 1

    def ice_credentials(self) -> IceCredentials:
        """Hex has ice-chars only; 64 bits so that the ufrag alone tells participants apart, 128 for the
        password, as RFC 8445 §5.3 wants at least (its 24 and 128 bits)."""
        return IceCredentials(secrets.token_hex(8), secrets.token_hex(16))

    def session_id(self) -> int:
        """RFC 9429 §5.2.1: 64 bits with the highest one clear."""
        return secrets.randbits(62) + 1
