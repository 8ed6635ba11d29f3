"""Offers from hell: each breaks one thing that an offer has to have, or has far too much of it."""

_SECTION = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
    "a=setup:actpass",
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
]
_SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"]


def hostile_offers() -> dict[str, str]:
    """By what is wrong with it. `_without` and `_instead` start from an offer that is right."""
    return {
        "nothing": "",
        "not SDP at all": "hello",
        "noise": "\x00\x01\x02" * 500,
        "lines without a type": "=\r\n" * 100,
        "only a session": _sdp(_SESSION),
        "no version": _sdp(_SESSION[1:] + _SECTION),
        "no ufrag": _without("a=ice-ufrag"),
        "no password": _without("a=ice-pwd"),
        "a password of one character": _instead("a=ice-pwd", "a=ice-pwd:x"),
        "a ufrag of ninety thousand characters": _instead("a=ice-ufrag", "a=ice-ufrag:" + "u" * 90_000),
        "no fingerprint": _without("a=fingerprint"),
        "a fingerprint that is no hash": _instead("a=fingerprint", "a=fingerprint:sha-256 zz"),
        "a fingerprint of an unknown hash": _instead("a=fingerprint", "a=fingerprint:md7 AA:BB"),
        "no rtcp-mux": _without("a=rtcp-mux"),
        "no mid": _without("a=mid"),
        "the same mid twice": _sdp(_SESSION + _SECTION + _SECTION),
        "the server as DTLS client only": _instead("a=setup", "a=setup:passive"),
        "an unknown setup": _instead("a=setup", "a=setup:sideways"),
        "no port": _instead("m=", "m=audio UDP/TLS/RTP/SAVPF 111"),
        "a port that is no number": _instead("m=", "m=audio nine UDP/TLS/RTP/SAVPF 111"),
        "no formats": _instead("m=", "m=audio 9 UDP/TLS/RTP/SAVPF"),
        "unencrypted media": _instead("m=", "m=audio 9 RTP/AVP 111"),
        "a format that is no number": _instead("m=", "m=audio 9 UDP/TLS/RTP/SAVPF opus"),
        "a payload type beyond seven bits": _instead("m=", "m=audio 9 UDP/TLS/RTP/SAVPF 400"),
        "a codec nobody has": _instead("a=rtpmap", "a=rtpmap:111 gramophone/78"),
        "a clock rate of zero": _instead("a=rtpmap", "a=rtpmap:111 opus/0/2"),
        "three hundred sections": _sdp(_SESSION + _SECTION * 300),
        "a line without end": _instead("a=sendonly", "a=" + "x" * 90_000),
        "numbers without end": _instead("o=", "o=- " + "9" * 10_000 + " 2 IN IP4 127.0.0.1"),
        "digits of another script": _instead("m=", "m=audio \u0669 UDP/TLS/RTP/SAVPF \u0661\u0661\u0661"),
    }


def _sdp(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


def _without(prefix: str) -> str:
    return _sdp([line for line in _SESSION + _SECTION if not line.startswith(prefix)])


def _instead(prefix: str, line: str) -> str:
    return _sdp([line if each.startswith(prefix) else each for each in _SESSION + _SECTION])
