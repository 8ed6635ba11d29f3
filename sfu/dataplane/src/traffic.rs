//! Many synthetic participants, carried by one thread: who takes them on, looks at them and lets them go.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dataplane_traffic::link::Network;
use dataplane_traffic::participant::{Event, Participant};
use dataplane_traffic::received::Arrival;
use parking_lot::Mutex;

use crate::io::{PeerSocket, Poll, monotonic, pin_thread};

mod carrier;

use carrier::Carrier;

pub type PeerId = u64;

/// One participant and its socket, and the bad network between the two, where one was asked for.
struct Seat {
    participant: Participant,
    socket: PeerSocket,
    network: Option<Box<Network>>,
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
        network: Option<Box<Network>>,
        make: impl FnOnce(u64, PeerId) -> Participant,
    ) -> Result<PeerId, TrafficError> {
        if self.shared.peers.lock().len() >= self.shared.max_peers {
            return Err(TrafficError::TooMany);
        }
        let socket = PeerSocket::connect(remote).map_err(TrafficError::Io)?;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let participant = make(now_us(), id);
        self.shared.poll.add(&socket, id).map_err(TrafficError::Io)?;
        let seat = Mutex::new(Seat { participant, socket, network });
        let peer = Arc::new(Peer { id, seat, due_us: AtomicU64::new(0) });
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

    /// Send a datagram of the handshake; `past_network`: at once, as its sender will not be there when a bad network is
    /// done with it. False when the kernel would not take it; it is then lost.
    pub fn send_dtls(&self, id: PeerId, datagram: &[u8], past_network: bool) -> Result<bool, TrafficError> {
        let peer = self.peer(id)?;
        let mut seat = peer.seat.lock();
        let Some(network) = seat.network.as_mut().filter(|_| !past_network) else {
            return Ok(seat.socket.send_one(datagram).is_ok());
        };
        network.up.offer(datagram, Arrival { us: now_us(), wall_ns: 0 });
        peer.due_us.store(0, Ordering::Release);
        Ok(true)
    }

    /// Go on from another local port.
    pub fn move_peer(&self, id: PeerId) -> Result<(), TrafficError> {
        let peer = self.peer(id)?;
        let mut seat = peer.seat.lock();
        let socket = PeerSocket::connect(seat.participant.remote()).map_err(TrafficError::Io)?;
        self.shared.poll.add(&socket, id).map_err(TrafficError::Io)?;
        seat.socket = socket;
        seat.network.as_mut().into_iter().for_each(|network| network.moved());
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
