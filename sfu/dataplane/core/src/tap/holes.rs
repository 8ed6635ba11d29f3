//! Which numbers of one tapped track came, which are awaited still, and which never came. Times are microseconds.
//!
//! It keeps stretches, never single numbers, and only so many: a publisher that leaps ahead, or loses every second
//! packet, costs no more memory and time than another.

use std::collections::VecDeque;

/// Holes awaited at a time; the oldest is given up for a new one.
pub const MAX_OPEN: usize = 256;

/// First and last number of some that follow each other.
pub type Stretch = (u64, u64);

/// Stretches to be told of, and the time they are about. Empty: 0 to 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretches {
    pub list: Vec<Stretch>,
    pub from_us: u64,
    pub until_us: u64,
}

impl Stretches {
    pub fn add(&mut self, stretch: Stretch, from_us: u64, until_us: u64) {
        let is_first = self.list.is_empty();
        self.from_us = if is_first { from_us } else { self.from_us.min(from_us) };
        self.until_us = self.until_us.max(until_us);
        match self.list.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(stretch.0) => last.1 = stretch.1,
            _ => self.list.push(stretch),
        }
    }

    /// In ascending order, with those that touch made one.
    pub fn tidy(&mut self) {
        self.list.sort_unstable();
        self.list.dedup_by(|next, kept| {
            let touch = kept.1.checked_add(1) == Some(next.0);
            if touch {
                kept.1 = next.1;
            }
            touch
        });
    }
}

/// What arrived around an awaited stretch: the packet before it, and the one that showed that it was missing.
#[derive(Clone, Copy, Debug)]
struct Hole {
    first: u64,
    last: u64,
    from_us: u64,
    seen_us: u64,
}

/// The numbers of one track. From the lowest to the highest that came, each is one of: come, awaited, or given up.
#[derive(Debug, Default)]
pub struct Holes {
    span: Option<Span>,
    /// Ascending.
    open: VecDeque<Hole>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    lowest: u64,
    highest: u64,
    /// When the highest came.
    newest_us: u64,
}

impl Holes {
    /// A packet came. False when its number has been accounted for: it came before, or was given up.
    pub fn arrived(&mut self, seq: u64, now_us: u64, lost: &mut Stretches) -> bool {
        let Some(span) = &mut self.span else {
            self.span = Some(Span { lowest: seq, highest: seq, newest_us: now_us });
            return true;
        };
        if seq > span.highest {
            if seq - span.highest > 1 {
                let hole = Hole { first: span.highest + 1, last: seq - 1, from_us: span.newest_us, seen_us: now_us };
                self.open.push_back(hole);
            }
            (span.highest, span.newest_us) = (seq, now_us);
        } else if seq < span.lowest {
            if span.lowest - seq > 1 {
                let hole = Hole { first: seq + 1, last: span.lowest - 1, from_us: now_us, seen_us: now_us };
                self.open.push_front(hole);
            }
            span.lowest = seq;
        } else if !self.fill(seq) {
            return false;
        }
        if self.open.len() > MAX_OPEN
            && let Some(oldest) = self.open.pop_front()
        {
            oldest.give_up(lost);
        }
        true
    }

    /// Go on to a number without looking for holes: returns the stretch that leads there, `None` when it is not new.
    pub fn skip_to(&mut self, seq: u64, now_us: u64) -> Option<Stretch> {
        let first = self.span.map_or(seq, |span| span.highest + 1);
        if seq < first {
            return None;
        }
        let lowest = self.span.map_or(seq, |span| span.lowest);
        self.span = Some(Span { lowest, highest: seq, newest_us: now_us });
        Some((first, seq))
    }

    /// Holes that were seen before this time are lost for good.
    pub fn give_up_before(&mut self, seen_us: u64, lost: &mut Stretches) {
        self.open.retain(|hole| {
            let kept = hole.seen_us >= seen_us;
            if !kept {
                hole.give_up(lost);
            }
            kept
        });
    }

    pub fn give_up_all(&mut self, lost: &mut Stretches) {
        self.open.drain(..).for_each(|hole| hole.give_up(lost));
    }

    /// Take a number out of the hole it is in, if any.
    fn fill(&mut self, seq: u64) -> bool {
        let at = self.open.partition_point(|hole| hole.last < seq);
        let Some(hole) = self.open.get_mut(at).filter(|hole| hole.first <= seq) else { return false };
        match (hole.first == seq, hole.last == seq) {
            (true, true) => {
                self.open.remove(at);
            }
            (true, false) => hole.first += 1,
            (false, true) => hole.last -= 1,
            (false, false) => {
                let behind = Hole { first: seq + 1, ..*hole };
                hole.last = seq - 1;
                self.open.insert(at + 1, behind);
            }
        }
        true
    }
}

impl Hole {
    fn give_up(&self, lost: &mut Stretches) {
        lost.add((self.first, self.last), self.from_us, self.seen_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that come one a microsecond; what is lost in the end.
    fn lost_of(seqs: impl IntoIterator<Item = u64>) -> Vec<Stretch> {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        for (now_us, seq) in (0..).zip(seqs) {
            assert!(holes.arrived(seq, now_us, &mut lost), "{seq} is new");
        }
        holes.give_up_all(&mut lost);
        lost.tidy();
        lost.list
    }

    #[test]
    fn packets_in_order_leave_no_hole() {
        assert_eq!(lost_of(5..50), []);
    }

    #[test]
    fn what_is_overtaken_is_awaited_and_then_lost() {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        for (seq, now_us) in [(10, 100), (11, 200), (14, 300), (20, 400)] {
            assert!(holes.arrived(seq, now_us, &mut lost));
        }
        holes.give_up_before(300, &mut lost);
        assert_eq!(lost, Stretches::default(), "not yet");
        holes.give_up_before(301, &mut lost);
        assert_eq!(lost, Stretches { list: vec![(12, 13)], from_us: 200, until_us: 300 });
        holes.give_up_before(301, &mut lost);
        assert_eq!(lost.list, [(12, 13)], "once");
        holes.give_up_all(&mut lost);
        assert_eq!(lost, Stretches { list: vec![(12, 13), (15, 19)], from_us: 200, until_us: 400 });
    }

    #[test]
    fn a_late_packet_closes_shortens_or_splits_its_hole() {
        assert_eq!(lost_of([1, 3, 2]), []);
        assert_eq!(lost_of([1, 5, 2]), [(3, 4)]);
        assert_eq!(lost_of([1, 5, 4]), [(2, 3)]);
        assert_eq!(lost_of([1, 5, 3]), [(2, 2), (4, 4)]);
        assert_eq!(lost_of([1, 9, 5, 3, 7]), [(2, 2), (4, 4), (6, 6), (8, 8)]);
    }

    #[test]
    fn a_packet_from_before_the_first_lowers_the_beginning() {
        assert_eq!(lost_of([10, 9]), []);
        assert_eq!(lost_of([10, 5]), [(6, 9)]);
        assert_eq!(lost_of([10, 5, 7, 3]), [(4, 4), (6, 6), (8, 9)]);
    }

    #[test]
    fn what_came_or_was_given_up_is_not_taken_again() {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        for seq in [10, 13] {
            assert!(holes.arrived(seq, 0, &mut lost));
            assert!(!holes.arrived(seq, 0, &mut lost), "{seq} came twice");
        }
        holes.give_up_all(&mut lost);
        for seq in [11, 12] {
            assert!(!holes.arrived(seq, 0, &mut lost), "{seq} is lost already");
        }
        assert_eq!(lost.list, [(11, 12)]);
    }

    #[test]
    fn a_leap_is_one_hole_however_far() {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        for seq in [1, 1 << 60, u64::MAX] {
            assert!(holes.arrived(seq, 0, &mut lost));
        }
        assert_eq!(holes.open.len(), 2);
        holes.give_up_all(&mut lost);
        assert_eq!(lost.list, [(2, (1 << 60) - 1), ((1 << 60) + 1, u64::MAX - 1)]);
    }

    #[test]
    fn only_so_many_holes_are_awaited_the_oldest_is_given_up_first() {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        for n in 0..=MAX_OPEN as u64 + 2 {
            holes.arrived(n * 2, n, &mut lost);
        }
        assert_eq!(holes.open.len(), MAX_OPEN);
        assert_eq!(lost.list, [(1, 1), (3, 3)]);
        // A late packet that splits a hole makes one more.
        let end = (MAX_OPEN as u64 + 2) * 2;
        holes.arrived(end + 10, 1000, &mut lost);
        holes.arrived(end + 5, 1000, &mut lost);
        assert_eq!((holes.open.len(), lost.list.len()), (MAX_OPEN, 4));
    }

    #[test]
    fn skipping_leaves_no_holes_and_leads_on_from_the_highest() {
        let (mut holes, mut lost) = (Holes::default(), Stretches::default());
        assert_eq!(holes.skip_to(7, 0), Some((7, 7)));
        assert!(holes.arrived(9, 0, &mut lost));
        assert_eq!(holes.skip_to(20, 0), Some((10, 20)));
        assert_eq!([holes.skip_to(8, 0), holes.skip_to(20, 0)], [None, None]);
        assert!(holes.arrived(8, 0, &mut lost), "the hole from before is awaited still");
        holes.give_up_all(&mut lost);
        assert_eq!(lost.list, []);
    }

    #[test]
    fn stretches_that_touch_are_told_as_one() {
        let mut stretches = Stretches::default();
        for seq in [5, 6, 9, 4, 8, 7] {
            stretches.add((seq, seq), seq * 10, seq * 10);
        }
        stretches.tidy();
        assert_eq!(stretches, Stretches { list: vec![(4, 9)], from_us: 40, until_us: 90 });
    }
}
