"""What was typed, and where it is found again: searched in bytes, in every way that programs write text down.

typed = ["Kerkstraat 12", photo]
assert found(typed, files_beneath(data_dir)) == []
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

# Shorter ones may be there by chance once they are cut to what base64 shows of them.
_SHORTEST_IN_BASE64 = 9
# Of a file such as a photo: its last pieces that are varied, which no other has; many share their beginnings.
_PIECE, _PIECES, _VARIED = 48, 5, 24


def files_beneath(*roots: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's path and content; the path once more, as names can tell as much. What goes meanwhile is
    passed over.
    """
    for root in roots:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            yield f"the name of {name}", name.encode()
            if path.is_file():
                try:
                    yield name, path.read_bytes()
                except FileNotFoundError:
                    continue


def found(typed: Iterable[str | bytes], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """What of it is where, in words; places are names with contents."""
    wanted = [(each, spellings(each)) for each in typed]
    return [
        f"{_called(each)} in {name}"
        for name, content in places
        for each, ways in wanted
        if any(way in content for way in ways)
    ]


def spellings(text: str | bytes) -> frozenset[bytes]:
    """Raises ValueError for bytes that are all alike."""
    if isinstance(text, bytes):
        every = (text[start : start + _PIECE] for start in range(0, len(text) - _PIECE + 1, _PIECE // 2))
        varied = [piece for piece in every if len(set(piece)) >= _VARIED][-_PIECES:]
        if not varied:
            raise ValueError("nothing in it tells it from other files")
        return frozenset(varied) | {piece.hex().encode() for piece in varied}
    plain = text.encode()
    ways = {plain, text.encode("utf-16-le"), plain.hex().encode(), quote(text).encode()}
    ways.add(json.dumps(text)[1:-1].encode())
    if len(plain) >= _SHORTEST_IN_BASE64:
        ways |= set(_in_base64(plain))
    return frozenset(ways)


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """As it shows within something longer: at each of three offsets, without the figures at both ends that
    the neighbours have a share in.
    """
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + plain)
        begin, end = -(-offset * 8 // 6), (offset + len(plain)) * 8 // 6
        yield whole[begin:end]
        yield whole[begin:end].translate(bytes.maketrans(b"+/", b"-_"))


def _called(each: str | bytes) -> str:
    return f"{each[:12]}…" if isinstance(each, str) else f"a file of {len(each)} bytes"
