"""The offers beside this file, by name."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "offers"

OFFERS: dict[str, str] = {path.stem: path.read_bytes().decode() for path in sorted(_FOLDER.glob("*.sdp"))}


def lines_replaced(offer: str, old: str, new: str) -> str:
    """The offer with every occurrence of `old` replaced; it must occur."""
    assert old in offer
    return offer.replace(old, new)
