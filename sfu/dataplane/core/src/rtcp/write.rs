//! Writing RTCP: every function appends one packet of a compound.

use super::{
    FMT_NACK, FMT_PLI, MAX_COUNT, PAYLOAD_FEEDBACK, RECEIVER_REPORT, REPORT_LEN, ReportBlock, SDES_CNAME,
    SENDER_REPORT, SOURCE_DESCRIPTION, TRANSPORT_FEEDBACK,
};

/// Appends a header and the SSRC behind it; `words` is the packet's length without the first one.
pub(crate) fn write_header(out: &mut Vec<u8>, packet_type: u8, format: u8, words: u16, ssrc: u32) {
    out.extend_from_slice(&[0x80 | format, packet_type]);
    out.extend_from_slice(&words.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends a sender report without report blocks.
pub fn write_sr(out: &mut Vec<u8>, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32) {
    write_header(out, SENDER_REPORT, 0, 6, ssrc);
    out.extend_from_slice(&ntp.to_be_bytes());
    for value in [rtp, packets, octets] {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a receiver report; blocks beyond the 31st are left out.
pub fn write_rr(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
    let words = 1 + blocks.len() * REPORT_LEN / 4;
    write_header(out, RECEIVER_REPORT, blocks.len() as u8, words as u16, ssrc);
    for block in blocks {
        // RFC 3550 §6.4.1: the count stays at the ends of its 24 bits.
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.extend_from_slice(&block.ssrc.to_be_bytes());
        out.extend_from_slice(&[block.fraction_lost, lost[1], lost[2], lost[3]]);
        for value in [block.highest_seq, block.jitter, block.lsr, block.dlsr] {
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends a source description with a CNAME; what is over 255 bytes of it is cut off.
pub fn write_sdes_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let cname = &cname.as_bytes()[..cname.len().min(255)];
    // SSRC, item header, value, and at least one zero byte to end the list of items.
    let words = (4 + 2 + cname.len() + 1).div_ceil(4);
    let end = out.len() + 4 + 4 * words;
    write_header(out, SOURCE_DESCRIPTION, 1, words as u16, ssrc);
    out.extend_from_slice(&[SDES_CNAME, cname.len() as u8]);
    out.extend_from_slice(cname);
    out.resize(end, 0);
}

/// Appends a generic NACK for `lost`, which is in sending order (ascending, wrapping at 65,536); nothing for none.
///
/// Numbers up to 16 behind another share its entry, so that a burst of losses costs four bytes for 17 packets.
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: &[u16]) {
    let start = out.len();
    let mut lost = lost.iter().copied().peekable();
    if lost.peek().is_none() {
        return;
    }
    write_header(out, TRANSPORT_FEEDBACK, FMT_NACK, 0, sender);
    out.extend_from_slice(&media.to_be_bytes());
    while let Some(pid) = lost.next() {
        let mut following = 0_u16;
        while let Some(distance) = lost.next_if(|seq| seq.wrapping_sub(pid) <= 16).map(|seq| seq.wrapping_sub(pid)) {
            // A repetition (distance 0) is asked for already.
            following |= if distance == 0 { 0 } else { 1 << (distance - 1) };
        }
        out.extend_from_slice(&pid.to_be_bytes());
        out.extend_from_slice(&following.to_be_bytes());
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// Appends a picture loss indication (RFC 4585 §6.3.1).
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    write_header(out, PAYLOAD_FEEDBACK, FMT_PLI, 2, sender);
    out.extend_from_slice(&media.to_be_bytes());
}
