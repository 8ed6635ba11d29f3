use std::collections::BTreeMap;

use dataplane_core::rtcp::{Packet, packets};
use dataplane_core::twcc::{Feedback, Recorder};
use proptest::prelude::*;

use crate::datagram;

proptest! {
    #[test]
    fn any_bytes_are_survived(fci in datagram()) {
        if let Ok(feedback) = Feedback::parse(&fci) {
            prop_assert_eq!(feedback.packets().count(), usize::from(feedback.status_count));
        }
    }

    /// Sequence numbers move forth and back a little, arrivals at any time: everything is told of once its turn comes.
    #[test]
    fn every_arrival_is_told_of_to_the_tick(
        start: u16,
        epoch_us in 0_u64..1 << 40,
        rounds in prop::collection::vec(prop::collection::vec((-20_i32..40, 0_u64..200_000), 1..60), 1..6),
    ) {
        let mut recorder = Recorder::new();
        let (mut seq, mut now_us) = (start, epoch_us);
        let (mut expected, mut told) = (BTreeMap::new(), BTreeMap::new());
        for round in rounds {
            for (step, pause_us) in round {
                seq = seq.wrapping_add(step as u16);
                now_us += pause_us;
                recorder.record(seq, now_us);
                expected.entry(seq).or_insert(now_us / 250);
            }
            while recorder.pending() > 0 {
                let mut out = Vec::new();
                let more = recorder.write_feedback(&mut out, 1, 2);
                prop_assert_eq!(more, recorder.pending() > 0);
                prop_assert!(out.len() <= 1200 && out.len() % 4 == 0);
                let Some(Ok(Packet::TransportCc { fci, .. })) = packets(&out).next() else { panic!() };
                let feedback = Feedback::parse(fci).unwrap();
                for (seq, arrival_us) in feedback.packets() {
                    if let Some(arrival_us) = arrival_us {
                        // The reference time has 24 bits of 64 ms.
                        told.insert(seq, arrival_us as u64 / 250 % (1 << 32));
                    }
                }
            }
        }
        expected.values_mut().for_each(|ticks| *ticks %= 1 << 32);
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn wild_numbers_and_times_are_survived(arrivals in prop::collection::vec(any::<(u16, u64)>(), 0..100)) {
        let mut recorder = Recorder::new();
        for (seq, arrival_us) in arrivals {
            recorder.record(seq, arrival_us);
        }
        let mut messages = 0;
        let mut out = Vec::new();
        while recorder.write_feedback(&mut out, 1, 2) {
            messages += 1;
            prop_assert!(messages <= 1_100);
            out.clear();
        }
        prop_assert_eq!(recorder.pending(), 0);
    }
}
