//! What every packet says of itself at the end of its encrypted payload: no server can renumber it.
//!
//! The last 20 bytes are those of `loadtest/synthetic_media.py`, so that each kind of participant reads the other's.

use dataplane_core::rtp::{Header, payload_end};

const MAGIC: [u8; 4] = *b"tlcs";
const KEY_BIT: u32 = 1 << 31;

/// 28 bytes, big-endian: frame, host, magic, stream, number, sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Which frame of the stream it belongs to, modulo 2^31.
    pub frame: u32,
    /// Whether that frame is a key frame.
    pub key: bool,
    /// Tells whose clock `sent_ns` is of; 0: unknown.
    pub host: u32,
    pub stream: u32,
    /// Counts the packets of the stream; a retransmission has its packet's.
    pub number: u32,
    /// Just before encryption, on the wall clock, in ns since 1970.
    pub sent_ns: u64,
}

impl Stamp {
    pub const LEN: usize = 28;

    /// Writes it to the end of `payload`, which must have room for it.
    pub fn write(&self, payload: &mut [u8]) {
        let start = payload.len() - Self::LEN;
        let out = &mut payload[start..];
        let frame = (self.frame & !KEY_BIT) | if self.key { KEY_BIT } else { 0 };
        out[..4].copy_from_slice(&frame.to_be_bytes());
        out[4..8].copy_from_slice(&self.host.to_be_bytes());
        out[8..12].copy_from_slice(&MAGIC);
        out[12..16].copy_from_slice(&self.stream.to_be_bytes());
        out[16..20].copy_from_slice(&self.number.to_be_bytes());
        out[20..].copy_from_slice(&self.sent_ns.to_be_bytes());
    }

    /// Reads it from the end of a decrypted payload; `None` when the packet is not of our making.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let bytes = payload.last_chunk::<{ Self::LEN }>()?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[8..12] != MAGIC {
            return None;
        }
        Some(Self {
            frame: word(0) & !KEY_BIT,
            key: word(0) & KEY_BIT != 0,
            host: word(4),
            stream: word(12),
            number: word(16),
            sent_ns: u64::from(word(20)) << 32 | u64::from(word(24)),
        })
    }
}

/// The payload of a decrypted packet that is `len` bytes long, padding taken off; `None` when that does not fit.
#[must_use]
pub fn payload<'a>(packet: &'a [u8], header: &Header, len: usize) -> Option<&'a [u8]> {
    let packet = packet.get(..header.len.checked_add(len)?)?;
    packet.get(header.len..payload_end(packet, header).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let stamp = Stamp { frame: 7, key: true, host: 9, stream: 11, number: 13, sent_ns: u64::MAX - 1 };
        let mut payload = [0xAA; 100];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(payload[..72], [0xAA; 72]);
    }

    #[test]
    fn what_others_send_has_no_stamp() {
        assert_eq!(Stamp::read(&[0; 27]), None);
        assert_eq!(Stamp::read(&[0; 100]), None);
    }
}
