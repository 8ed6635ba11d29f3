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
        let _ = index;
        todo!()
    }

    /// Marks an index as seen; one that is too old changes nothing.
    pub fn accept(&mut self, index: u64) {
        let _ = index;
        todo!()
    }
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
        let _ = seq;
        todo!()
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
        let _ = seq;
        todo!()
    }

    /// The unwrapped number, which becomes the highest if it is.
    pub fn unwrap(&mut self, seq: u16) -> u64 {
        let _ = seq;
        todo!()
    }
}
