"""Reads a session description (RFC 8866 §9) from a peer that may be hostile.

One pass, linear in the length of the text, which is limited. What we don't know is skipped, as §5.13 asks;
what we know must be well-formed, or `SdpError` names the line and the attribute and quotes nothing. The
attributes themselves are read in `sdp_attributes`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sfu.errors import SdpError
from sfu.sdp import MediaSection, SessionDescription
from sfu.sdp_attributes import (
    MEDIA_ATTRIBUTES,
    SESSION_ATTRIBUTES,
    TOKEN,
    Malformed,
    SectionDraft,
    SessionDraft,
    number,
    payload_type,
)

MAX_CHARACTERS = 65_536
MAX_LINE = 4_096
MAX_SECTIONS = 64
MAX_FORMATS = 256

# RFC 8866 §9 allows anything but NUL, CR and LF; we are stricter, as no browser sends control characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LINE_TYPES = frozenset(f"{letter}=" for letter in "vosiuepcbtrzkam")
_RTP = re.compile(r"(?:(?:UDP|TCP)/TLS/)?RTP/S?AVPF?")
_ORIGIN = re.compile(r"\S+ ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] \S+")


def read(text: str) -> SessionDescription:
    """The description in `text`, lines ended by CRLF or LF. Raises SdpError."""
    if len(text) > MAX_CHARACTERS:
        raise SdpError(0, "", f"longer than {MAX_CHARACTERS} characters")
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    _check_characters(text, lines)
    session = SessionDraft()
    # What an attribute fills, and how: the session's until the first m-line, then that section's. The types
    # belong together, which a checker cannot see.
    draft: Any = session
    handlers: Mapping[str, Callable[[Any, str], None]] = SESSION_ATTRIBUTES
    line_number, attribute = 0, ""
    try:
        for line_number, line in enumerate(lines, start=1):
            attribute = line[:2]
            if attribute == "a=":
                name, _, value = line[2:].partition(":")
                handler = handlers.get(name)
                if handler is not None:
                    attribute = name  # a name of our own table
                    handler(draft, value)
            elif attribute == "m=":
                draft, handlers = _media(session, line[2:]), MEDIA_ATTRIBUTES
            elif attribute == "o=":
                _origin(session, line[2:])
            elif line and attribute not in _LINE_TYPES:
                attribute = ""
                raise Malformed("not a line of a session description")
            if line_number == 1 and line != "v=0":
                raise Malformed("the description does not begin with v=0")
        line_number, attribute = 0, ""
        return _finish(session)
    except Malformed as malformed:
        raise SdpError(line_number, attribute, malformed.reason) from None


def _check_characters(text: str, lines: Sequence[str]) -> None:
    found = _CONTROL.search(text)
    if found is not None:
        raise SdpError(text.count("\n", 0, found.start()) + 1, "", "a control character")
    longest = max(lines, key=len)
    if len(longest) > MAX_LINE:
        raise SdpError(lines.index(longest) + 1, "", f"longer than {MAX_LINE} characters")


def _origin(session: SessionDraft, value: str) -> None:
    match = _ORIGIN.fullmatch(value)
    if match is None:
        raise Malformed("not six fields with numbers for session and version")
    if session.origin is not None:
        raise Malformed("given twice")
    session.origin = (int(match[1]), int(match[2]))


def _media(session: SessionDraft, value: str) -> SectionDraft:
    if len(session.sections) == MAX_SECTIONS:
        raise Malformed(f"more than {MAX_SECTIONS} sections")
    fields = value.split(" ")
    if len(fields) < 4 or not all(map(TOKEN.fullmatch, (fields[0], *fields[3:]))):
        raise Malformed("not a media type, port, protocol and formats")
    if len(fields) > MAX_FORMATS:
        raise Malformed("too many formats")
    media, port, protocol, *formats = fields
    if not all(map(TOKEN.fullmatch, protocol.split("/"))):
        raise Malformed("the protocol is not made of tokens")
    # RFC 8866 §5.14 allows "port/count" for layered multicast, which no WebRTC endpoint can mean.
    draft = SectionDraft(media=media, port=number(port, 0, 65_535), protocol=protocol, formats=tuple(formats))
    if _RTP.fullmatch(protocol):
        draft.payload_types = dict.fromkeys(map(payload_type, formats))
        if len(draft.payload_types) != len(formats):
            raise Malformed("a payload type is listed twice")
    session.sections.append(draft)
    return draft


def _finish(session: SessionDraft) -> SessionDescription:
    if session.origin is None:
        raise SdpError(0, "o=", "the description has no origin")
    sections = tuple(section.finish(session) for section in session.sections)
    _check_mids(sections, session.bundle)
    return SessionDescription(
        session_id=session.origin[0],
        version=session.origin[1],
        sections=sections,
        bundle=session.bundle,
        ice_lite=session.ice_lite,
        extmap_allow_mixed=session.extmap_allow_mixed,
    )


def _check_mids(sections: tuple[MediaSection, ...], bundle: tuple[str, ...]) -> None:
    mids = [section.mid for section in sections if section.mid is not None]
    known = set(mids)
    if len(known) != len(mids):
        raise SdpError(0, "mid", "two sections have the same mid")
    if len(set(bundle)) != len(bundle) or not known.issuperset(bundle):
        raise SdpError(0, "group", "the bundle names a section twice, or one that does not exist")
