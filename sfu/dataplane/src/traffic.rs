//! The thread that carries many synthetic participants: it reads their sockets, does what is due, and sends.
//!
//! It looks round once a millisecond, and does not let itself be woken by datagrams: on the server's own host each waking
//! would cost the server's core what no browser costs it. When a datagram came is the kernel's to say.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dataplane_core::outbox::Outbox;
use dataplane_traffic::participant::{Event, Participant};
use dataplane_traffic::received::Arrival;
use parking_lot::Mutex;

use crate::io::{PEER_BATCH, PeerInbox, PeerSocket, Poll, monotonic, pin_thread, sleep_until, thread_cpu, wall};

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

pub type PeerId = u64;

/// One participant and its socket.
struct Seat {
    participant: Participant,
    socket: PeerSocket,
}

struct Peer {
    id: PeerId,
    seat: Mutex<Seat>,
    /// When it wants its turn, in µs; 0: at once.
    due_us: AtomicU64,
}

#[derive(Default)]
struct Tally {
    rounds: AtomicU64,
    late_rounds: AtomicU64,
    cpu_us: AtomicU64,
    panics: AtomicU64,
    datagrams_received: AtomicU64,
    datagrams_sent: AtomicU64,
    unsent: AtomicU64,
    events_dropped: AtomicU64,
}

/// What the thread did so far; counts only grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub peers: usize,
    pub busy: Duration,
    pub rounds: u64,
    pub late_rounds: u64,
    pub panics: u64,
    pub datagrams_received: u64,
    pub datagrams_sent: u64,
    pub unsent: u64,
    pub events_dropped: u64,
}

struct Shared {
    stop: AtomicBool,
    poll: Poll,
    peers: Mutex<HashMap<PeerId, Arc<Peer>>>,
    /// Counts changes of `peers`.
    generation: AtomicU64,
    next_id: AtomicU64,
    max_peers: usize,
    events: Mutex<Vec<(PeerId, Event)>>,
    wake: Box<dyn Fn() + Send + Sync>,
    tally: Tally,
}

/// A thread that carries participants.
pub struct Traffic {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no such participant, or none more.
#[derive(Debug)]
pub enum TrafficError {
    Unknown,
    TooMany,
    Io(io::Error),
}

impl Traffic {
    /// `wake` is called when events begin to wait; `core` is the processor to stay on.
    pub fn start(max_peers: usize, core: Option<usize>, wake: Box<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            poll: Poll::new()?,
            peers: Mutex::new(HashMap::new()),
            generation: AtomicU64::new(1),
            next_id: AtomicU64::new(1),
            max_peers,
            events: Mutex::new(Vec::new()),
            wake,
            tally: Tally::default(),
        });
        let (told, ready) = std::sync::mpsc::channel();
        let carried = shared.clone();
        let thread = std::thread::Builder::new().name("traffic".into()).spawn(move || {
            let pinned = core.map_or(Ok(()), pin_thread);
            let goes_on = pinned.is_ok();
            let _ = told.send(pinned);
            if goes_on {
                Carrier::new(&carried).run();
            }
        })?;
        let mut traffic = Self { shared, thread: Some(thread) };
        match ready.recv() {
            Ok(Ok(())) => Ok(traffic),
            Ok(Err(error)) => {
                traffic.stop();
                Err(error)
            }
            Err(_) => Err(io::Error::other("the traffic thread did not start")),
        }
    }

    /// Take on a participant. `make` is given the time and the number that tells it from the others.
    pub fn open(
        &self,
        remote: SocketAddr,
        make: impl FnOnce(u64, PeerId) -> Participant,
    ) -> Result<PeerId, TrafficError> {
        if self.shared.peers.lock().len() >= self.shared.max_peers {
            return Err(TrafficError::TooMany);
        }
        let socket = PeerSocket::connect(remote).map_err(TrafficError::Io)?;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let participant = make(now_us(), id);
        self.shared.poll.add(&socket, id).map_err(TrafficError::Io)?;
        let peer = Arc::new(Peer { id, seat: Mutex::new(Seat { participant, socket }), due_us: AtomicU64::new(0) });
        self.shared.peers.lock().insert(id, peer);
        self.shared.generation.fetch_add(1, Ordering::Release);
        Ok(id)
    }

    fn peer(&self, id: PeerId) -> Result<Arc<Peer>, TrafficError> {
        self.shared.peers.lock().get(&id).cloned().ok_or(TrafficError::Unknown)
    }

    /// Look at a participant, or change it: it gets a turn at once.
    pub fn with<T>(&self, id: PeerId, work: impl FnOnce(&mut Participant, u64) -> T) -> Result<T, TrafficError> {
        let peer = self.peer(id)?;
        let result = work(&mut peer.seat.lock().participant, now_us());
        peer.due_us.store(0, Ordering::Release);
        Ok(result)
    }

    /// The same without a turn for it.
    pub fn look<T>(&self, id: PeerId, work: impl FnOnce(&mut Participant, u64) -> T) -> Result<T, TrafficError> {
        let peer = self.peer(id)?;
        let result = work(&mut peer.seat.lock().participant, now_us());
        Ok(result)
    }

    /// Send a datagram of the handshake. False when the kernel would not take it; it is then lost.
    pub fn send_dtls(&self, id: PeerId, datagram: &[u8]) -> Result<bool, TrafficError> {
        Ok(self.peer(id)?.seat.lock().socket.send_one(datagram).is_ok())
    }

    /// Go on from another local port.
    pub fn move_peer(&self, id: PeerId) -> Result<(), TrafficError> {
        let peer = self.peer(id)?;
        let mut seat = peer.seat.lock();
        let socket = PeerSocket::connect(seat.participant.remote()).map_err(TrafficError::Io)?;
        self.shared.poll.add(&socket, id).map_err(TrafficError::Io)?;
        seat.socket = socket;
        seat.participant.moved(now_us());
        peer.due_us.store(0, Ordering::Release);
        Ok(())
    }

    /// Forget a participant; its socket is closed. Closing twice is fine.
    pub fn close(&self, id: PeerId) {
        self.shared.peers.lock().remove(&id);
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    pub fn take_events(&self) -> Vec<(PeerId, Event)> {
        std::mem::take(&mut *self.shared.events.lock())
    }

    pub fn totals(&self) -> Totals {
        let tally = &self.shared.tally;
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Totals {
            peers: self.shared.peers.lock().len(),
            busy: Duration::from_micros(count(&tally.cpu_us)),
            rounds: count(&tally.rounds),
            late_rounds: count(&tally.late_rounds),
            panics: count(&tally.panics),
            datagrams_received: count(&tally.datagrams_received),
            datagrams_sent: count(&tally.datagrams_sent),
            unsent: count(&tally.unsent),
            events_dropped: count(&tally.events_dropped),
        }
    }

    /// Stop and join the thread. Idempotent.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // One that panicked has told so on stderr.
            let _ = thread.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop();
    }
}

fn now_us() -> u64 {
    monotonic().as_micros() as u64
}

/// The thread's own.
struct Carrier<'a> {
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
    fn new(shared: &'a Shared) -> Self {
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

    fn run(&mut self) {
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
                seat.participant.receive(datagram, arrival, now, &mut self.outbox);
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
        let mut clock = || wall().as_nanos() as u64;
        let due_us = seat.participant.tick(now, &mut clock, &mut self.outbox);
        peer.due_us.store(due_us, Ordering::Release);
        if !self.outbox.is_empty() {
            let refused = seat.socket.send(&self.outbox) + std::mem::take(&mut self.outbox.overflowed);
            seat.participant.unsent += refused;
            self.unsent += refused;
            self.sent += std::mem::take(&mut self.outbox.datagrams);
            self.outbox.clear();
        }
        self.collect(peer.id, seat);
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
