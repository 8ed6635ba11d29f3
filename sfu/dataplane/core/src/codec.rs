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
    let _ = (codec, payload, dependency_descriptor);
    todo!()
}
