"""Looking into RTP packets, for tests."""


def payload(packet: bytes) -> bytes:
    """The payload behind CSRCs and a header extension, if there is one (RFC 3550 §5.1, §5.3.1)."""
    start = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    return packet[start:]


def is_keyframe(packet: bytes) -> bool:
    """RFC 7741 §4.3, for the synthetic video's descriptor of four bytes: frame tag bit 0 is clear."""
    body = payload(packet)
    return len(body) > 4 and bool(body[0] & 0x10) and not body[4] & 1
