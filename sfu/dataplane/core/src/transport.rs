//! One participant's connection: its path, its keys, what it publishes and what it is sent.
//!
//! Locks are taken in this order, and never the other way round: `ingress` → `Track::state` → `Subscriber::state` →
//! `egress`. A tap's own lock is innermost: taken with `Track::state` held, and nothing inside it. `ice` and
//! `subscriptions` are held for a moment only, with nothing else taken inside but `egress`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::event::{SubscriptionId, TransportId};
use crate::ice::Ice;
use crate::outbox::{Outbox, Path};
use crate::replay::{ReceiveIndex, SrtcpReplay};
use crate::srtp::SrtpKeys;
use crate::subscription::{ExtensionIds, Subscription};
use crate::track::Track;
use crate::twcc::Recorder;

/// One track on its way to one transport.
pub struct Subscriber {
    pub id: SubscriptionId,
    pub track: Arc<Track>,
    pub transport: Arc<Transport>,
    pub state: Mutex<Subscription>,
}

pub struct Transport {
    pub id: TransportId,
    /// Our SSRC in reports and feedback to this peer.
    pub feedback_ssrc: u32,
    pub ice: Mutex<Ice>,
    pub egress: RwLock<Egress>,
    pub ingress: Mutex<Ingress>,
    /// By media SSRC and by RTX SSRC, as the peer names them in its RTCP.
    pub subscriptions: Mutex<HashMap<u32, Arc<Subscriber>>>,
    pub figures: TransportFigures,
    pub closed: AtomicBool,
    handshake: Mutex<HandshakeAllowance>,
    next_due_us: AtomicU64,
    srtcp_index: AtomicU32,
    rtt_us: AtomicU32,
    /// Our clock less the peer's, NTP 32.32, as of its quickest sender report.
    clock_offset: AtomicI64,
}

/// What sending needs; read for each run of packets, written when keys, path or extensions change.
#[derive(Default)]
pub struct Egress {
    pub keys: Option<SrtpKeys>,
    pub path: Option<Path>,
    pub ids: ExtensionIds,
}

impl Egress {
    pub fn ready(&self) -> Option<(&SrtpKeys, &Path)> {
        self.keys.as_ref().zip(self.path.as_ref())
    }
}

/// What receiving needs.
#[derive(Default)]
pub struct Ingress {
    pub keys: Option<SrtpKeys>,
    /// By the sender's SSRC: each counts for itself (RFC 3711 §3.2.3).
    pub srtcp_replay: HashMap<u32, SrtcpReplay>,
    pub ids: ExtensionIds,
    pub streams: HashMap<u32, Stream>,
    pub tracks: Vec<Arc<Track>>,
    pub twcc: Recorder,
    pub feedback_due_us: Option<u64>,
    pub report_due_us: Option<u64>,
}

/// One SSRC as received. It outlives the track it carried: its roll-over counter goes on as long as the keys, and what
/// it said of itself on its first packets it does not say again when the same section publishes anew.
#[derive(Default)]
pub struct Stream {
    pub index: ReceiveIndex,
    pub role: Option<Role>,
    pub names: StreamNames,
}

#[derive(Clone)]
pub enum Role {
    Media(Arc<Track>),
    Retransmission(Arc<Track>),
}

#[derive(Default)]
pub struct TransportFigures {
    pub packets_received: AtomicU64,
    pub bytes_received: AtomicU64,
    pub packets_sent: AtomicU64,
    pub bytes_sent: AtomicU64,
    pub auth_failures: AtomicU64,
    pub replays: AtomicU64,
    pub path_changes: AtomicU64,
}

/// DTLS datagrams that one peer may have handed up in a second. A handshake takes a dozen, with repeats some dozens;
/// more would only fill the queue that all transports share.
const HANDSHAKE_PER_S: u32 = 100;

#[derive(Default)]
struct HandshakeAllowance {
    since_us: u64,
    used: u32,
}

/// Never: nothing is due.
const NEVER: u64 = u64::MAX;
const CLOCK_UNKNOWN: i64 = i64::MAX;
/// How far the clock offset may creep up with each sender report (NTP 32.32): clocks drift by tens of ppm, and the
/// quickest report of all must not rule for ever. 100 µs.
const CLOCK_CREEP: i64 = (1 << 32) / 10_000;

impl Transport {
    pub fn new(id: TransportId, feedback_ssrc: u32, ice: Ice) -> Self {
        Self {
            id,
            feedback_ssrc,
            ice: Mutex::new(ice),
            egress: RwLock::default(),
            ingress: Mutex::default(),
            subscriptions: Mutex::default(),
            figures: TransportFigures::default(),
            closed: AtomicBool::new(false),
            handshake: Mutex::default(),
            next_due_us: AtomicU64::new(NEVER),
            srtcp_index: AtomicU32::new(0),
            rtt_us: AtomicU32::new(0),
            clock_offset: AtomicI64::new(CLOCK_UNKNOWN),
        }
    }

    /// What it is subscribed to, oldest first.
    pub fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        let mut subscribers: Vec<_> = self.subscriptions.lock().values().cloned().collect();
        subscribers.sort_by_key(|subscriber| subscriber.id);
        subscribers.dedup_by_key(|subscriber| subscriber.id);
        subscribers
    }

    pub fn wake_at(&self, at_us: u64) {
        // Looked at before written: most calls bring nothing new, and a read does not take the cache line away.
        if at_us < self.next_due_us.load(Ordering::Relaxed) {
            self.next_due_us.fetch_min(at_us, Ordering::Relaxed);
        }
    }

    /// Whether one more DTLS datagram of this peer may be handed up now.
    pub fn allows_handshake(&self, now_us: u64) -> bool {
        let mut allowance = self.handshake.lock();
        if now_us.saturating_sub(allowance.since_us) >= 1_000_000 {
            *allowance = HandshakeAllowance { since_us: now_us, used: 0 };
        }
        allowance.used += 1;
        allowance.used <= HANDSHAKE_PER_S
    }

    /// True when work is due; the caller does all of it and calls `wake_at` for the rest.
    pub fn take_due(&self, now_us: u64) -> bool {
        let due = self.next_due_us.load(Ordering::Relaxed) <= now_us;
        if due {
            self.next_due_us.store(NEVER, Ordering::Relaxed);
        }
        due
    }

    /// Round-trip time to this peer, when its reports have told it.
    pub fn rtt_us(&self) -> Option<u64> {
        Some(u64::from(self.rtt_us.load(Ordering::Relaxed))).filter(|&rtt| rtt != 0)
    }

    pub fn note_rtt(&self, rtt_us: u64) {
        let sample = u32::try_from(rtt_us).unwrap_or(u32::MAX).max(1);
        let smoothed = self.rtt_us().map_or(sample, |old| ((old * 7 + u64::from(sample)) / 8) as u32);
        self.rtt_us.store(smoothed.max(1), Ordering::Relaxed);
    }

    /// A sender report arrived: our clock showed `our_ntp`, it says `peer_ntp`.
    pub fn note_clock(&self, our_ntp: u64, peer_ntp: u64) {
        let sample = our_ntp.wrapping_sub(peer_ntp) as i64;
        let old = self.clock_offset.load(Ordering::Relaxed);
        // The least difference is the report that was held up least on its way.
        let offset = if old == CLOCK_UNKNOWN { sample } else { sample.min(old.saturating_add(CLOCK_CREEP)) };
        self.clock_offset.store(offset, Ordering::Relaxed);
    }

    /// An instant of our clock on the peer's clock.
    pub fn peer_ntp(&self, our_ntp: u64) -> Option<u64> {
        let offset = self.clock_offset.load(Ordering::Relaxed);
        (offset != CLOCK_UNKNOWN).then(|| our_ntp.wrapping_sub(offset as u64))
    }

    /// Protect `packet` (a compound RTCP packet in the clear) and put it into the outbox. Without keys or path it is lost.
    pub fn send_rtcp(&self, packet: &mut Vec<u8>, outbox: &mut Outbox) {
        let egress = self.egress.read();
        if let Some((keys, path)) = egress.ready() {
            // The index counts on for the life of the keys (pitfall 17); at one a millisecond it lasts 24 days.
            let index = self.srtcp_index.fetch_add(1, Ordering::Relaxed);
            if keys.protect_rtcp(packet, index).is_ok() {
                outbox.push(path, packet);
            }
        }
        packet.clear();
    }
}

impl Ingress {
    /// What an SSRC seen for the first time is: by its declaration, else by mid and rid, else by payload type where
    /// that leaves no doubt (RFC 8843 §9.2).
    pub fn role_of(&self, ssrc: u32, payload_type: u8, names: &StreamNames) -> Option<Role> {
        for track in &self.tracks {
            if track.description.ssrcs.contains(&ssrc) {
                return Some(Role::Media(track.clone()));
            }
            if track.description.rtx_ssrcs.contains(&ssrc) {
                return Some(Role::Retransmission(track.clone()));
            }
        }
        let mut fitting = self.tracks.iter().filter_map(|track| {
            let description = &track.description;
            if names.mid.as_ref().is_some_and(|mid| mid != description.mid.as_bytes()) {
                return None;
            }
            let layer = names.rid.as_ref().or(names.repaired_rid.as_ref());
            if let (Some(wanted), Some(layer)) = (&description.rid, layer)
                && wanted.as_bytes() != layer
            {
                return None;
            }
            // With several layers on one payload type only the rid tells which it is.
            if description.rid.is_some() && layer.is_none() {
                return None;
            }
            if payload_type == description.payload_type && names.repaired_rid.is_none() {
                Some(Role::Media(track.clone()))
            } else if Some(payload_type) == description.rtx_payload_type {
                Some(Role::Retransmission(track.clone()))
            } else {
                None
            }
        });
        let role = fitting.next()?;
        fitting.next().is_none().then_some(role)
    }
}

/// How packets of a stream have named it.
#[derive(Clone, Default)]
pub struct StreamNames {
    pub mid: Option<Vec<u8>>,
    pub rid: Option<Vec<u8>>,
    pub repaired_rid: Option<Vec<u8>>,
}

impl Role {
    pub fn track(&self) -> &Arc<Track> {
        match self {
            Self::Media(track) | Self::Retransmission(track) => track,
        }
    }
}
