//! RTCP packets (RFC 3550 §6), feedback (RFC 4585, RFC 5104) and REMB (draft-alvestrand-rmcat-remb-03).

use std::fmt;

mod write;

pub(crate) use write::write_header;
pub use write::{write_nack, write_pli, write_rr, write_sdes_cname, write_sr};

// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

// Feedback formats of the one and the other type.
const FMT_NACK: u8 = 1;
pub(crate) const FMT_TRANSPORT_CC: u8 = 15;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
const FMT_APPLICATION: u8 = 15;

pub(crate) const PADDING_BIT: u8 = 0x20;
const SDES_CNAME: u8 = 1;
const REPORT_LEN: usize = 24;
/// The count field has five bits.
const MAX_COUNT: usize = 31;

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpError {
    Truncated,
    Version,
    Padding,
    /// The body is too short for its type or its counts.
    Body,
}

impl fmt::Display for RtcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "RTCP packet is cut short",
            Self::Version => "RTCP version is not 2",
            Self::Padding => "RTCP padding does not fit its packet",
            Self::Body => "RTCP body does not fit its type",
        })
    }
}

impl std::error::Error for RtcpError {}

/// What one receiver says about one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    /// In 1/256 of the packets expected since the last report.
    pub fraction_lost: u8,
    /// 24 bits on the wire; negative when duplicates arrived.
    pub cumulative_lost: i32,
    /// Cycles in the upper half, sequence number in the lower.
    pub highest_seq: u32,
    /// In the stream's clock ticks.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0: none yet.
    pub lsr: u32,
    /// Since then, in 1/65,536 s.
    pub dlsr: u32,
}

/// Report blocks of a sender or receiver report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports<'a>(&'a [u8]);

impl Iterator for Reports<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let block = take::<REPORT_LEN>(&mut self.0)?;
        let [s0, s1, s2, s3, fraction_lost, l0, l1, l2, rest @ ..] = block;
        Some(ReportBlock {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction_lost,
            // Shifting down again carries the sign along.
            cumulative_lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest_seq: word(&rest, 0),
            jitter: word(&rest, 1),
            lsr: word(&rest, 2),
            dlsr: word(&rest, 3),
        })
    }
}

/// SSRCs one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssrcs<'a>(&'a [u8]);

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        take(&mut self.0).map(u32::from_be_bytes)
    }
}

/// The lost sequence numbers of a generic NACK (RFC 4585 §6.2.1), in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost<'a> {
    pairs: &'a [u8],
    pid: u16,
    /// Bits still to give, lowest first: bit 0 stands for `pid` itself.
    mask: u32,
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let [p0, p1, b0, b1] = take(&mut self.pairs)?;
            self.pid = u16::from_be_bytes([p0, p1]);
            self.mask = u32::from(u16::from_be_bytes([b0, b1])) << 1 | 1;
        }
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.pid.wrapping_add(bit as u16))
    }
}

/// (SSRC, command sequence number) of each entry of a full intra request (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntries<'a>(&'a [u8]);

impl Iterator for FirEntries<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        let [s0, s1, s2, s3, command, ..] = take::<8>(&mut self.0)?;
        Some((u32::from_be_bytes([s0, s1, s2, s3]), command))
    }
}

/// (SSRC, CNAME) of each chunk of a source description that has one (RFC 3550 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cnames<'a>(&'a [u8]);

impl<'a> Cnames<'a> {
    /// Reads the items of one chunk to its end; None where they run over the packet.
    fn chunk_cname(&mut self) -> Option<Option<&'a [u8]>> {
        let chunk = std::mem::take(&mut self.0);
        let (mut at, mut cname) = (0, None);
        while *chunk.get(at)? != 0 {
            let len = usize::from(*chunk.get(at + 1)?);
            let value = chunk.get(at + 2..at + 2 + len)?;
            if chunk[at] == SDES_CNAME {
                cname = cname.or(Some(value));
            }
            at += 2 + len;
        }
        // The list ends with one zero byte, then more up to the next word.
        self.0 = chunk.get((at + 1).next_multiple_of(4)..).unwrap_or_default();
        Some(cname)
    }
}

impl<'a> Iterator for Cnames<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let ssrc = u32::from_be_bytes(take(&mut self.0)?);
            if let Some(cname) = self.chunk_cname()? {
                return Some((ssrc, cname));
            }
        }
    }
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    SenderReport {
        ssrc: u32,
        ntp: u64,
        rtp: u32,
        packet_count: u32,
        octet_count: u32,
        reports: Reports<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        reports: Reports<'a>,
    },
    Sdes {
        cnames: Cnames<'a>,
    },
    Bye {
        ssrcs: Ssrcs<'a>,
    },
    Nack {
        sender: u32,
        media: u32,
        lost: Lost<'a>,
    },
    Pli {
        sender: u32,
        media: u32,
    },
    Fir {
        sender: u32,
        entries: FirEntries<'a>,
    },
    /// `fci` is for `twcc::Feedback::parse`.
    TransportCc {
        sender: u32,
        media: u32,
        fci: &'a [u8],
    },
    Remb {
        sender: u32,
        bitrate_bps: u64,
        ssrcs: Ssrcs<'a>,
    },
    /// A type or format that we do not read.
    Unknown {
        packet_type: u8,
        format: u8,
    },
}

/// The packets of a compound or reduced-size packet (RFC 5506).
///
/// A packet with a bad body gives an error and reading goes on behind it; a bad length ends it.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

#[must_use]
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match split_packet(self.rest) {
            Ok((header, body, rest)) => {
                self.rest = rest;
                Some(body.and_then(|body| parse(header, body)))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

/// The first two bytes of a packet: count or format, and type.
#[derive(Clone, Copy)]
struct Header {
    format: u8,
    packet_type: u8,
}

type Split<'a> = (Header, Result<&'a [u8], RtcpError>, &'a [u8]);

/// Cuts off the first packet: its header, its body without padding, and what comes behind it.
fn split_packet(compound: &[u8]) -> Result<Split<'_>, RtcpError> {
    let (&[first, packet_type, l0, l1], rest) = compound.split_first_chunk().ok_or(RtcpError::Truncated)?;
    if first >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let len = 4 * usize::from(u16::from_be_bytes([l0, l1]));
    let (body, rest) = rest.split_at_checked(len).ok_or(RtcpError::Truncated)?;
    let body = if first & PADDING_BIT == 0 { Ok(body) } else { without_padding(body) };
    Ok((Header { format: first & 0x1f, packet_type }, body, rest))
}

fn without_padding(body: &[u8]) -> Result<&[u8], RtcpError> {
    let count = usize::from(*body.last().ok_or(RtcpError::Padding)?);
    match body.len().checked_sub(count) {
        Some(len) if count > 0 => Ok(&body[..len]),
        _ => Err(RtcpError::Padding),
    }
}

fn parse(header: Header, body: &[u8]) -> Result<Packet<'_>, RtcpError> {
    let Header { format, packet_type } = header;
    match (packet_type, format) {
        (SENDER_REPORT, count) => {
            let (info, rest) = body.split_first_chunk::<24>().ok_or(RtcpError::Body)?;
            Ok(Packet::SenderReport {
                ssrc: word(info, 0),
                ntp: u64::from(word(info, 1)) << 32 | u64::from(word(info, 2)),
                rtp: word(info, 3),
                packet_count: word(info, 4),
                octet_count: word(info, 5),
                reports: Reports(counted(rest, count, REPORT_LEN)?),
            })
        }
        (RECEIVER_REPORT, count) => {
            let (info, rest) = body.split_first_chunk::<4>().ok_or(RtcpError::Body)?;
            Ok(Packet::ReceiverReport { ssrc: word(info, 0), reports: Reports(counted(rest, count, REPORT_LEN)?) })
        }
        (SOURCE_DESCRIPTION, _) => Ok(Packet::Sdes { cnames: Cnames(body) }),
        (BYE, count) => Ok(Packet::Bye { ssrcs: Ssrcs(counted(body, count, 4)?) }),
        (TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK, _) => {
            let (info, fci) = body.split_first_chunk::<8>().ok_or(RtcpError::Body)?;
            parse_feedback(header, word(info, 0), word(info, 1), fci)
        }
        _ => Ok(Packet::Unknown { packet_type, format }),
    }
}

/// Feedback messages (RFC 4585 §6.1): SSRCs of packet sender and media source, then control information.
fn parse_feedback(header: Header, sender: u32, media: u32, fci: &[u8]) -> Result<Packet<'_>, RtcpError> {
    let Header { format, packet_type } = header;
    Ok(match (packet_type, format) {
        (TRANSPORT_FEEDBACK, FMT_NACK) if fci.len() >= 4 => {
            Packet::Nack { sender, media, lost: Lost { pairs: fci, pid: 0, mask: 0 } }
        }
        (TRANSPORT_FEEDBACK, FMT_TRANSPORT_CC) => Packet::TransportCc { sender, media, fci },
        (PAYLOAD_FEEDBACK, FMT_PLI) => Packet::Pli { sender, media },
        (PAYLOAD_FEEDBACK, FMT_FIR) if fci.len() >= 8 => Packet::Fir { sender, entries: FirEntries(fci) },
        (TRANSPORT_FEEDBACK, FMT_NACK) | (PAYLOAD_FEEDBACK, FMT_FIR) => return Err(RtcpError::Body),
        (PAYLOAD_FEEDBACK, FMT_APPLICATION) => match fci.split_first_chunk::<8>() {
            Some((&[b'R', b'E', b'M', b'B', count, b0, b1, b2], rest)) => {
                let mantissa = u64::from(u32::from_be_bytes([0, b0 & 3, b1, b2]));
                // A shift by up to 63 may push bits out of the top; no link is that fast.
                let bitrate_bps = u64::try_from(u128::from(mantissa) << (b0 >> 2)).unwrap_or(u64::MAX);
                Packet::Remb { sender, bitrate_bps, ssrcs: Ssrcs(counted(rest, count, 4)?) }
            }
            _ => Packet::Unknown { packet_type, format },
        },
        _ => Packet::Unknown { packet_type, format },
    })
}

/// The first `count` entries of `len` bytes.
fn counted(bytes: &[u8], count: u8, len: usize) -> Result<&[u8], RtcpError> {
    bytes.get(..usize::from(count) * len).ok_or(RtcpError::Body)
}

/// Takes the next `LEN` bytes; None, and nothing taken, when there are fewer.
fn take<const LEN: usize>(bytes: &mut &[u8]) -> Option<[u8; LEN]> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*chunk)
}

/// The `at`-th 32-bit word of an array that is known to hold it.
fn word<const LEN: usize>(bytes: &[u8; LEN], at: usize) -> u32 {
    u32::from_be_bytes([bytes[4 * at], bytes[4 * at + 1], bytes[4 * at + 2], bytes[4 * at + 3]])
}

#[cfg(test)]
mod tests;
