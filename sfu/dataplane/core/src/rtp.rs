//! RTP packets (RFC 3550 §5.1), and what kind of packet a datagram holds (RFC 7983, RFC 5761).
//!
//! Works on a borrowed datagram: a header is offsets and numbers, nothing is copied. Everything here may be called
//! on bytes that nobody has authenticated yet.

use std::fmt;
use std::ops::Range;

/// Length of the header without CSRCs and extension.
pub const FIXED_HEADER_LEN: usize = 12;

/// What a datagram on the shared port is, by its first bytes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Other,
}

/// Tells apart what shares our port (RFC 7983 §7; RTP from RTCP by RFC 5761 §4).
#[must_use]
pub fn classify(datagram: &[u8]) -> Kind {
    match datagram {
        [0..=3, ..] => Kind::Stun,
        [20..=63, ..] => Kind::Dtls,
        [128..=191, second, ..] if is_rtcp(*second) => Kind::Rtcp,
        [128..=191, _, ..] => Kind::Rtp,
        _ => Kind::Other,
    }
}

/// Whether the second byte of an RTP or RTCP packet says RTCP: packet types 192..=223 (RFC 5761 §4).
///
/// The price is that RTP payload types 64..=95 cannot carry the marker bit; offers with those are refused in SDP.
#[must_use]
pub const fn is_rtcp(second_byte: u8) -> bool {
    matches!(second_byte, 192..=223)
}

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtpError {
    /// The datagram ends inside its header.
    Truncated,
    /// The version is not 2.
    Version,
    /// The padding count is zero or larger than the payload.
    Padding,
}

impl fmt::Display for RtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "RTP header is cut short",
            Self::Version => "RTP version is not 2",
            Self::Padding => "RTP padding does not fit its payload",
        })
    }
}

impl std::error::Error for RtpError {}

/// Where the header extension's elements are in the packet, and in which form (RFC 3550 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionBlock {
    /// 0xBEDE or 0x100x for RFC 8285 elements.
    pub profile: u16,
    /// First byte behind the extension's own four byte header.
    pub start: usize,
    pub end: usize,
}

impl ExtensionBlock {
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// A parsed header. `len` bytes of the packet are the header, the rest is payload (and padding).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub seq: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub csrc_count: u8,
    /// The P bit; the padding itself is encrypted, so `payload_end` takes it off after decryption.
    pub padding: bool,
    /// The whole header in bytes, CSRCs and extension included.
    pub len: usize,
    pub extension: Option<ExtensionBlock>,
}

impl Header {
    /// Reads the header of a packet, encrypted or not: SRTP leaves headers clear (RFC 3711 §3.1).
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let (fixed, _) = packet.split_first_chunk::<FIXED_HEADER_LEN>().ok_or(RtpError::Truncated)?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let csrc_count = first & 0x0f;
        let mut len = FIXED_HEADER_LEN + 4 * usize::from(csrc_count);
        let mut extension = None;
        if first & 0x10 != 0 {
            let [p0, p1, w0, w1] = *packet.get(len..).and_then(<[u8]>::first_chunk).ok_or(RtpError::Truncated)?;
            let start = len + 4;
            len = start + 4 * usize::from(u16::from_be_bytes([w0, w1]));
            extension = Some(ExtensionBlock { profile: u16::from_be_bytes([p0, p1]), start, end: len });
        }
        if packet.len() < len {
            return Err(RtpError::Truncated);
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            seq: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            csrc_count,
            padding: first & 0x20 != 0,
            len,
            extension,
        })
    }
}

/// Where the payload of a decrypted packet ends once its padding is taken off (RFC 3550 §5.1).
///
/// A packet of nothing but padding gives `header.len`.
pub fn payload_end(packet: &[u8], header: &Header) -> Result<usize, RtpError> {
    let payload = packet.get(header.len..).ok_or(RtpError::Truncated)?;
    if !header.padding {
        return Ok(packet.len());
    }
    match payload.last() {
        Some(&count) if count > 0 && usize::from(count) <= payload.len() => Ok(packet.len() - usize::from(count)),
        _ => Err(RtpError::Padding),
    }
}

/// Writes the twelve fixed bytes of a header without CSRCs and padding; `out` must hold them.
pub fn write_fixed(
    out: &mut [u8],
    marker: bool,
    payload_type: u8,
    seq: u16,
    timestamp: u32,
    ssrc: u32,
    has_extension: bool,
) {
    out[0] = 0x80 | (u8::from(has_extension) << 4);
    out[1] = (u8::from(marker) << 7) | (payload_type & 0x7f);
    out[2..4].copy_from_slice(&seq.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..FIXED_HEADER_LEN].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_packet() -> Vec<u8> {
        let mut packet = vec![0; 12];
        write_fixed(&mut packet, true, 96, 0x1234, 0x5678_9ABC, 0xDEAD_BEEF, false);
        packet.extend([1, 2, 3]);
        packet
    }

    #[test]
    fn what_was_written_is_read() {
        let header = Header::parse(&a_packet()).unwrap();
        assert_eq!(
            header,
            Header {
                marker: true,
                payload_type: 96,
                seq: 0x1234,
                timestamp: 0x5678_9ABC,
                ssrc: 0xDEAD_BEEF,
                csrc_count: 0,
                padding: false,
                len: 12,
                extension: None,
            }
        );
    }

    #[test]
    fn csrcs_and_extension_belong_to_the_header() {
        let mut packet = a_packet()[..12].to_vec();
        packet[0] = 0x92;
        packet.extend([0; 8]);
        packet.extend([0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 42]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.csrc_count, header.len), (2, 28));
        let block = header.extension.unwrap();
        assert_eq!((block.profile, block.range()), (0xBEDE, 24..28));
        assert_eq!(payload_end(&packet, &header), Ok(29));
    }

    #[test]
    fn a_header_over_the_end_is_refused() {
        let packet = a_packet();
        assert!((0..12).all(|len| Header::parse(&packet[..len]) == Err(RtpError::Truncated)));
        for first in [0x84, 0x90] {
            let mut packet = packet.clone();
            packet[0] = first;
            assert_eq!(Header::parse(&packet), Err(RtpError::Truncated));
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut packet = a_packet();
        packet[0] = 0x40;
        assert_eq!(Header::parse(&packet), Err(RtpError::Version));
    }

    #[test]
    fn padding_is_taken_off_down_to_an_empty_payload() {
        let mut packet = a_packet();
        packet[0] |= 0x20;
        for (count, end) in [(1, Ok(14)), (3, Ok(12)), (0, Err(RtpError::Padding)), (4, Err(RtpError::Padding))] {
            packet[14] = count;
            assert_eq!(payload_end(&packet, &Header::parse(&packet).unwrap()), end);
        }
        let header = Header::parse(&packet[..12]).unwrap();
        assert_eq!(payload_end(&packet[..12], &header), Err(RtpError::Padding));
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_bytes() {
        let kinds = [
            (&[0, 1][..], Kind::Stun),
            (&[22, 254], Kind::Dtls),
            (&[0x80, 96], Kind::Rtp),
            (&[0x80, 0x80 | 96], Kind::Rtp),
            (&[0x80, 200], Kind::Rtcp),
            (&[0x81, 206], Kind::Rtcp),
            (&[0x80], Kind::Other),
            (&[64, 0], Kind::Other),
            (&[192, 0], Kind::Other),
            (&[], Kind::Other),
        ];
        for (datagram, kind) in kinds {
            assert_eq!(classify(datagram), kind, "{datagram:?}");
        }
    }
}
