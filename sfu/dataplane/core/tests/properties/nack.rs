use std::collections::BTreeSet;

use dataplane_core::nack::{Arrival, NackTracker};
use proptest::prelude::*;

proptest! {
    /// A stream with losses and packets out of order, in a time too short to give anything up.
    #[test]
    fn exactly_the_missing_packets_are_asked_for(
        start in 100_u64..1 << 40,
        lost in prop::collection::btree_set(1_u64..299, 0..100),
        late in prop::collection::btree_set(1_u64..299, 0..20),
    ) {
        let mut nack = NackTracker::default();
        for seq in (0..300).filter(|seq| !lost.contains(seq) && !late.contains(seq)) {
            prop_assert_eq!(nack.receive(start + seq, 0), Arrival::New);
        }
        for seq in &late {
            prop_assert_eq!(nack.receive(start + seq, 0), Arrival::Recovered { tries: 0 });
        }
        let missing: Vec<_> = lost.difference(&late).map(|seq| start + seq).collect();
        let mut asked = Vec::new();
        nack.due(0, 30_000, &mut asked);
        prop_assert_eq!(&asked, &missing);
        for seq in &missing {
            prop_assert_eq!(nack.receive(*seq, 30_000), Arrival::Recovered { tries: 1 });
            prop_assert_eq!(nack.receive(*seq, 30_000), Arrival::Duplicate);
        }
        prop_assert_eq!((nack.missing(), nack.next_due_us(), nack.given_up()), (0, None, false));
    }

    #[test]
    fn whatever_arrives_the_memory_is_bounded_and_nothing_received_is_asked_for(
        steps in prop::collection::vec((-700_i64..700, 0_u64..100_000), 1..300), rtt_us: u64,
    ) {
        let mut nack = NackTracker::default();
        let (mut seq, mut now_us) = (1 << 20, 0);
        let mut received = BTreeSet::new();
        for (step, pause_us) in steps {
            seq = u64::saturating_add_signed(seq, step);
            now_us += pause_us;
            nack.receive(seq, now_us);
            received.insert(seq);
            let mut asked = Vec::new();
            nack.due(now_us, rtt_us, &mut asked);
            prop_assert!(nack.missing() <= 512);
            prop_assert!(asked.is_sorted() && asked.iter().all(|seq| !received.contains(seq)));
            prop_assert!(nack.next_due_us().is_none_or(|due_us| due_us > now_us));
        }
        nack.due(now_us + 1_000_000, rtt_us, &mut Vec::new());
        prop_assert_eq!(nack.missing(), 0);
    }
}
