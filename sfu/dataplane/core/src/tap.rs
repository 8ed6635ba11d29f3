//! One recording's bounded buffer: several tracks write into it as they are received, the control plane takes it over.
//!
//! What does not fit is not kept, and told of to the packet; media never waits longer than for one buffer to be put in
//! another's place. Inside, all times are Unix microseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::event::TrackId;
use crate::plane::PlaneError;
use holes::{Holes, Stretches};
pub use record::{Packet, Report};

pub mod holes;
pub mod record;

pub type TapId = u64;

/// Tracks that write into one tap, with those whose last news waits to be taken.
pub const MAX_TRACKS: usize = 64;
/// Lost and dropped stretches of one track that wait to be told of. From there to the next batch it tells of one more,
/// which takes in what was lost within it.
pub const MAX_STRETCHES: usize = 1024;
/// A hole is awaited for so long.
const HOLE_US: u64 = 1_000_000;
const FIRST_CAPACITY: usize = 64 << 10;

pub struct Tap {
    pub id: TapId,
    limit_bytes: usize,
    /// Unix time at zero of the data plane's clock.
    unix_at_zero_us: u64,
    /// How much a batch may come to; the next buffer is made for it, outside of the lock.
    expected_bytes: AtomicUsize,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    data: Vec<u8>,
    records: u64,
    dropped: Dropped,
    tracks: Vec<TrackEntry>,
    totals: Totals,
    /// Nothing is taken any more.
    closed: bool,
}

/// Packets that came and were not kept, and from when to when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub packets: u64,
    pub from_us: u64,
    pub until_us: u64,
}

/// All that a tap has seen; only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub packets: u64,
    pub bytes: u64,
    pub dropped: u64,
}

struct TrackEntry {
    track: TrackId,
    /// Numbers below this were sent before the tap was there.
    from_seq: u64,
    /// It goes when its news are taken.
    ended: bool,
    holes: Holes,
    news: TrackBatch,
}

/// What a tap held when it was taken over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Records (`record.rs`) one after the other.
    pub data: Vec<u8>,
    pub records: u64,
    pub dropped: Dropped,
    /// Those with something to tell.
    pub tracks: Vec<TrackBatch>,
}

/// What a batch says of one track. From the lowest number that ever came to the highest, each is once in a batch's
/// data, or lost, or dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackBatch {
    pub label: u32,
    pub packets: u64,
    /// Of RTP, headers included.
    pub bytes: u64,
    pub keyframes: u64,
    /// In the order in which they came.
    pub ssrcs: Vec<u32>,
    /// The lowest and the highest number in the data; 0 without packets, as all that follow.
    pub first: Mark,
    pub last: Mark,
    /// The earliest and the latest arrival.
    pub first_us: u64,
    pub last_us: u64,
    /// Never came.
    pub lost: Stretches,
    /// Came when there was no room.
    pub dropped: Stretches,
}

/// One packet in the data: the track's number, and the timestamp as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub seq: u64,
    pub timestamp: u32,
}

/// A track's end of a tap. Letting go of it without `end` leaves holes open until the tap is closed.
pub struct Tapped {
    tap: Arc<Tap>,
    label: u32,
}

impl Tap {
    /// `limit_bytes` for records; up to 64 KiB for each track's account of itself come on top.
    pub fn new(id: TapId, limit_bytes: usize, unix_at_zero_us: u64) -> Self {
        Self { id, limit_bytes, unix_at_zero_us, expected_bytes: AtomicUsize::new(0), contents: Mutex::default() }
    }

    /// Packets of a track are taken from `from_seq` on, under a label that no other track of this tap has now.
    pub fn attach(self: &Arc<Self>, track: TrackId, label: u32, from_seq: u64) -> Result<Tapped, PlaneError> {
        let mut contents = self.contents.lock();
        if contents.closed {
            return Err(PlaneError::UnknownTap);
        }
        if contents.entry(label).is_some() {
            return Err(PlaneError::LabelInUse);
        }
        if contents.tracks.len() >= MAX_TRACKS {
            return Err(PlaneError::TooManyTapped);
        }
        let news = TrackBatch { label, ..TrackBatch::default() };
        contents.tracks.push(TrackEntry { track, from_seq, ended: false, holes: Holes::default(), news });
        Ok(Tapped { tap: self.clone(), label })
    }

    /// Take over what is there.
    pub fn drain(&self, now_us: u64) -> Batch {
        let mut batch = Batch { data: self.spare(), ..Batch::default() };
        let seen_before_us = self.unix_us(now_us).saturating_sub(HOLE_US);
        self.contents.lock().hand_over(seen_before_us, &mut batch);
        self.expected_bytes.store(batch.data.len() + batch.data.len() / 4, Ordering::Relaxed);
        batch.finish()
    }

    /// Take over the rest. Nothing that comes later is taken, and what is missing now is lost.
    pub fn close(&self) -> (Batch, Totals, Vec<TrackId>) {
        let mut batch = Batch::default();
        let mut contents = self.contents.lock();
        contents.closed = true;
        let tracks = contents.tracks.iter().filter(|entry| !entry.ended).map(|entry| entry.track).collect();
        contents.hand_over(u64::MAX, &mut batch);
        contents.tracks = Vec::new();
        let totals = contents.totals;
        drop(contents);
        (batch.finish(), totals, tracks)
    }

    pub fn totals(&self) -> Totals {
        self.contents.lock().totals
    }

    /// A buffer for what comes next, as large as the last batch and a bit.
    fn spare(&self) -> Vec<u8> {
        Vec::with_capacity(self.expected_bytes.load(Ordering::Relaxed).min(self.limit_bytes))
    }

    fn unix_us(&self, us: u64) -> u64 {
        self.unix_at_zero_us.saturating_add(us)
    }
}

impl Contents {
    fn entry(&mut self, label: u32) -> Option<&mut TrackEntry> {
        self.tracks.iter_mut().find(|entry| entry.news.label == label)
    }

    fn take(&mut self, label: u32, packet: &Packet<'_>, arrival_us: u64, limit_bytes: usize) {
        let Self { data, records, dropped, tracks, totals, .. } = self;
        let Some(entry) = tracks.iter_mut().find(|entry| entry.news.label == label) else { return };
        let TrackEntry { from_seq, holes, news, .. } = entry;
        if packet.seq < *from_seq {
            return;
        }
        if news.lost.list.len() + news.dropped.list.len() >= MAX_STRETCHES {
            let Some(skipped) = holes.skip_to(packet.seq, arrival_us) else { return };
            news.dropped.add(skipped, arrival_us, arrival_us);
        } else if !holes.arrived(packet.seq, arrival_us, &mut news.lost) {
            return;
        } else if make_room(data, packet.size() + record::MAX_FRAME, limit_bytes) {
            packet.write(data, label, arrival_us);
            let size = packet.size() as u64;
            *records += 1;
            totals.packets += 1;
            totals.bytes += size;
            news.count(packet, size, arrival_us);
            return;
        } else {
            news.dropped.add((packet.seq, packet.seq), arrival_us, arrival_us);
        }
        totals.dropped += 1;
        dropped.count(arrival_us);
    }

    /// Holes that were seen before this time are lost. `batch` brings the next buffer.
    fn hand_over(&mut self, seen_before_us: u64, batch: &mut Batch) {
        std::mem::swap(&mut self.data, &mut batch.data);
        batch.records = std::mem::take(&mut self.records);
        batch.dropped = std::mem::take(&mut self.dropped);
        self.tracks.retain_mut(|entry| {
            entry.holes.give_up_before(seen_before_us, &mut entry.news.lost);
            if !entry.news.is_empty() {
                let quiet = TrackBatch { label: entry.news.label, ..TrackBatch::default() };
                batch.tracks.push(std::mem::replace(&mut entry.news, quiet));
            }
            !entry.ended
        });
    }
}

/// Whether a record of so many bytes fits; then there is memory for it.
fn make_room(data: &mut Vec<u8>, bytes: usize, limit_bytes: usize) -> bool {
    let needed = data.len() + bytes;
    if needed > limit_bytes {
        return false;
    }
    if needed > data.capacity() {
        let capacity = (2 * data.capacity()).max(FIRST_CAPACITY).min(limit_bytes);
        data.reserve_exact(capacity.max(needed) - data.len());
    }
    true
}

impl Dropped {
    fn count(&mut self, arrival_us: u64) {
        let is_first = self.packets == 0;
        self.packets += 1;
        self.from_us = if is_first { arrival_us } else { self.from_us.min(arrival_us) };
        self.until_us = self.until_us.max(arrival_us);
    }
}

impl Batch {
    fn finish(mut self) -> Self {
        for track in &mut self.tracks {
            track.lost.tidy();
            track.dropped.tidy();
        }
        self
    }
}

impl TrackBatch {
    fn is_empty(&self) -> bool {
        self.packets == 0 && self.lost.list.is_empty() && self.dropped.list.is_empty()
    }

    fn count(&mut self, packet: &Packet<'_>, size: u64, arrival_us: u64) {
        let mark = Mark { seq: packet.seq, timestamp: packet.header.timestamp };
        let is_first = self.packets == 0;
        if is_first || mark.seq < self.first.seq {
            self.first = mark;
        }
        if is_first || mark.seq > self.last.seq {
            self.last = mark;
        }
        self.first_us = if is_first { arrival_us } else { self.first_us.min(arrival_us) };
        self.last_us = self.last_us.max(arrival_us);
        self.packets += 1;
        self.bytes += size;
        self.keyframes += u64::from(packet.starts_keyframe);
        // A source that was replaced does not come back.
        if self.ssrcs.last() != Some(&packet.ssrc) {
            self.ssrcs.push(packet.ssrc);
        }
    }
}

impl Tapped {
    pub fn tap(&self) -> TapId {
        self.tap.id
    }

    pub fn packet(&self, packet: &Packet<'_>) {
        let arrival_us = self.tap.unix_us(packet.arrived_us);
        self.tap.contents.lock().take(self.label, packet, arrival_us, self.tap.limit_bytes);
    }

    /// Reports are not counted when there is no room: the next one says as much.
    pub fn report(&self, report: &Report) {
        let mut contents = self.tap.contents.lock();
        if !contents.closed && make_room(&mut contents.data, record::MAX_FRAME, self.tap.limit_bytes) {
            report.write(&mut contents.data, self.label, self.tap.unix_us(report.arrived_us));
            contents.records += 1;
        }
    }

    /// No more comes from this track; what is missing is lost.
    pub fn end(self) {
        if let Some(entry) = self.tap.contents.lock().entry(self.label) {
            entry.holes.give_up_all(&mut entry.news.lost);
            entry.ended = true;
        }
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
    }
}
