use dataplane_core::codec::{Codec, starts_keyframe};
use proptest::prelude::*;

use crate::datagram;

proptest! {
    #[test]
    fn any_payload_is_survived(payload in datagram(), descriptor in prop::option::of(prop::collection::vec(any::<u8>(), 0..8))) {
        for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            let _ = starts_keyframe(codec, &payload, descriptor.as_deref());
        }
    }

    #[test]
    fn a_vp8_payload_cut_anywhere_never_becomes_a_key_frame(payload in datagram(), len in 0_usize..8) {
        let cut = &payload[..len.min(payload.len())];
        prop_assert!(!starts_keyframe(Codec::Vp8, cut, None) || starts_keyframe(Codec::Vp8, &payload, None));
    }
}
