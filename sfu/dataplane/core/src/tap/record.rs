//! What a tap writes: MessagePack objects one after the other, each an array that begins with its kind.
//!
//! ```text
//! RTP packet     [0, label, seq, arrival_us, packet: bin]
//! sender report  [1, label, arrival_us, ssrc, ntp, rtp_timestamp, packet_count, octet_count]
//! ```
//!
//! `seq` is the track's own number; arrivals are Unix time in microseconds.

use std::convert::Infallible;

use rmp::encode::{ValueWriteError, write_array_len, write_bin_len, write_uint};

use crate::rtp::{FIXED_HEADER_LEN, Header, write_fixed};

const RTP_PACKET: u64 = 0;
const SENDER_REPORT: u64 = 1;
/// No record takes more than this besides the bytes of its packet.
pub const MAX_FRAME: usize = 64;

/// A packet as its publisher sent it at first. What a retransmission changes (RFC 4588 §4) is put back: its number,
/// payload type and SSRC. Header extensions are those of the packet that came.
pub struct Packet<'a> {
    pub header: Header,
    /// What the header has behind its twelve fixed bytes: CSRCs and extension.
    pub header_rest: &'a [u8],
    /// Without padding.
    pub payload: &'a [u8],
    pub payload_type: u8,
    pub wire_seq: u16,
    pub ssrc: u32,
    pub seq: u64,
    /// Of the data plane's clock.
    pub arrived_us: u64,
    pub starts_keyframe: bool,
}

/// The publisher's clock as of one sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub ssrc: u32,
    pub ntp: u64,
    /// As sent.
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
    /// Of the data plane's clock.
    pub arrived_us: u64,
}

/// Memory takes whatever is written.
type Written = Result<(), ValueWriteError<Infallible>>;

impl Packet<'_> {
    pub fn size(&self) -> usize {
        FIXED_HEADER_LEN + self.header_rest.len() + self.payload.len()
    }

    pub fn write(&self, out: &mut Vec<u8>, label: u32, arrival_us: u64) {
        let Ok(()) = self.write_frame(out, label, arrival_us);
        let Header { marker, timestamp, csrc_count, extension, .. } = self.header;
        let mut fixed = [0; FIXED_HEADER_LEN];
        write_fixed(&mut fixed, marker, self.payload_type, self.wire_seq, timestamp, self.ssrc, extension.is_some());
        fixed[0] |= csrc_count;
        out.extend_from_slice(&fixed);
        out.extend_from_slice(self.header_rest);
        out.extend_from_slice(self.payload);
    }

    fn write_frame(&self, out: &mut Vec<u8>, label: u32, arrival_us: u64) -> Written {
        write_array_len(out, 5)?;
        for value in [RTP_PACKET, label.into(), self.seq, arrival_us] {
            write_uint(out, value)?;
        }
        write_bin_len(out, self.size() as u32)?;
        Ok(())
    }
}

impl Report {
    pub fn write(&self, out: &mut Vec<u8>, label: u32, arrival_us: u64) {
        let Ok(()) = self.try_write(out, label, arrival_us);
    }

    fn try_write(&self, out: &mut Vec<u8>, label: u32, arrival_us: u64) -> Written {
        let Self { ssrc, ntp, timestamp, packets, octets, .. } = *self;
        let values = [SENDER_REPORT, label.into(), arrival_us, ssrc.into(), ntp];
        write_array_len(out, 8)?;
        for value in values.into_iter().chain([timestamp, packets, octets].map(u64::from)) {
            write_uint(out, value)?;
        }
        Ok(())
    }
}
