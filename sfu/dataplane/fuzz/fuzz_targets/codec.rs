#![no_main]
//! Any payload and dependency descriptor either starts a key frame or does not.

use dataplane_core::codec::{Codec, starts_keyframe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<&[u8]>, &[u8])| {
    let (descriptor, payload) = input;
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let _ = starts_keyframe(codec, payload, descriptor);
    }
});
