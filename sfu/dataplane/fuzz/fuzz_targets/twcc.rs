#![no_main]
//! Feedback that parses tells of as many packets as it says.

use dataplane_core::twcc::Feedback;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|fci: &[u8]| {
    if let Ok(feedback) = Feedback::parse(fci) {
        assert_eq!(feedback.packets().count(), usize::from(feedback.status_count));
    }
});
