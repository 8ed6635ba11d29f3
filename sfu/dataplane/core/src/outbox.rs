//! What a round of work wants sent: datagrams laid end to end, grouped into runs that one UDP GSO call can carry.
//!
//! The kernel splits a run into datagrams of equal size (the last may be shorter), so packets of one video frame to
//! one receiver leave in a single system call. The outbox is reused from round to round and never grows in between.

use std::net::{IpAddr, SocketAddr};

/// Where datagrams of a transport come from and go to. `local` is the address the peer spoke to, so that the answer
/// leaves from it; `None` when the socket is bound to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    pub remote: SocketAddr,
    pub local: Option<IpAddr>,
}

/// Consecutive datagrams to one path: all `segment` bytes long but the last, which may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub path: Path,
    pub offset: usize,
    pub len: usize,
    pub segment: usize,
    pub count: u16,
}

impl Run {
    fn takes(&self, path: &Path, len: usize) -> bool {
        // A shorter datagram ends its run. The kernel refuses more than 64 segments, and more than an IPv4 datagram holds.
        self.path == *path
            && self.len == self.segment * usize::from(self.count)
            && len <= self.segment
            && self.count < MAX_SEGMENTS
            && self.len + len <= MAX_RUN_BYTES
    }
}

const MAX_SEGMENTS: u16 = 64;
const MAX_RUN_BYTES: usize = 65_000;
/// Largest datagram we build: an MTU-sized packet with room for extensions and authentication.
pub const MAX_DATAGRAM: usize = 2048;
/// Flush from here on: what was built should still be in the core's cache when the kernel copies it.
const FULL_AT: usize = 160 * 1024;
const ARENA: usize = FULL_AT + 32 * MAX_DATAGRAM + 64 * 1024;

pub struct Outbox {
    arena: Vec<u8>,
    used: usize,
    runs: Vec<Run>,
    pub datagrams: u64,
    /// Datagrams that found no room; only a burst beyond every limit gets here.
    pub overflowed: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    pub fn new() -> Self {
        Self { arena: vec![0; ARENA], used: 0, runs: Vec::with_capacity(256), datagrams: 0, overflowed: 0 }
    }

    /// Room for one datagram; nothing is kept until `commit`. `None` when the outbox is overfull.
    #[inline]
    pub fn room(&mut self) -> Option<&mut [u8]> {
        let room = self.arena.get_mut(self.used..self.used + MAX_DATAGRAM);
        if room.is_none() {
            self.overflowed += 1;
        }
        room
    }

    /// Keep the first `len` bytes of the room as a datagram to `path`.
    #[inline]
    pub fn commit(&mut self, path: &Path, len: usize) {
        debug_assert!(len <= MAX_DATAGRAM);
        match self.runs.last_mut() {
            Some(run) if run.takes(path, len) => {
                run.len += len;
                run.count += 1;
            }
            _ => self.runs.push(Run { path: *path, offset: self.used, len, segment: len, count: 1 }),
        }
        self.used += len;
        self.datagrams += 1;
    }

    /// Copy a whole datagram in.
    pub fn push(&mut self, path: &Path, datagram: &[u8]) {
        let Some(room) = self.room() else { return };
        match room.get_mut(..datagram.len()) {
            Some(place) => {
                place.copy_from_slice(datagram);
                self.commit(path, datagram.len());
            }
            None => self.overflowed += 1,
        }
    }

    pub fn is_full(&self) -> bool {
        self.used >= FULL_AT
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub fn bytes(&self, run: &Run) -> &[u8] {
        &self.arena[run.offset..run.offset + run.len]
    }

    /// The single datagrams of a run, in order.
    pub fn segments<'a>(&'a self, run: &Run) -> impl Iterator<Item = &'a [u8]> {
        self.bytes(run).chunks(run.segment.max(1))
    }

    pub fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { remote: SocketAddr::from(([127, 0, 0, 1], port)), local: None }
    }

    fn put(outbox: &mut Outbox, port: u16, len: usize) {
        let bytes = vec![len as u8; len];
        outbox.push(&path(port), &bytes);
    }

    #[test]
    fn equal_datagrams_to_one_path_make_one_run_and_a_shorter_one_ends_it() {
        let mut outbox = Outbox::new();
        for len in [1000, 1000, 900, 900, 1000] {
            put(&mut outbox, 1, len);
        }
        let shape: Vec<_> = outbox.runs().iter().map(|run| (run.segment, run.count, run.len)).collect();
        assert_eq!(shape, [(1000, 3, 2900), (900, 1, 900), (1000, 1, 1000)]);
        let lens: Vec<_> = outbox.runs().iter().flat_map(|run| outbox.segments(run)).map(<[u8]>::len).collect();
        assert_eq!(lens, [1000, 1000, 900, 900, 1000]);
    }

    #[test]
    fn another_path_starts_another_run() {
        let mut outbox = Outbox::new();
        put(&mut outbox, 1, 100);
        put(&mut outbox, 2, 100);
        put(&mut outbox, 1, 100);
        assert_eq!(outbox.runs().len(), 3);
    }

    #[test]
    fn a_run_stays_within_what_the_kernel_takes() {
        let mut outbox = Outbox::new();
        for _ in 0..200 {
            put(&mut outbox, 1, 100);
        }
        assert!(outbox.runs().iter().all(|run| run.count <= MAX_SEGMENTS && run.len <= MAX_RUN_BYTES));
    }

    #[test]
    fn an_overfull_outbox_drops_and_counts() {
        let mut outbox = Outbox::new();
        for _ in 0..1000 {
            put(&mut outbox, 1, 1200);
        }
        assert!(outbox.is_full());
        assert!(outbox.overflowed > 0);
        outbox.clear();
        assert!(outbox.is_empty() && outbox.room().is_some());
    }
}
