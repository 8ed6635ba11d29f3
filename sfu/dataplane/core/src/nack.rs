//! Which packets of a received stream to ask for again (RFC 4585 §6.2.1).

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

/// The missing packets of one stream, by unwrapped sequence number.
#[derive(Clone, Debug)]
pub struct NackTracker {
    config: NackConfig,
}

impl Default for NackTracker {
    fn default() -> Self {
        Self::new(NackConfig::default())
    }
}

impl NackTracker {
    #[must_use]
    pub fn new(config: NackConfig) -> Self {
        Self { config }
    }

    /// Notes an arrival, and the gap before it.
    pub fn receive(&mut self, seq: u64, now_us: u64) -> Arrival {
        let _ = (seq, now_us, self.config);
        todo!()
    }

    /// Appends the packets to ask for now, ascending, and takes them as asked for.
    pub fn due(&mut self, now_us: u64, rtt_us: u64, out: &mut Vec<u64>) {
        let _ = (now_us, rtt_us, out);
        todo!()
    }

    /// When `due` has something to do next.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        todo!()
    }

    /// Whether a packet was given up since the last call: the caller asks for a key frame.
    #[must_use]
    pub fn given_up(&mut self) -> bool {
        todo!()
    }

    /// Stops waiting for packets before this one: a key frame there makes them useless.
    pub fn forget_before(&mut self, seq: u64) {
        let _ = seq;
        todo!()
    }

    /// How many packets are awaited.
    #[must_use]
    pub fn missing(&self) -> usize {
        todo!()
    }
}
