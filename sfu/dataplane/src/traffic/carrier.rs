//! The thread that carries participants: it reads their sockets, does what is due, and sends.
//!
//! It looks round once a millisecond, and does not let itself be woken by datagrams: on the server's own host each waking
//! would cost the server's core what no browser costs it. When a datagram came is the kernel's to say.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dataplane_core::outbox::{Outbox, Path};
use dataplane_traffic::participant::{Event, Participant};
use dataplane_traffic::received::Arrival;

use super::{Peer, PeerId, Seat, Shared, now_us};
use crate::io::{PEER_BATCH, PeerInbox, PeerSocket, monotonic, sleep_until, thread_cpu, wall};

const ROUND: Duration = Duration::from_millis(1);
/// How often it looks whether there is a participant.
const IDLE_ROUND: Duration = Duration::from_millis(10);
/// Rounds that came later than this were held up by somebody else on the core.
const LATE: Duration = Duration::from_millis(5);
/// Batches read from one socket before the others get their turn; what is left is read in the next round.
const BATCHES: usize = 4;

/// Events that Python did not fetch yet; beyond that DTLS datagrams are dropped, and their handshakes repeat them. The
/// other kinds come once for a participant.
const MAX_EVENTS: usize = 16_384;

/// The thread's own.
pub struct Carrier<'a> {
    shared: &'a Shared,
    peers: HashMap<PeerId, Arc<Peer>>,
    generation: u64,
    ready: Vec<u64>,
    /// Sockets that were not read empty in their turn.
    left: Vec<u64>,
    inbox: PeerInbox,
    outbox: Outbox,
    received: u64,
    sent: u64,
    unsent: u64,
}

impl<'a> Carrier<'a> {
    pub fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            peers: HashMap::new(),
            generation: 0,
            ready: Vec::new(),
            left: Vec::new(),
            inbox: PeerInbox::default(),
            outbox: Outbox::new(),
            received: 0,
            sent: 0,
            unsent: 0,
        }
    }

    pub fn run(&mut self) {
        let mut next = monotonic();
        while !self.shared.stop.load(Ordering::Acquire) {
            self.refresh();
            next += if self.peers.is_empty() { IDLE_ROUND } else { ROUND };
            sleep_until(next);
            let now = monotonic();
            if now.saturating_sub(next) > LATE {
                self.shared.tally.late_rounds.fetch_add(1, Ordering::Relaxed);
            }
            next = next.max(now.saturating_sub(ROUND));
            self.round();
            self.tell();
        }
    }

    fn refresh(&mut self) {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if generation != self.generation {
            self.generation = generation;
            self.peers = self.shared.peers.lock().clone();
        }
    }

    fn round(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        if self.shared.poll.ready(&mut ready).is_err() {
            ready.clear();
        }
        ready.append(&mut self.left);
        for id in ready.drain(..) {
            if let Some(peer) = self.peers.get(&id).cloned() {
                self.guarded(&peer, Self::read);
            }
        }
        self.ready = ready;
        let now = now_us();
        let peers = std::mem::take(&mut self.peers);
        for peer in peers.values() {
            if peer.due_us.load(Ordering::Acquire) <= now {
                self.guarded(peer, Self::tick);
            }
        }
        self.peers = peers;
    }

    /// A panic is our bug. It costs the participant that it happened to, not the others.
    fn guarded(&mut self, peer: &Peer, work: impl FnOnce(&mut Self, &Peer)) {
        if catch_unwind(AssertUnwindSafe(|| work(self, peer))).is_err() {
            self.outbox.clear();
            self.shared.tally.panics.fetch_add(1, Ordering::Relaxed);
            peer.seat.lock().participant.fail("a bug of the load tester's");
            self.tell_of(peer);
            peer.due_us.store(u64::MAX, Ordering::Release);
        }
    }

    fn read(&mut self, peer: &Peer) {
        let seat = &mut *peer.seat.lock();
        let now = now_us();
        for batch in 0..BATCHES {
            let count = match seat.socket.receive(&mut self.inbox) {
                Ok(count) => count,
                // An ICMP error, told once; whether the server is back will show.
                Err(_) => continue,
            };
            self.received += count as u64;
            for (datagram, at, wall) in self.inbox.datagrams() {
                let arrival = Arrival { us: at.as_micros() as u64, wall_ns: wall.as_nanos() as u64 };
                match &mut seat.network {
                    Some(network) => network.down.offer(datagram, arrival),
                    None => seat.participant.receive(datagram, arrival, now, &mut self.outbox),
                }
            }
            if count < PEER_BATCH {
                break;
            }
            if batch == BATCHES - 1 {
                self.left.push(peer.id);
            }
        }
        // What it received may have made something due.
        self.tick_seat(peer, seat, now);
    }

    fn tick(&mut self, peer: &Peer) {
        self.tick_seat(peer, &mut peer.seat.lock(), now_us());
    }

    fn tick_seat(&mut self, peer: &Peer, seat: &mut Seat, now: u64) {
        if let Some(network) = &mut seat.network {
            while let Some((datagram, arrival)) = network.down.take(now) {
                seat.participant.receive(datagram, arrival, now, &mut self.outbox);
            }
        }
        let mut clock = || wall().as_nanos() as u64;
        let mut due_us = seat.participant.tick(now, &mut clock, &mut self.outbox);
        if seat.network.is_some() {
            due_us = due_us.min(self.pass_through(seat, now));
        }
        peer.due_us.store(due_us, Ordering::Release);
        self.send(&mut seat.participant, &seat.socket);
        self.collect(peer.id, seat);
    }

    /// What a participant wants sent goes into its network, and what has come out at its other end is left to be sent.
    /// Returns when the next datagram comes out, in either direction.
    fn pass_through(&mut self, seat: &mut Seat, now: u64) -> u64 {
        let Seat { participant, socket, network: Some(network) } = seat else { return u64::MAX };
        for run in self.outbox.runs() {
            for datagram in self.outbox.segments(run) {
                network.up.offer(datagram, Arrival { us: now, wall_ns: 0 });
            }
        }
        self.outbox.clear();
        self.outbox.datagrams = 0;
        let path = Path { remote: participant.remote(), local: None };
        while let Some((datagram, _)) = network.up.take(now) {
            self.outbox.push(&path, datagram);
            if self.outbox.is_full() {
                self.send(participant, socket);
            }
        }
        network.due_us()
    }

    fn send(&mut self, participant: &mut Participant, socket: &PeerSocket) {
        if !self.outbox.is_empty() {
            let refused = socket.send(&self.outbox) + std::mem::take(&mut self.outbox.overflowed);
            participant.unsent += refused;
            self.unsent += refused;
            self.sent += std::mem::take(&mut self.outbox.datagrams);
            self.outbox.clear();
        }
    }

    fn tell_of(&self, peer: &Peer) {
        self.collect(peer.id, &mut peer.seat.lock());
    }

    /// Events of one participant are few, and it limits those that it holds.
    fn collect(&self, id: PeerId, seat: &mut Seat) {
        while let Some(event) = seat.participant.next_event() {
            let mut events = self.shared.events.lock();
            if events.len() >= MAX_EVENTS && matches!(event, Event::Dtls { .. }) {
                self.shared.tally.events_dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            events.push((id, event));
            let first = events.len() == 1;
            drop(events);
            if first {
                (self.shared.wake)();
            }
        }
    }

    fn tell(&mut self) {
        let tally = &self.shared.tally;
        tally.rounds.fetch_add(1, Ordering::Relaxed);
        tally.cpu_us.store(thread_cpu().as_micros() as u64, Ordering::Relaxed);
        tally.datagrams_received.store(self.received, Ordering::Relaxed);
        tally.datagrams_sent.store(self.sent, Ordering::Relaxed);
        tally.unsent.store(self.unsent, Ordering::Relaxed);
    }
}
