#![no_main]
//! Whatever the bytes, a header's offsets are inside them.

use dataplane_core::rtp::{Header, classify, payload_end};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let _ = classify(packet);
    let Ok(header) = Header::parse(packet) else { return };
    assert!(header.len <= packet.len());
    if let Some(block) = header.extension {
        assert!(packet[block.range()].len().is_multiple_of(4) && block.end == header.len);
    }
    if let Ok(end) = payload_end(packet, &header) {
        assert!((header.len..=packet.len()).contains(&end));
    }
});
