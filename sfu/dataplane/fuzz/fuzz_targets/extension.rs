#![no_main]
//! The elements of any block can be written into another block, and are read from it again.

use dataplane_core::extension::{ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, Writer, audio_level, elements};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (two_byte, block) = input;
    let profile = if two_byte { TWO_BYTE_PROFILE } else { ONE_BYTE_PROFILE };
    let mut out = [0; 2048];
    let mut writer = Writer::new(&mut out);
    let mut written = Vec::new();
    for (id, value) in elements(block, profile) {
        let _ = audio_level(value);
        if writer.push(id, value).is_ok() {
            written.push((id, value));
        }
    }
    let len = writer.finish();
    if len > 0 {
        let profile = u16::from_be_bytes([out[0], out[1]]);
        assert!(elements(&out[4..len], profile).eq(written));
    }
});
