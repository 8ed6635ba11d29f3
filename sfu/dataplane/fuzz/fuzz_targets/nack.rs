#![no_main]
//! Whatever arrives, what is awaited is bounded and was not received.

use std::collections::HashSet;

use dataplane_core::nack::NackTracker;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|arrivals: Vec<(u16, u16)>| {
    let mut nack = NackTracker::default();
    let (mut seq, mut now_us, mut received) = (1 << 20, 0, HashSet::new());
    for (step, pause) in arrivals {
        seq = u64::saturating_add_signed(seq, i64::from(step.cast_signed()) / 32);
        now_us += u64::from(pause);
        nack.receive(seq, now_us);
        received.insert(seq);
        let mut asked = Vec::new();
        nack.due(now_us, 0, &mut asked);
        assert!(nack.missing() <= 512 && asked.iter().all(|seq| !received.contains(seq)));
    }
});
