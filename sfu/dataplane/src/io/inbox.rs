//! The memory that datagrams are read into.

use std::mem::zeroed;
use std::time::Duration;

use dataplane_core::outbox::Path;
use libc::sockaddr_storage;

use super::control::{CONTROL_LEN, Control};

/// Datagrams read at once.
pub const BATCH: usize = 32;
/// Larger than any packet of a real-time stream; what is longer arrives cut and fails authentication.
pub const MAX_DATAGRAM: usize = 2048;

/// Where `receive` puts datagrams.
pub struct Inbox {
    pub(super) bytes: Box<[[u8; MAX_DATAGRAM]; BATCH]>,
    pub(super) names: Box<[sockaddr_storage; BATCH]>,
    pub(super) controls: Box<[Control; BATCH]>,
    pub(super) arrived: Vec<Arrived>,
}

#[derive(Clone, Copy)]
pub(super) struct Arrived {
    pub(super) len: usize,
    pub(super) path: Path,
    pub(super) at: Duration,
}

impl Default for Inbox {
    fn default() -> Self {
        let bytes = vec![[0; MAX_DATAGRAM]; BATCH].into_boxed_slice();
        let Ok(bytes) = bytes.try_into() else { unreachable!("made with BATCH elements") };
        // SAFETY: all-zero bytes are valid socket addresses.
        let names = Box::new(unsafe { zeroed() });
        Self {
            bytes,
            names,
            controls: Box::new([Control([0; CONTROL_LEN]); BATCH]),
            arrived: Vec::with_capacity(BATCH),
        }
    }
}

impl Inbox {
    /// The datagrams of the last `receive`: bytes, path, and when the kernel got it (monotonic clock).
    pub fn datagrams(&mut self) -> impl Iterator<Item = (&mut [u8], Path, Duration)> {
        self.bytes.iter_mut().zip(&self.arrived).map(|(bytes, one)| (&mut bytes[..one.len], one.path, one.at))
    }
}
