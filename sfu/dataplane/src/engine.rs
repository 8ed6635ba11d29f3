//! Worker threads: each reads its own socket of the shared port and handles what it reads to the end.

use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataplane_core::event::TransportId;
use dataplane_core::moderation::Moderation;
use dataplane_core::outbox::Outbox;
use dataplane_core::plane::{Config, Plane};
use dataplane_core::receive::{Datagram, Worker};
use dataplane_core::taps::NTP_UNIX_OFFSET_S;

use crate::io::{BATCH, Inbox, Socket, host_addresses, monotonic, prefer_thread, thread_cpu};

/// How often timers are looked at while there are transports.
const TICK: Duration = Duration::from_millis(10);
/// The same while there are none.
const IDLE_TICK: Duration = Duration::from_millis(100);

pub struct Engine {
    pub plane: Arc<Plane>,
    pub port: u16,
    pub bound: Option<IpAddr>,
    pub receive_buffer: usize,
    sockets: Vec<Arc<Socket>>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    /// Something is due at once; each worker has its own.
    kicked: Vec<AtomicBool>,
    cpu_us: Vec<AtomicU64>,
    panics: AtomicU64,
}

pub struct Limits {
    pub consent_timeout: Duration,
    pub max_transports: usize,
    pub max_tracks: usize,
    pub max_subscriptions: usize,
    pub history_packets: usize,
    pub unauthenticated_per_s: u32,
    pub max_taps: usize,
    /// Datagrams that keep coming are gathered for so long, and answered together; zero: each at once.
    pub longest_wait: Duration,
}

pub fn now_us() -> u64 {
    monotonic().as_micros() as u64
}

impl Engine {
    /// Bind `workers` sockets to one port and start a thread for each. `wake` is called when events wait.
    pub fn start(
        bind: Option<IpAddr>,
        port: u16,
        workers: usize,
        limits: &Limits,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> io::Result<Self> {
        if port != 0 {
            Socket::probe(bind, port)?;
        }
        let first = Socket::bind(bind, port)?;
        let port = first.port()?;
        let mut sockets = vec![Arc::new(first)];
        for _ in 1..workers.max(1) {
            sockets.push(Arc::new(Socket::bind(bind, port)?));
        }
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            kicked: sockets.iter().map(|_| AtomicBool::new(false)).collect(),
            cpu_us: sockets.iter().map(|_| AtomicU64::new(0)).collect(),
            panics: AtomicU64::new(0),
        });
        let kick = {
            let shared = shared.clone();
            move || shared.kicked.iter().for_each(|kicked| kicked.store(true, Ordering::Release))
        };
        let plane = Arc::new(Plane::new(config(limits), wake, Box::new(kick)));
        let mut engine = Self {
            plane,
            port,
            bound: bind.filter(|address| !address.is_unspecified()),
            receive_buffer: sockets[0].receive_buffer(),
            sockets,
            shared,
            threads: Vec::new(),
        };
        for share in 0..engine.sockets.len() {
            let worker = WorkerThread {
                plane: engine.plane.clone(),
                socket: engine.sockets[share].clone(),
                shared: engine.shared.clone(),
                share,
                longest_wait: limits.longest_wait,
            };
            let thread = std::thread::Builder::new().name(format!("media-{share}")).spawn(move || worker.run())?;
            engine.threads.push(thread);
        }
        Ok(engine)
    }

    /// Addresses to announce when none are configured: where we are bound, or the host's, its loopback last.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        if let Some(bound) = self.bound {
            return vec![bound];
        }
        let mut addresses = host_addresses().unwrap_or_default();
        addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6()));
        addresses.dedup();
        addresses
    }

    /// Send a datagram of the handshake along the transport's path. False when there is none or the socket refused.
    pub fn send_dtls(&self, id: TransportId, datagram: &[u8]) -> bool {
        let Ok(transport) = self.plane.transport(id) else { return false };
        let path = transport.egress.read().path;
        path.is_some_and(|path| self.sockets[0].send_one(datagram, &path).is_ok())
    }

    /// CPU seconds that each worker has used.
    pub fn busy_seconds(&self) -> Vec<f64> {
        self.shared.cpu_us.iter().map(|us| us.load(Ordering::Relaxed) as f64 / 1e6).collect()
    }

    /// Rounds that ended in a panic; more than none is a bug of ours.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Stop and join the threads. Idempotent.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            // A worker that panicked has told so on stderr; the others still have to be joined.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn config(limits: &Limits) -> Config {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(monotonic());
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    Config {
        consent_timeout_us: limits.consent_timeout.as_micros() as u64,
        max_transports: limits.max_transports,
        max_tracks: limits.max_tracks,
        max_subscriptions: limits.max_subscriptions,
        history_packets: limits.history_packets,
        unauthenticated_per_s: limits.unauthenticated_per_s,
        max_taps: limits.max_taps,
        ntp_at_zero: ((unix.as_secs() + NTP_UNIX_OFFSET_S) << 32) | fraction,
    }
}

struct WorkerThread {
    plane: Arc<Plane>,
    socket: Arc<Socket>,
    shared: Arc<Shared>,
    share: usize,
    longest_wait: Duration,
}

/// What a worker keeps from turn to turn.
struct Desk {
    worker: Worker,
    inbox: Inbox,
    outbox: Outbox,
    moderation: Moderation,
    /// The last round was full: more is there already.
    is_behind: bool,
    next_tick_us: u64,
}

impl WorkerThread {
    fn run(&self) {
        prefer_thread();
        let mut desk = Desk {
            worker: Worker::default(),
            inbox: Inbox::default(),
            outbox: Outbox::new(),
            moderation: Moderation::new(self.longest_wait.as_micros() as u64),
            is_behind: false,
            next_tick_us: 0,
        };
        let mut patience = Duration::ZERO;
        while !self.shared.stop.load(Ordering::Acquire) {
            let wanted = if self.plane.is_idle() { IDLE_TICK } else { TICK };
            if wanted != patience && self.socket.set_patience(wanted).is_ok() {
                patience = wanted;
            }
            // A panic is our bug. It costs the round it happened in, never the thread: its socket would go on taking its
            // share of the datagrams, and nobody would read them. It is counted, and the node says that it is not ready.
            if catch_unwind(AssertUnwindSafe(|| self.turn(&mut desk))).is_err() {
                self.shared.panics.fetch_add(1, Ordering::Relaxed);
                desk.outbox.clear();
            }
        }
    }

    /// Wait for datagrams, handle what came, and look at the timers.
    fn turn(&self, desk: &mut Desk) {
        let wait_us = if desk.is_behind { 0 } else { desk.moderation.wait_us(now_us()) };
        if wait_us > 0 {
            std::thread::sleep(Duration::from_micros(wait_us));
        }
        match self.socket.receive(&mut desk.inbox) {
            Ok(0) => desk.is_behind = false,
            Ok(count) => {
                let now_us = now_us();
                desk.is_behind = count == BATCH;
                desk.moderation.round(count, now_us);
                self.round(desk, now_us);
            }
            // Errors of single datagrams are none of an unconnected socket's; whatever it is must not spin.
            Err(_) => std::thread::sleep(TICK),
        }
        let now_us = now_us();
        let kicked = self.shared.kicked[self.share].swap(false, Ordering::AcqRel);
        if kicked || now_us >= desk.next_tick_us {
            desk.next_tick_us = now_us + TICK.as_micros() as u64;
            self.tick(desk, now_us);
        }
    }

    fn round(&self, desk: &mut Desk, now_us: u64) {
        let Desk { worker, inbox, outbox, .. } = desk;
        let mut datagrams: Vec<Datagram<'_>> = Vec::with_capacity(BATCH);
        datagrams.extend(inbox.datagrams().map(|(bytes, path, at)| Datagram {
            bytes,
            path,
            arrived_us: at.as_micros() as u64,
        }));
        let mut refused = 0;
        self.plane.receive(worker, &mut datagrams, now_us, outbox, &mut |outbox| refused += self.flush(outbox));
        worker.tally.send_errors += refused;
    }

    fn tick(&self, desk: &mut Desk, now_us: u64) {
        let Desk { worker, outbox, .. } = desk;
        let mut refused = 0;
        let workers = self.shared.kicked.len();
        self.plane.tick(worker, self.share, workers, now_us, outbox, &mut |outbox| refused += self.flush(outbox));
        worker.tally.send_errors += refused;
        self.shared.cpu_us[self.share].store(thread_cpu().as_micros() as u64, Ordering::Relaxed);
    }

    fn flush(&self, outbox: &mut Outbox) -> u64 {
        let refused = if outbox.is_empty() { 0 } else { self.socket.send(outbox) };
        outbox.clear();
        refused + std::mem::take(&mut outbox.overflowed)
    }
}
