//! Where a key frame starts in an RTP payload: VP8 (RFC 7741), H.264 (RFC 6184), VP9 (RFC 9628), AV1 (its RTP specification).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Opus,
    Vp8,
    H264,
    Vp9,
    Av1,
}

impl Codec {
    /// By lower-case encoding name, as in SDP.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "opus" => Some(Self::Opus),
            "vp8" => Some(Self::Vp8),
            "h264" => Some(Self::H264),
            "vp9" => Some(Self::Vp9),
            "av1" => Some(Self::Av1),
            _ => None,
        }
    }
}

/// Whether a decoder can start at this packet: the first one of a key frame. Audio has no key frames: false.
///
/// `dependency_descriptor` is that header extension's value, where negotiated: with end-to-end encryption
/// only it tells of AV1 key frames.
#[must_use]
pub fn starts_keyframe(codec: Codec, payload: &[u8], dependency_descriptor: Option<&[u8]>) -> bool {
    let starts = match codec {
        Codec::Opus => Some(false),
        Codec::Vp8 => vp8(payload),
        Codec::H264 => h264(payload),
        Codec::Vp9 => vp9(payload),
        Codec::Av1 => match dependency_descriptor {
            Some(descriptor) => av1_descriptor(descriptor),
            None => av1(payload),
        },
    };
    // None: the payload ends before what would tell.
    starts.unwrap_or(false)
}

/// RFC 7741 §4.2 payload descriptor, §4.3 payload header.
fn vp8(payload: &[u8]) -> Option<bool> {
    let mut bytes = payload.iter().copied();
    let descriptor = bytes.next()?;
    // S: start of a partition; PID: which one. The frame starts with its partition 0.
    if descriptor & 0x10 == 0 || descriptor & 0x07 != 0 {
        return Some(false);
    }
    if descriptor & 0x80 != 0 {
        let extended = bytes.next()?;
        if extended & 0x80 != 0 && bytes.next()? & 0x80 != 0 {
            bytes.next()?; // the second byte of a long picture id
        }
        if extended & 0x40 != 0 {
            bytes.next()?; // TL0PICIDX
        }
        if extended & 0x30 != 0 {
            bytes.next()?; // TID, Y and KEYIDX
        }
    }
    // P, inverse key frame flag
    Some(bytes.next()? & 0x01 == 0)
}

/// RFC 6184 §5.4–5.8. Decoding can only start at a sequence parameter set: not every IDR slice has one before it.
fn h264(payload: &[u8]) -> Option<bool> {
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let (&first, mut rest) = payload.split_first()?;
    match first & 0x1f {
        SPS => Some(true),
        STAP_A => loop {
            let (&len, units) = rest.split_first_chunk()?;
            let (unit, units) = units.split_at_checked(usize::from(u16::from_be_bytes(len)))?;
            if unit.first()? & 0x1f == SPS {
                return Some(true);
            }
            rest = units;
        },
        FU_A => rest.first().map(|header| header & 0x80 != 0 && header & 0x1f == SPS),
        _ => Some(false),
    }
}

/// RFC 9628 §4.2 payload descriptor.
fn vp9(payload: &[u8]) -> Option<bool> {
    let mut bytes = payload.iter().copied();
    let descriptor = bytes.next()?;
    let has = |bit: u8| descriptor & bit != 0;
    // P: predicted from earlier frames; B: start of a frame.
    if has(0x40) || !has(0x08) {
        return Some(false);
    }
    if has(0x80) && bytes.next()? & 0x80 != 0 {
        bytes.next()?; // the second byte of a long picture id
    }
    // L: of the layers of a picture only the lowest starts it, and depends on no other (D).
    let lowest = !has(0x20) || bytes.next()? & 0x0f == 0;
    Some(lowest)
}

/// AV1 RTP specification §4.4 aggregation header, §4.5 OBU elements.
fn av1(payload: &[u8]) -> Option<bool> {
    const SEQUENCE_HEADER: u8 = 1;
    let (&aggregation, mut rest) = payload.split_first()?;
    if aggregation & 0x80 != 0 {
        return Some(false); // Z: goes on with an OBU of an earlier packet
    }
    if aggregation & 0x08 != 0 {
        return Some(true); // N: first packet of a coded video sequence
    }
    // Senders that leave N away still put the sequence header first. With W = 1 its element has no length in front.
    if aggregation & 0x30 != 0x10 {
        let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
        rest = &rest[end + 1..];
    }
    Some(rest.first()? >> 3 & 0x0f == SEQUENCE_HEADER)
}

/// AV1 RTP specification, appendix A: only a key frame's first packet brings the structure of its templates along.
fn av1_descriptor(descriptor: &[u8]) -> Option<bool> {
    let start_of_frame = descriptor.first()? & 0x80 != 0;
    // The extended fields follow three mandatory bytes; their first bit is template_dependency_structure_present_flag.
    Some(start_of_frame && descriptor.get(3)? & 0x80 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_key_frames_start_in_partition_zero_with_p_clear() {
        let starts = |payload: &[u8]| starts_keyframe(Codec::Vp8, payload, None);
        assert!(starts(&[0x10, 0x00, 0x9d]));
        assert!(!starts(&[0x10, 0x01, 0x9d]), "P set: interframe");
        assert!(!starts(&[0x00, 0x00, 0x9d]), "not the start of a partition");
        assert!(!starts(&[0x11, 0x00, 0x9d]), "partition 1");
        // X, then I, L and T/K with a picture id of two bytes and of one
        assert!(starts(&[0x90, 0xE0, 0x81, 0x23, 5, 0x40, 0x00]));
        assert!(!starts(&[0x90, 0xE0, 0x81, 0x23, 5, 0x40, 0x01]));
        assert!(starts(&[0x90, 0x80, 0x01, 0x00]));
        assert!(starts(&[0x90, 0x10, 0x01, 0x00]));
        assert!(!starts(&[0x90, 0xE0, 0x81, 0x23, 5, 0x40]), "cut short");
    }

    #[test]
    fn h264_starts_at_a_sequence_parameter_set() {
        let starts = |payload: &[u8]| starts_keyframe(Codec::H264, payload, None);
        assert!(starts(&[0x67, 0x42]));
        assert!(starts(&[0x78, 0, 2, 0x68, 1, 0, 2, 0x67, 0x42]), "second in a STAP-A");
        assert!(starts(&[0x7C, 0x87, 0x42]), "start of an FU-A");
        assert!(!starts(&[0x7C, 0x07, 0x42]), "middle of an FU-A");
        assert!(!starts(&[0x65, 0x88]), "IDR slice alone");
        assert!(!starts(&[0x7C, 0x85, 0x88]), "IDR slice in an FU-A");
        assert!(!starts(&[0x78, 0, 1, 0x65]), "IDR slice in a STAP-A");
        assert!(!starts(&[0x78, 0, 9, 0x67]), "cut short");
    }

    #[test]
    fn vp9_key_frames_are_not_predicted_and_begin_in_the_lowest_layer() {
        let starts = |payload: &[u8]| starts_keyframe(Codec::Vp9, payload, None);
        assert!(starts(&[0x88, 0x05, 0xFF]));
        assert!(starts(&[0x08]));
        assert!(!starts(&[0xC8, 0x05]), "P: predicted");
        assert!(!starts(&[0x80, 0x05]), "not the beginning of a frame");
        assert!(starts(&[0xA8, 0x81, 0x23, 0x10, 0]), "long picture id, layer 0");
        assert!(!starts(&[0xA8, 0x81, 0x23, 0x13, 0]), "layer 1, dependent");
        assert!(!starts(&[0xA8, 0x81]), "cut short");
    }

    #[test]
    fn av1_sequences_begin_with_the_n_bit_or_a_sequence_header() {
        let starts = |payload: &[u8]| starts_keyframe(Codec::Av1, payload, None);
        assert!(starts(&[0x18, 0x30]));
        assert!(starts(&[0x10, 0x08, 0]), "W = 1");
        assert!(starts(&[0x20, 0x02, 0x08, 0, 0x30]), "W = 2: with a length");
        assert!(starts(&[0x00, 0x82, 0x00, 0x08, 0]), "a length in two bytes");
        assert!(!starts(&[0x10, 0x30]), "a frame");
        assert!(!starts(&[0x88, 0x08]), "Z: goes on");
        assert!(!starts(&[0x20, 0xFF]), "cut short");
    }

    #[test]
    fn an_av1_dependency_descriptor_is_believed_before_the_payload() {
        let starts = |descriptor: &[u8]| starts_keyframe(Codec::Av1, &[0x18, 0x30], Some(descriptor));
        assert!(starts(&[0xC0, 0, 1, 0x80, 0]));
        assert!(!starts(&[0xC0, 0, 2]), "no extended fields");
        assert!(!starts(&[0xC0, 0, 2, 0x40]), "no template structure");
        assert!(!starts(&[0x40, 0, 1, 0x80]), "not the first packet of the frame");
    }

    #[test]
    fn nothing_and_audio_start_no_key_frame() {
        for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            assert!(!starts_keyframe(codec, &[], None));
        }
        assert!(!starts_keyframe(Codec::Opus, &[0x67, 0], None));
        assert_eq!(Codec::from_name("h264"), Some(Codec::H264));
        assert_eq!(Codec::from_name("theora"), None);
    }
}
