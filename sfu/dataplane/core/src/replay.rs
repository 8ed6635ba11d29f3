//! Packet indices and replay protection (RFC 3711 §3.3.1, §3.3.2).

use std::fmt;

/// The packet was seen before, or is too old to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    Duplicate,
    TooOld,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "packet index was seen before",
            Self::TooOld => "packet index is older than the replay window",
        })
    }
}

impl std::error::Error for Replay {}

/// Which of the newest `WORDS` × 64 indices have been seen.
#[derive(Clone, Debug)]
pub struct Window<const WORDS: usize> {
    highest: Option<u64>,
    /// Index `i` has bit `i % (64 × WORDS)`.
    seen: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { highest: None, seen: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    /// How many indices it remembers.
    pub const LEN: u64 = 64 * WORDS as u64;

    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    pub fn check(&self, index: u64) -> Result<(), Replay> {
        let Some(highest) = self.highest else { return Ok(()) };
        if index > highest {
            Ok(())
        } else if highest - index >= Self::LEN {
            Err(Replay::TooOld)
        } else if self.seen[Self::word(index)] & Self::bit(index) != 0 {
            Err(Replay::Duplicate)
        } else {
            Ok(())
        }
    }

    /// Marks an index as seen; one that is too old changes nothing.
    pub fn accept(&mut self, index: u64) {
        match self.highest {
            None => self.highest = Some(index),
            Some(highest) if index > highest => {
                // The skipped ones take over the bits of those that fall out of the window.
                for skipped in index - (index - highest - 1).min(Self::LEN)..index {
                    self.seen[Self::word(skipped)] &= !Self::bit(skipped);
                }
                self.highest = Some(index);
            }
            Some(highest) if highest - index >= Self::LEN => return,
            Some(_) => {}
        }
        self.seen[Self::word(index)] |= Self::bit(index);
    }

    fn word(index: u64) -> usize {
        (index % Self::LEN / 64) as usize
    }

    fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

/// The number nearest to `highest` that ends in these 16 bits.
///
/// Exactly half a circle away we answer "older", so that a packet replayed from the far side never moves a window
/// (RFC 1982 §3.2 leaves it undefined). There is nothing before roll-over 0, so what would be there is ahead instead.
fn nearest(highest: u64, seq: u16) -> u64 {
    let ahead = seq.wrapping_sub(highest as u16);
    if ahead < 0x8000 {
        return highest + u64::from(ahead);
    }
    let behind = u64::from(ahead.wrapping_neg());
    highest.checked_sub(behind).unwrap_or(highest + u64::from(ahead))
}

/// Index and replay state of one received SSRC: 48-bit indices, ROC and sequence number, and 1,024 of them remembered.
#[derive(Clone, Debug, Default)]
pub struct ReceiveIndex {
    window: Window<16>,
}

impl ReceiveIndex {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The highest index accepted so far.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.window.highest()
    }

    /// The index that a sequence number most likely means (RFC 3711 §3.3.1); the first packet has ROC 0.
    #[must_use]
    pub fn estimate(&self, seq: u16) -> u64 {
        self.window.highest().map_or(u64::from(seq), |highest| nearest(highest, seq))
    }

    pub fn check(&self, index: u64) -> Result<(), Replay> {
        self.window.check(index)
    }

    /// Only after the packet was authenticated: otherwise a forged packet could push the window ahead.
    pub fn accept(&mut self, index: u64) {
        self.window.accept(index);
    }
}

/// Replay state of received SRTCP, whose index is in the packet (RFC 3711 §3.4): 256 remembered.
#[derive(Clone, Debug, Default)]
pub struct SrtcpReplay {
    window: Window<4>,
}

impl SrtcpReplay {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn check(&self, index: u32) -> Result<(), Replay> {
        self.window.check(u64::from(index))
    }

    /// Only after the packet was authenticated.
    pub fn accept(&mut self, index: u32) {
        self.window.accept(u64::from(index));
    }
}

/// Turns 16-bit sequence numbers into ones that only grow, for streams without SRTP's own index.
///
/// Begins at 65,536 + the first number, so that packets from before the first one have a number too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    highest: Option<u64>,
}

impl Unwrapper {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The unwrapped number, changing nothing.
    #[must_use]
    pub fn peek(&self, seq: u16) -> u64 {
        self.highest.map_or(0x1_0000 | u64::from(seq), |highest| nearest(highest, seq))
    }

    /// The unwrapped number, which becomes the highest if it is.
    pub fn unwrap(&mut self, seq: u16) -> u64 {
        let index = self.peek(seq);
        self.highest = self.highest.max(Some(index));
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(indices: impl IntoIterator<Item = u64>) -> ReceiveIndex {
        let mut state = ReceiveIndex::new();
        indices.into_iter().for_each(|index| state.accept(index));
        state
    }

    #[test]
    fn the_first_packet_has_roll_over_count_zero() {
        assert_eq!(ReceiveIndex::new().estimate(65_535), 65_535);
    }

    #[test]
    fn the_index_rolls_over_and_knows_stragglers() {
        let state = after([65_534, 0x1_0000]);
        assert_eq!(state.estimate(1), 0x1_0001);
        assert_eq!(state.estimate(65_535), 65_535);
    }

    #[test]
    fn before_roll_over_zero_there_is_nothing() {
        assert_eq!(after([5]).estimate(65_530), 65_530);
    }

    #[test]
    fn half_a_circle_away_is_older() {
        assert_eq!(after([0x1_8000]).estimate(0), 0x1_0000);
    }

    #[test]
    fn a_packet_is_taken_once() {
        let state = after([10, 12]);
        assert_eq!(state.check(11), Ok(()));
        assert_eq!(state.check(12), Err(Replay::Duplicate));
        assert_eq!(state.check(10), Err(Replay::Duplicate));
        assert_eq!(state.check(13), Ok(()));
    }

    #[test]
    fn what_falls_out_of_the_window_is_too_old() {
        let state = after([100, 100 + 1024]);
        assert_eq!(state.check(100), Err(Replay::TooOld));
        assert_eq!(state.check(101), Ok(()));
    }

    #[test]
    fn a_large_jump_leaves_no_stale_marks() {
        let state = after((0..1024).chain([1_000_000]));
        assert!((1_000_000 - 1023..1_000_000).all(|index| state.check(index).is_ok()));
    }

    #[test]
    fn accepting_what_is_too_old_changes_nothing() {
        let state = after([5_000, 5_000 - 1024]);
        assert_eq!(state.check(5_000 - 1024 + 1), Ok(()));
        assert_eq!(state.highest(), Some(5_000));
    }

    #[test]
    fn srtcp_indices_have_a_window_too() {
        let mut replay = SrtcpReplay::new();
        replay.accept(1000);
        assert_eq!(replay.check(1000), Err(Replay::Duplicate));
        assert_eq!(replay.check(1000 - 255), Ok(()));
        assert_eq!(replay.check(1000 - 256), Err(Replay::TooOld));
    }

    #[test]
    fn unwrapping_goes_on_across_the_wrap_and_back_before_the_first() {
        let mut unwrapper = Unwrapper::new();
        assert_eq!(unwrapper.unwrap(1), 0x1_0001);
        assert_eq!(unwrapper.unwrap(65_535), 0xFFFF);
        assert_eq!(unwrapper.unwrap(3), 0x1_0003);
        assert_eq!(unwrapper.highest(), Some(0x1_0003));
    }
}
