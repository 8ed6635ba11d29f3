//! What the control plane must hear of. Few and small: never one per media packet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub type TransportId = u64;
pub type TrackId = u64;
pub type SubscriptionId = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A DTLS datagram from a validated path (RFC 5764 §5.1.2).
    Dtls { transport: TransportId, datagram: Vec<u8> },
    /// The transport's path was found, or moved.
    Path { transport: TransportId, first: bool },
    /// No valid check for the consent time-out (RFC 7675).
    ConsentExpired { transport: TransportId },
    /// The first authenticated media packet of a track.
    TrackStarted { track: TrackId },
}

/// Events waiting for the control plane. When it is full, DTLS datagrams (the handshake repeats them) and news of moved
/// paths are dropped; the other kinds are few (one for a transport in a consent time-out, one for a track) and always kept.
pub struct EventQueue {
    waiting: Mutex<VecDeque<Event>>,
    limit: usize,
    wake: Box<dyn Fn() + Send + Sync>,
    pub dropped: AtomicU64,
}

impl EventQueue {
    /// `wake` is called when the queue stops being empty.
    pub fn new(limit: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), limit, wake, dropped: AtomicU64::new(0) }
    }

    pub fn push(&self, event: Event) {
        let mut waiting = self.waiting.lock();
        let repeatable = matches!(event, Event::Dtls { .. } | Event::Path { first: false, .. });
        if waiting.len() >= self.limit && repeatable {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push_back(event);
        let was_empty = waiting.len() == 1;
        drop(waiting);
        if was_empty {
            (self.wake)();
        }
    }

    pub fn take(&self) -> Vec<Event> {
        self.waiting.lock().drain(..).collect()
    }
}
