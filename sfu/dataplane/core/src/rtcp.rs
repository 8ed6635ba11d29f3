//! RTCP packets (RFC 3550 §6), feedback (RFC 4585, RFC 5104) and REMB (draft-alvestrand-rmcat-remb-03).

use std::fmt;

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
        todo!()
    }
}

/// SSRCs one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssrcs<'a>(&'a [u8]);

impl Iterator for Ssrcs<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        todo!()
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
        todo!()
    }
}

/// (SSRC, command sequence number) of each entry of a full intra request (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntries<'a>(&'a [u8]);

impl Iterator for FirEntries<'_> {
    type Item = (u32, u8);
    fn next(&mut self) -> Option<(u32, u8)> {
        todo!()
    }
}

/// (SSRC, CNAME) of each chunk of a source description that has one (RFC 3550 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cnames<'a>(&'a [u8]);

impl<'a> Iterator for Cnames<'a> {
    type Item = (u32, &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
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
        todo!()
    }
}

/// Appends a sender report without report blocks.
pub fn write_sr(out: &mut Vec<u8>, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32) {
    let _ = (out, ssrc, ntp, rtp, packets, octets);
    todo!()
}

/// Appends a receiver report; blocks beyond the 31st are left out.
pub fn write_rr(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    let _ = (out, ssrc, blocks);
    todo!()
}

/// Appends a source description with a CNAME; what is over 255 bytes of it is cut off.
pub fn write_sdes_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let _ = (out, ssrc, cname);
    todo!()
}

/// Appends a generic NACK for `lost`, which is in sending order (ascending, wrapping at 65,536).
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: &[u16]) {
    let _ = (out, sender, media, lost);
    todo!()
}

/// Appends a picture loss indication (RFC 4585 §6.3.1).
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    let _ = (out, sender, media);
    todo!()
}
