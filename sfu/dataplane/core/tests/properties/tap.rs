use std::collections::BTreeMap;
use std::sync::Arc;

use dataplane_core::rtp::Header;
use dataplane_core::tap::holes::{MAX_OPEN, Stretch};
use dataplane_core::tap::{Batch, MAX_STRETCHES, Packet, Tap, Tapped};
use proptest::prelude::*;

const HEADER: [u8; 12] = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LIMIT: usize = 4_000;

fn take(tapped: &Tapped, seq: u64, now_us: u64) {
    tapped.packet(&Packet {
        header: Header::parse(&HEADER).expect("an RTP header"),
        header_rest: &[],
        payload: &[7; 200],
        payload_type: 96,
        wire_seq: seq as u16,
        ssrc: 1,
        seq,
        arrived_us: now_us,
        starts_keyframe: false,
    });
}

/// What batches have said of each label.
#[derive(Default)]
struct Told {
    kept: u64,
    named: Vec<Stretch>,
    lowest: Option<u64>,
    highest: u64,
}

fn listen(told: &mut BTreeMap<u32, Told>, batch: &Batch) {
    for track in &batch.tracks {
        let all = told.entry(track.label).or_default();
        all.kept += track.packets;
        let named: Vec<_> = track.lost.list.iter().chain(&track.dropped.list).copied().collect();
        let kept = (track.packets > 0).then_some((track.first.seq, track.last.seq));
        for (first, last) in named.iter().copied().chain(kept) {
            all.lowest = Some(all.lowest.map_or(first, |lowest| lowest.min(first)));
            all.highest = all.highest.max(last);
        }
        all.named.extend(named);
    }
}

impl Told {
    fn size(&self) -> u64 {
        self.kept + self.named.iter().map(|(first, last)| last - first + 1).sum::<u64>()
    }

    fn overlaps(&mut self) -> bool {
        self.named.sort_unstable();
        self.named.windows(2).any(|pair| pair[0].1 >= pair[1].0)
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// (the first or the second track, how far from its last number)
    Packet(bool, i64),
    Drain(u64),
    /// The first track ends and begins again under another label.
    Anew,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let far = prop_oneof![40 => Just(1_i64), 10 => 2..6_i64, 10 => -8..0_i64, 1 => 0..40_000_i64, 1 => -600..0_i64];
    prop::collection::vec(
        prop_oneof![
            60 => (any::<bool>(), far).prop_map(|(second, by)| Step::Packet(second, by)),
            3 => (0..1_500_000_u64).prop_map(Step::Drain),
            1 => Just(Step::Anew),
        ],
        1..400,
    )
}

proptest! {
    /// Loss, duplicates, leaps, packets from before the first, a full buffer, two tracks, and drains at any moment.
    #[test]
    fn from_the_lowest_to_the_highest_each_number_is_told_of_once(steps in steps()) {
        let tap = Arc::new(Tap::new(1, LIMIT, 5));
        let mut label = 1;
        let mut first = tap.attach(1, label, 0).expect("room");
        let second = tap.attach(2, 0, 0).expect("room");
        let (mut at, mut now_us) = ([100_000_u64; 2], 0);
        let (mut came, mut told) = (0, BTreeMap::new());
        for step in steps {
            now_us += 1_000;
            match step {
                Step::Packet(of_second, by) => {
                    let seq = &mut at[usize::from(of_second)];
                    *seq = seq.saturating_add_signed(by);
                    take(if of_second { &second } else { &first }, *seq, now_us);
                    came += 1;
                }
                Step::Drain(pause_us) => {
                    now_us += pause_us;
                    let batch = tap.drain(now_us);
                    prop_assert!(batch.data.len() <= LIMIT && batch.data.capacity() <= LIMIT);
                    listen(&mut told, &batch);
                }
                Step::Anew => {
                    first.end();
                    label += 1;
                    // Labels whose news wait to be taken are in use, and so are their places.
                    if label % 32 == 0 {
                        listen(&mut told, &tap.drain(now_us));
                    }
                    first = tap.attach(1, label, 0).expect("room");
                }
            }
        }
        let (batch, totals, _) = tap.close();
        listen(&mut told, &batch);
        take(&second, u64::MAX, now_us);
        prop_assert_eq!(tap.totals(), totals, "nothing is taken any more");
        prop_assert!(totals.packets + totals.dropped <= came);
        prop_assert_eq!(told.values().map(|all| all.kept).sum::<u64>(), totals.packets);
        for (label, all) in &mut told {
            prop_assert!(!all.overlaps(), "label {label}: told twice");
            let lowest = all.lowest.expect("something was told");
            prop_assert_eq!(all.size(), all.highest - lowest + 1, "label {}", label);
        }
    }
}

#[test]
fn a_publisher_that_loses_every_second_packet_for_hours_costs_no_more_memory_and_is_accounted_for() {
    let tap = Arc::new(Tap::new(1, LIMIT, 0));
    let tapped = tap.attach(1, 1, 0).expect("room");
    let mut told = BTreeMap::new();
    for part in 0..3 {
        for n in 0..50_000 {
            take(&tapped, 2 * (50_000 * part + n), n);
        }
        let batch = tap.drain(2_000_000);
        let track = &batch.tracks[0];
        assert!(track.lost.list.len() + track.dropped.list.len() <= MAX_STRETCHES + MAX_OPEN + 1);
        assert_eq!(track.packets + batch.dropped.packets, 50_000, "what came is counted exactly");
        listen(&mut told, &batch);
    }
    listen(&mut told, &tap.close().0);
    let all = told.get_mut(&1).expect("it was told of");
    assert!(!all.overlaps());
    assert_eq!((all.lowest, all.highest, all.size()), (Some(0), 299_998, 299_999));
}
