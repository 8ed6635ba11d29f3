//! Which packets of a received stream to ask for again (RFC 4585 §6.2.1).

use std::collections::VecDeque;

use crate::replay::Window;

/// What an arriving packet is to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The newest so far.
    New,
    /// It was missing; `tries` requests had been made for it (0: merely out of order).
    Recovered { tries: u8 },
    /// Not seen before but not awaited either: from before the first packet, or given up.
    Late,
    /// Seen before, or too old to tell.
    Duplicate,
}

/// How patient a tracker is. Times in µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackConfig {
    /// How long a gap may just be packets out of order.
    pub reorder_us: u64,
    /// The shortest time between two requests for one packet.
    pub min_interval_us: u64,
    pub max_tries: u8,
    /// How long after its gap was seen a packet is of no use any more.
    pub give_up_us: u64,
    /// How many packets may be missing; the oldest are given up for the newest.
    pub max_missing: usize,
}

impl Default for NackConfig {
    fn default() -> Self {
        Self { reorder_us: 0, min_interval_us: 20_000, max_tries: 10, give_up_us: 1_000_000, max_missing: 512 }
    }
}

/// A packet that a later one has overtaken.
#[derive(Clone, Copy, Debug)]
struct Missing {
    seq: u64,
    noted_us: u64,
    /// When to ask (again).
    due_us: u64,
    tries: u8,
}

/// The missing packets of one stream, by unwrapped sequence number.
#[derive(Clone, Debug)]
pub struct NackTracker {
    config: NackConfig,
    seen: Window<16>,
    /// Ascending by `seq`, which is also the order in which they were noted.
    missing: VecDeque<Missing>,
    given_up: bool,
}

impl Default for NackTracker {
    fn default() -> Self {
        Self::new(NackConfig::default())
    }
}

impl NackTracker {
    #[must_use]
    pub fn new(config: NackConfig) -> Self {
        Self { config, seen: Window::default(), missing: VecDeque::new(), given_up: false }
    }

    /// Notes an arrival, and the gap before it.
    pub fn receive(&mut self, seq: u64, now_us: u64) -> Arrival {
        let highest = self.seen.highest();
        if self.seen.check(seq).is_err() {
            return Arrival::Duplicate;
        }
        self.seen.accept(seq);
        match highest {
            Some(highest) if seq > highest => {
                self.note_gap(highest + 1, seq, now_us);
                Arrival::New
            }
            Some(_) => match self.missing.binary_search_by_key(&seq, |missing| missing.seq) {
                Ok(at) => {
                    let tries = self.missing.remove(at).map_or(0, |missing| missing.tries);
                    Arrival::Recovered { tries }
                }
                Err(_) => Arrival::Late,
            },
            None => Arrival::New,
        }
    }

    /// `first..end` were overtaken. A gap larger than all we may keep is no loss but a break: it is given up as one.
    fn note_gap(&mut self, first: u64, end: u64, now_us: u64) {
        let max_missing = self.config.max_missing;
        if end - first > max_missing as u64 {
            self.missing.clear();
            self.given_up = true;
            return;
        }
        let due_us = now_us + self.config.reorder_us;
        self.missing.extend((first..end).map(|seq| Missing { seq, noted_us: now_us, due_us, tries: 0 }));
        let excess = self.missing.len().saturating_sub(max_missing);
        if excess > 0 {
            self.missing.drain(..excess);
            self.given_up = true;
        }
    }

    /// Appends the packets to ask for now, ascending, and takes them as asked for.
    ///
    /// The answer to a request takes a round trip, so the next one waits that long, and a quarter longer each time:
    /// what did not come back at once is more likely congestion, which repeating makes worse.
    pub fn due(&mut self, now_us: u64, rtt_us: u64, out: &mut Vec<u64>) {
        let NackConfig { min_interval_us, max_tries, give_up_us, .. } = self.config;
        let interval_us = rtt_us.clamp(min_interval_us, give_up_us.max(min_interval_us));
        let mut given_up = false;
        self.missing.retain_mut(|missing| {
            // Once more than the last interval has passed since the last try, nothing is to be hoped for.
            let exhausted = missing.tries >= max_tries && now_us >= missing.due_us;
            if exhausted || now_us.saturating_sub(missing.noted_us) >= give_up_us {
                given_up = true;
                return false;
            }
            if now_us >= missing.due_us {
                missing.due_us = now_us + interval_us + interval_us / 4 * u64::from(missing.tries);
                missing.tries += 1;
                out.push(missing.seq);
            }
            true
        });
        self.given_up |= given_up;
    }

    /// When `due` has something to do next: a packet to ask for or to give up.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        self.missing.iter().map(|missing| missing.due_us.min(missing.noted_us + self.config.give_up_us)).min()
    }

    /// Whether a packet was given up since the last call: the caller asks for a key frame.
    #[must_use]
    pub fn given_up(&mut self) -> bool {
        std::mem::take(&mut self.given_up)
    }

    /// Stops waiting for packets before this one: a key frame there makes them useless.
    pub fn forget_before(&mut self, seq: u64) {
        let useless = self.missing.partition_point(|missing| missing.seq < seq);
        self.missing.drain(..useless);
    }

    /// How many packets are awaited.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    fn having_received(seqs: impl IntoIterator<Item = u64>) -> NackTracker {
        let mut nack = NackTracker::default();
        for seq in seqs {
            nack.receive(seq, 0);
        }
        nack
    }

    fn due(nack: &mut NackTracker, now_us: u64) -> Vec<u64> {
        let mut out = Vec::new();
        nack.due(now_us, 50 * MS, &mut out);
        out
    }

    #[test]
    fn a_lost_packet_is_asked_for_as_soon_as_the_gap_is_seen() {
        let mut nack = having_received([10, 13]);
        assert_eq!(nack.next_due_us(), Some(0));
        assert_eq!(due(&mut nack, 0), [11, 12]);
    }

    #[test]
    fn it_is_asked_for_again_after_a_round_trip_and_then_ever_later() {
        let mut nack = having_received([1, 3]);
        let mut asked = Vec::new();
        for now in 0..1_000 {
            if !due(&mut nack, now * MS).is_empty() {
                asked.push(now);
            }
        }
        assert_eq!(asked, [0, 50, 113, 188, 276, 376, 489, 614, 752, 902]);
    }

    #[test]
    fn a_short_round_trip_does_not_make_it_ask_more_often_than_each_20_ms() {
        let mut nack = having_received([1, 3]);
        let mut out = Vec::new();
        nack.due(0, 0, &mut out);
        nack.due(19 * MS, 0, &mut out);
        assert_eq!(out, [2]);
        nack.due(20 * MS, 0, &mut out);
        assert_eq!(out, [2, 2]);
    }

    #[test]
    fn with_a_reorder_window_it_first_waits() {
        let mut nack = NackTracker::new(NackConfig { reorder_us: 20 * MS, ..NackConfig::default() });
        for seq in [65_534, 65_536, 65_537] {
            nack.receive(seq, 0);
        }
        assert_eq!(due(&mut nack, 10 * MS), []);
        assert_eq!(nack.next_due_us(), Some(20 * MS));
        assert_eq!(due(&mut nack, 20 * MS), [65_535]);
    }

    #[test]
    fn a_packet_that_came_after_all_is_not_asked_for() {
        let mut nack = having_received([1, 4]);
        assert_eq!(nack.receive(2, 0), Arrival::Recovered { tries: 0 });
        assert_eq!(due(&mut nack, 0), [3]);
        assert_eq!(nack.receive(3, 0), Arrival::Recovered { tries: 1 });
        assert_eq!((nack.missing(), nack.next_due_us()), (0, None));
    }

    #[test]
    fn arrivals_are_told_apart() {
        let mut nack = having_received([]);
        assert_eq!(nack.receive(100, 0), Arrival::New);
        assert_eq!(nack.receive(100, 0), Arrival::Duplicate);
        assert_eq!(nack.receive(102, 0), Arrival::New);
        assert_eq!(nack.receive(99, 0), Arrival::Late);
        assert_eq!(nack.receive(99, 0), Arrival::Duplicate);
        assert_eq!(nack.receive(5_000, 0), Arrival::New);
        assert_eq!(nack.receive(101, 0), Arrival::Duplicate, "too old to tell");
    }

    #[test]
    fn after_a_second_or_ten_tries_it_is_given_up_once() {
        let mut nack = having_received([1, 3]);
        assert_eq!(due(&mut nack, 999 * MS), [2]);
        assert!(!nack.given_up());
        assert_eq!(due(&mut nack, 1_000 * MS), []);
        assert!(nack.given_up());
        assert!(!nack.given_up());
        assert_eq!(nack.receive(2, 1_001 * MS), Arrival::Late);

        let mut nack = having_received([1, 3]);
        let tries: usize = (0..900)
            .map(|ms| {
                let mut out = Vec::new();
                nack.due(ms * MS, 0, &mut out);
                out.len()
            })
            .sum();
        assert_eq!((tries, nack.given_up()), (10, true));
    }

    #[test]
    fn a_break_in_the_stream_is_given_up_as_a_whole() {
        let mut nack = having_received([1, 3, 1_000]);
        assert_eq!((nack.missing(), nack.given_up()), (0, true));
    }

    #[test]
    fn of_too_many_missing_the_oldest_are_given_up() {
        let mut nack = having_received((0..2_000).step_by(2));
        assert_eq!((nack.missing(), nack.given_up()), (512, true));
        assert_eq!(due(&mut nack, 0).last(), Some(&1_997));
    }

    #[test]
    fn a_key_frame_makes_earlier_ones_useless_without_giving_up() {
        let mut nack = having_received([1, 3, 5]);
        nack.forget_before(4);
        assert_eq!((due(&mut nack, 0), nack.given_up()), (vec![4], false));
    }
}
