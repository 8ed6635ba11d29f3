"""What a depacketizer makes of one picture's packets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A coded picture, as containers hold it.

    `key`: a decoder may begin here. `begins`: its first packet is for certain the first one of a picture,
    whatever was lost before.
    """

    data: bytes
    key: bool
    begins: bool


Depacketize = Callable[[Sequence[bytes]], Picture]
"""All payloads of one picture, in order and without holes. Raises Malformed."""
