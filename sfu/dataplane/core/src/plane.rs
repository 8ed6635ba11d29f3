//! All transports, tracks and subscriptions of a node, and what the control plane may do with them.
//!
//! Media workers and the control plane share one `Plane`. Its tables are locked only to look something up; the order of
//! the locks inside a transport stands in `transport.rs`. Times are microseconds of one monotonic clock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::counters::Counters;
use crate::event::{Event, EventQueue, SubscriptionId, TrackId, TransportId};
use crate::ice::{Credentials, Ice};
use crate::srtp::SrtpKeys;
use crate::subscription::{ExtensionIds, Face, Start, Subscription};
use crate::taps::Taps;
use crate::track::{Description, Kind, Track, TrackState};
use crate::transport::{Ingress, Subscriber, Transport};

#[derive(Clone, Debug)]
pub struct Config {
    pub consent_timeout_us: u64,
    pub max_transports: usize,
    pub max_tracks: usize,
    pub max_subscriptions: usize,
    /// Packets of video kept for repair, for each track.
    pub history_packets: usize,
    /// Recordings at a time; 0: none can be made.
    pub max_taps: usize,
    /// Failed checks answered, for each source address and second.
    pub unauthenticated_per_s: u32,
    /// NTP time (RFC 5905, 32.32) at zero of the monotonic clock.
    pub ntp_at_zero: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneError {
    UnknownTransport,
    UnknownTrack,
    UnknownSubscription,
    UnknownTap,
    TooManyTransports,
    TooManyTracks,
    TooManySubscriptions,
    TooManyTaps,
    TooManyTapped,
    UfragInUse,
    SsrcInUse,
    TrackTapped,
    LabelInUse,
}

impl fmt::Display for PlaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownTransport => "no such transport",
            Self::UnknownTrack => "no such track",
            Self::UnknownSubscription => "no such subscription",
            Self::UnknownTap => "no such tap",
            Self::TooManyTransports => "the limit of transports is reached",
            Self::TooManyTracks => "the limit of tracks of one transport is reached",
            Self::TooManySubscriptions => "the limit of subscriptions of one transport is reached",
            Self::TooManyTaps => "the limit of taps is reached",
            Self::TooManyTapped => "the limit of tracks of one tap is reached",
            Self::UfragInUse => "the ICE user name fragment is in use",
            Self::SsrcInUse => "the SSRC is in use on this transport",
            Self::TrackTapped => "the track is tapped already",
            Self::LabelInUse => "the label is in use in this tap",
        })
    }
}

impl std::error::Error for PlaneError {}

/// A packet of audio needs no repair; its history only has to hold what one round brings.
const AUDIO_HISTORY: usize = 64;

pub struct Plane {
    pub config: Config,
    pub counters: Counters,
    pub events: EventQueue,
    transports: RwLock<HashMap<TransportId, Arc<Transport>>>,
    tracks: RwLock<HashMap<TrackId, Arc<Track>>>,
    subscribers: RwLock<HashMap<SubscriptionId, Arc<Subscriber>>>,
    ufrags: RwLock<HashMap<String, Arc<Transport>>>,
    routes: RwLock<HashMap<SocketAddr, Arc<Transport>>>,
    /// Changes with `routes` and tells workers to forget what they remember of it.
    routes_version: AtomicU64,
    pub(crate) taps: RwLock<Taps>,
    next_id: AtomicU64,
    /// Wakes the workers because something is due now.
    kick: Box<dyn Fn() + Send + Sync>,
}

impl Plane {
    /// `wake` is called when events wait for the control plane, `kick` when the workers have something to do at once.
    pub fn new(config: Config, wake: Box<dyn Fn() + Send + Sync>, kick: Box<dyn Fn() + Send + Sync>) -> Self {
        // Each transport may have some datagrams of its handshake waiting; beyond that they are dropped and repeated.
        let waiting = config.max_transports.saturating_mul(2).clamp(1024, 65_536);
        Self {
            config,
            counters: Counters::default(),
            events: EventQueue::new(waiting, wake),
            transports: RwLock::default(),
            tracks: RwLock::default(),
            subscribers: RwLock::default(),
            ufrags: RwLock::default(),
            routes: RwLock::default(),
            routes_version: AtomicU64::new(0),
            taps: RwLock::default(),
            next_id: AtomicU64::new(1),
            kick,
        }
    }

    pub(crate) fn mint(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub fn ntp(&self, now_us: u64) -> u64 {
        self.config.ntp_at_zero.wrapping_add(((u128::from(now_us) << 32) / 1_000_000) as u64)
    }

    // ---- looking up -------------------------------------------------------------------------------------------------

    pub fn transport(&self, id: TransportId) -> Result<Arc<Transport>, PlaneError> {
        self.transports.read().get(&id).cloned().ok_or(PlaneError::UnknownTransport)
    }

    pub fn track(&self, id: TrackId) -> Result<Arc<Track>, PlaneError> {
        self.tracks.read().get(&id).cloned().ok_or(PlaneError::UnknownTrack)
    }

    pub fn subscriber(&self, id: SubscriptionId) -> Result<Arc<Subscriber>, PlaneError> {
        self.subscribers.read().get(&id).cloned().ok_or(PlaneError::UnknownSubscription)
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<Arc<Transport>> {
        self.ufrags.read().get(ufrag).cloned()
    }

    pub fn by_source(&self, remote: &SocketAddr) -> Option<Arc<Transport>> {
        self.routes.read().get(remote).cloned()
    }

    pub fn routes_version(&self) -> u64 {
        self.routes_version.load(Ordering::Acquire)
    }

    /// (transports, tracks, subscriptions)
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.transports.read().len(), self.tracks.read().len(), self.subscribers.read().len())
    }

    /// Transports of one of `workers` shares for which something is due.
    pub fn due(&self, share: usize, workers: usize, now_us: u64, due: &mut Vec<Arc<Transport>>) {
        let transports = self.transports.read();
        let mine = transports.values().filter(|transport| transport.id as usize % workers.max(1) == share);
        due.extend(mine.filter(|transport| transport.take_due(now_us)).cloned());
    }

    pub fn is_idle(&self) -> bool {
        self.transports.read().is_empty()
    }

    // ---- transports -------------------------------------------------------------------------------------------------

    pub fn open_transport(&self, credentials: Credentials, feedback_ssrc: u32) -> Result<TransportId, PlaneError> {
        let mut transports = self.transports.write();
        if transports.len() >= self.config.max_transports {
            return Err(PlaneError::TooManyTransports);
        }
        let mut ufrags = self.ufrags.write();
        if ufrags.contains_key(&credentials.ufrag) {
            return Err(PlaneError::UfragInUse);
        }
        let id = self.mint();
        let ufrag = credentials.ufrag.clone();
        let transport = Arc::new(Transport::new(id, feedback_ssrc, Ice::new(credentials)));
        ufrags.insert(ufrag, transport.clone());
        transports.insert(id, transport);
        drop((transports, ufrags));
        // Workers sleep long while there is nothing at all; now there will be.
        (self.kick)();
        Ok(id)
    }

    pub fn restart_ice(&self, id: TransportId, credentials: Credentials) -> Result<(), PlaneError> {
        let transport = self.transport(id)?;
        let ufrag = credentials.ufrag.clone();
        match self.ufrags.write().entry(ufrag) {
            Entry::Occupied(_) => return Err(PlaneError::UfragInUse),
            Entry::Vacant(place) => place.insert(transport.clone()),
        };
        // Bound to a name of its own: the guard must not live while the table is locked again.
        let forgotten = transport.ice.lock().restart(credentials);
        if let Some(forgotten) = forgotten {
            self.ufrags.write().remove(&forgotten);
        }
        Ok(())
    }

    pub fn set_keys(&self, id: TransportId, receive: SrtpKeys, send: SrtpKeys, now_us: u64) -> Result<(), PlaneError> {
        let transport = self.transport(id)?;
        transport.ingress.lock().keys = Some(receive);
        transport.egress.write().keys = Some(send);
        self.restart_subscriptions(&transport, now_us);
        Ok(())
    }

    /// What the peer is subscribed to starts anew, with a key frame, now that it can receive and decrypt (pitfall 43).
    pub(crate) fn restart_subscriptions(&self, transport: &Transport, now_us: u64) {
        for subscriber in transport.subscribers() {
            let needs_keyframe = subscriber.state.lock().restart();
            if needs_keyframe {
                self.want_keyframe(&subscriber.track, now_us);
            }
        }
    }

    pub fn set_extensions(&self, id: TransportId, ids: ExtensionIds) -> Result<(), PlaneError> {
        let transport = self.transport(id)?;
        transport.ingress.lock().ids = ids;
        transport.egress.write().ids = ids;
        Ok(())
    }

    /// Ends a transport with its tracks and subscriptions. Unknown ids are ignored.
    pub fn close_transport(&self, id: TransportId) {
        let Some(transport) = self.transports.write().remove(&id) else { return };
        transport.closed.store(true, Ordering::Release);
        let Ingress { tracks, .. } = std::mem::take(&mut *transport.ingress.lock());
        for track in tracks {
            self.forget_track(&track);
        }
        let subscribers: Vec<_> = transport.subscriptions.lock().drain().map(|(_, subscriber)| subscriber).collect();
        for subscriber in subscribers {
            self.forget_subscriber(&subscriber);
        }
        *transport.egress.write() = Default::default();
        let (known_ufrags, remotes): (Vec<String>, Vec<SocketAddr>) = {
            let ice = transport.ice.lock();
            (ice.ufrags().map(str::to_owned).collect(), ice.remotes().collect())
        };
        self.ufrags.write().retain(|ufrag, _| !known_ufrags.contains(ufrag));
        let mut routes = self.routes.write();
        for remote in remotes {
            if routes.get(&remote).is_some_and(|routed| routed.id == id) {
                routes.remove(&remote);
            }
        }
        self.routes_version.fetch_add(1, Ordering::Release);
    }

    /// Datagrams from `added` belong to the transport from now on, those from `removed` no longer.
    pub fn route(&self, transport: &Arc<Transport>, added: Option<SocketAddr>, removed: Option<SocketAddr>) {
        if added.is_none() && removed.is_none() {
            return;
        }
        let mut routes = self.routes.write();
        if let Some(removed) = removed
            && routes.get(&removed).is_some_and(|routed| routed.id == transport.id)
        {
            routes.remove(&removed);
        }
        if let Some(added) = added
            && !transport.closed.load(Ordering::Acquire)
        {
            routes.insert(added, transport.clone());
        }
        self.routes_version.fetch_add(1, Ordering::Release);
    }

    // ---- tracks -----------------------------------------------------------------------------------------------------

    pub fn publish(&self, id: TransportId, description: Description) -> Result<TrackId, PlaneError> {
        let transport = self.transport(id)?;
        let mut ingress = transport.ingress.lock();
        if ingress.tracks.len() >= self.config.max_tracks {
            return Err(PlaneError::TooManyTracks);
        }
        let history = match description.kind {
            Kind::Audio => AUDIO_HISTORY,
            Kind::Video => self.config.history_packets,
        };
        let track = Arc::new(Track {
            id: self.mint(),
            description,
            publisher: transport.clone(),
            state: Mutex::new(TrackState::new(history)),
        });
        ingress.tracks.push(track.clone());
        drop(ingress);
        let track_id = track.id;
        self.tracks.write().insert(track_id, track);
        Ok(track_id)
    }

    pub fn unpublish(&self, id: TrackId) -> Result<(), PlaneError> {
        let track = self.track(id)?;
        {
            let mut ingress = track.publisher.ingress.lock();
            ingress.tracks.retain(|kept| kept.id != id);
            for stream in ingress.streams.values_mut() {
                stream.role.take_if(|role| role.track().id == id);
            }
        }
        self.forget_track(&track);
        Ok(())
    }

    fn forget_track(&self, track: &Arc<Track>) {
        self.tracks.write().remove(&track.id);
        let subscribers = track.state.lock().end();
        for subscriber in subscribers {
            self.forget_subscriber(&subscriber);
        }
    }

    /// A key frame is needed from a time on; it is asked for within the spacing of requests and until it comes.
    pub fn want_keyframe(&self, track: &Track, from_us: u64) {
        track.state.lock().keyframes.want(from_us);
        track.publisher.wake_at(from_us);
        (self.kick)();
    }

    // ---- subscriptions ----------------------------------------------------------------------------------------------

    /// `random`: for first numbers (`subscription::Start`).
    pub fn subscribe(
        &self,
        id: TransportId,
        track: TrackId,
        face: Face,
        random: u64,
        now_us: u64,
    ) -> Result<SubscriptionId, PlaneError> {
        let transport = self.transport(id)?;
        let track = self.track(track)?;
        let needs_keyframe = track.description.kind == Kind::Video;
        let start = Start { random, needs_keyframe, history_packets: track.state.lock().history.packets() };
        let ssrcs: Vec<u32> = std::iter::once(face.ssrc).chain(face.rtx_ssrc).collect();
        let subscriber = Arc::new(Subscriber {
            id: self.mint(),
            track: track.clone(),
            transport: transport.clone(),
            state: Mutex::new(Subscription::new(face, start)),
        });
        {
            let mut subscriptions = transport.subscriptions.lock();
            // Each stands under its media and its RTX SSRC.
            if subscriptions.len() >= 2 * self.config.max_subscriptions {
                return Err(PlaneError::TooManySubscriptions);
            }
            if ssrcs.iter().any(|ssrc| subscriptions.contains_key(ssrc)) {
                return Err(PlaneError::SsrcInUse);
            }
            for ssrc in ssrcs {
                subscriptions.insert(ssrc, subscriber.clone());
            }
        }
        let subscription_id = subscriber.id;
        self.subscribers.write().insert(subscription_id, subscriber.clone());
        track.state.lock().subscribers.push(subscriber);
        if needs_keyframe && transport.egress.read().ready().is_some() {
            self.want_keyframe(&track, now_us);
        }
        // Sender reports begin.
        transport.wake_at(now_us);
        Ok(subscription_id)
    }

    pub fn unsubscribe(&self, id: SubscriptionId) -> Result<(), PlaneError> {
        let subscriber = self.subscriber(id)?;
        self.forget_subscriber(&subscriber);
        Ok(())
    }

    fn forget_subscriber(&self, subscriber: &Arc<Subscriber>) {
        self.subscribers.write().remove(&subscriber.id);
        subscriber.transport.subscriptions.lock().retain(|_, kept| kept.id != subscriber.id);
        subscriber.track.state.lock().subscribers.retain(|kept| kept.id != subscriber.id);
    }

    pub fn pause(&self, id: SubscriptionId) -> Result<(), PlaneError> {
        self.subscriber(id)?.state.lock().pause();
        Ok(())
    }

    pub fn resume(&self, id: SubscriptionId, now_us: u64) -> Result<(), PlaneError> {
        let subscriber = self.subscriber(id)?;
        let wanted_from_us = {
            let mut subscription = subscriber.state.lock();
            subscription.resume().then(|| subscription.patience.ask(now_us))
        };
        if let Some(from_us) = wanted_from_us {
            self.want_keyframe(&subscriber.track, from_us);
        }
        Ok(())
    }

    /// (track, loudest level in -dBov since the last call) of the tracks that were heard.
    pub fn audio_levels(&self) -> Vec<(TrackId, u8)> {
        let tracks: Vec<_> = self.tracks.read().values().cloned().collect();
        tracks.iter().filter_map(|track| Some((track.id, track.state.lock().take_loudest()?))).collect()
    }

    /// Since the last packet of each of these tracks; `None` when none ever came, or there is no such track.
    pub fn idle_us(&self, ids: &[TrackId], now_us: u64) -> Vec<Option<u64>> {
        let tracks: Vec<_> = {
            let tracks = self.tracks.read();
            ids.iter().map(|id| tracks.get(id).cloned()).collect()
        };
        tracks.iter().map(|track| track.as_ref()?.state.lock().idle_us(now_us)).collect()
    }

    /// Bytes of media kept for repair, of all tracks; their subscribers share them.
    pub fn history_bytes(&self) -> usize {
        let tracks: Vec<_> = self.tracks.read().values().cloned().collect();
        tracks.iter().map(|track| track.state.lock().history.bytes()).sum()
    }

    pub fn tell(&self, event: Event) {
        self.events.push(event);
    }
}
