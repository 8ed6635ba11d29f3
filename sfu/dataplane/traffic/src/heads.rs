//! The first bytes of a video packet, as servers and players expect them of a codec. What follows is nothing a decoder
//! could show.

use crate::video::Frame;

/// Bytes at the head of a payload that the codec claims.
pub const MAX_HEAD: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    Vp8,
    H264,
}

impl VideoCodec {
    /// By the name in SDP, in lower case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "vp8" => Some(Self::Vp8),
            "h264" => Some(Self::H264),
            _ => None,
        }
    }

    /// Writes what begins the frame's next packet; returns how many bytes it took.
    pub fn write_head(self, out: &mut [u8; MAX_HEAD], frame: &Frame) -> usize {
        match self {
            Self::Vp8 => write_vp8(out, frame),
            Self::H264 => write_h264(out, frame),
        }
    }
}

/// The payload descriptor (RFC 7741 §4.2) with a picture id of 15 bits and, on the first packet, the frame header
/// (RFC 6386 §9.1).
fn write_vp8(out: &mut [u8; MAX_HEAD], frame: &Frame) -> usize {
    let first = frame.sent == 0;
    let picture = 0x8000 | (frame.number as u16 & 0x7FFF);
    // X, and S on the first packet; I.
    out[..2].copy_from_slice(&[if first { 0x90 } else { 0x80 }, 0x80]);
    out[2..4].copy_from_slice(&picture.to_be_bytes());
    if !first {
        return 4;
    }
    if !frame.key {
        out[4..7].copy_from_slice(&[0x11, 0x02, 0x00]);
        return 7;
    }
    // Bit 0 clear: a key frame; start code; 640 by 480.
    out[4..14].copy_from_slice(&[0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]);
    14
}

/// A key frame begins with a STAP-A (RFC 6184 §5.7.1) of both parameter sets and a slice; what is left of any frame is
/// one more slice in FU-As (§5.8), or a NAL unit by itself where one packet is enough.
fn write_h264(out: &mut [u8; MAX_HEAD], frame: &Frame) -> usize {
    const STAP_A: u8 = 0x78;
    const FU_A: u8 = 0x7C;
    const PARAMETER_SETS: [u8; 10] = [0, 4, 0x67, 0x42, 0xE0, 0x1F, 0, 2, 0x68, 0xCE];
    let (nal_reference, nal_type) = if frame.key { (0x60, 5) } else { (0x40, 1) };
    if frame.key && frame.sent == 0 {
        out[0] = STAP_A;
        out[1..11].copy_from_slice(&PARAMETER_SETS);
        let slice_len = frame.payload_len.saturating_sub(13) as u16;
        out[11..13].copy_from_slice(&slice_len.to_be_bytes());
        out[13] = nal_reference | nal_type;
        return 14;
    }
    let (first, last) = (u32::from(frame.key), frame.packets - 1);
    if first == last {
        out[0] = nal_reference | nal_type;
        return 1;
    }
    let start = if frame.sent == first { 0x80 } else { 0 };
    let end = if frame.sent == last { 0x40 } else { 0 };
    out[..2].copy_from_slice(&[FU_A & 0x1F | nal_reference, start | end | nal_type]);
    2
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataplane_core::codec::{Codec, starts_keyframe};

    fn heads(codec: VideoCodec, key: bool, packets: u32) -> Vec<Vec<u8>> {
        let frame = Frame { number: 300, key, timestamp: 0, packets, payload_len: 1_000, sent: 0 };
        let mut head = [0; MAX_HEAD];
        (0..packets)
            .map(|sent| {
                let len = codec.write_head(&mut head, &Frame { sent, ..frame });
                head[..len].to_vec()
            })
            .collect()
    }

    #[test]
    fn servers_see_a_key_frame_begin_in_its_first_packet_and_nowhere_else() {
        for (ours, theirs) in [(VideoCodec::Vp8, Codec::Vp8), (VideoCodec::H264, Codec::H264)] {
            for packets in 1..5 {
                let begins = |key| {
                    heads(ours, key, packets).iter().map(|head| starts_keyframe(theirs, head, None)).collect::<Vec<_>>()
                };
                let expected: Vec<bool> = (0..packets).map(|sent| sent == 0).collect();
                assert_eq!(begins(true), expected, "{ours:?}, {packets} packets");
                assert!(!begins(false).contains(&true), "{ours:?}, {packets} packets");
            }
        }
    }

    #[test]
    fn a_slice_of_h264_that_takes_several_packets_starts_once_and_ends_once() {
        assert_eq!(heads(VideoCodec::H264, false, 1), [[0x41]]);
        assert_eq!(heads(VideoCodec::H264, false, 3), [[0x5C, 0x81], [0x5C, 0x01], [0x5C, 0x41]]);
        assert_eq!(heads(VideoCodec::H264, true, 3)[1..], [[0x7C, 0x85], [0x7C, 0x45]]);
        assert_eq!(heads(VideoCodec::H264, true, 2)[1], [0x65], "a fragment is never both first and last");
    }

    #[test]
    fn the_units_of_a_stap_a_fill_its_packet() {
        let head = &heads(VideoCodec::H264, true, 2)[0];
        let slice_len = usize::from(u16::from_be_bytes([head[11], head[12]]));
        assert_eq!(13 + slice_len, 1_000);
    }

    #[test]
    fn codecs_have_the_names_of_sdp() {
        assert_eq!(VideoCodec::from_name("h264"), Some(VideoCodec::H264));
        assert_eq!(VideoCodec::from_name("vp8"), Some(VideoCodec::Vp8));
        assert_eq!(VideoCodec::from_name("av1"), None);
    }
}
