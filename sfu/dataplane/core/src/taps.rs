//! All taps of a node, and what the control plane may do with them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::TrackId;
use crate::plane::{Plane, PlaneError};
use crate::tap::{Batch, Tap, TapId, Totals};
use crate::track::Kind;

/// Seconds from 1900 to 1970 (RFC 5905 §6).
pub const NTP_UNIX_OFFSET_S: u64 = 2_208_988_800;

#[derive(Default)]
pub struct Taps {
    open: HashMap<TapId, Arc<Tap>>,
    /// Of those that are no more.
    ended: Totals,
}

impl Plane {
    /// A buffer for one recording.
    pub fn start_tap(&self, limit_bytes: usize) -> Result<TapId, PlaneError> {
        let mut taps = self.taps.write();
        if taps.open.len() >= self.config.max_taps {
            return Err(PlaneError::TooManyTaps);
        }
        let id = self.mint();
        taps.open.insert(id, Arc::new(Tap::new(id, limit_bytes, unix_us(self.config.ntp_at_zero))));
        Ok(id)
    }

    /// Take a track into a tap, from its next packet on, and ask for a key frame.
    pub fn tap_track(&self, tap: TapId, track: TrackId, label: u32, now_us: u64) -> Result<(), PlaneError> {
        let tap = self.tap(tap)?;
        let track = self.track(track)?;
        track.state.lock().attach(&tap, track.id, label)?;
        if track.description.kind == Kind::Video {
            self.want_keyframe(&track, now_us);
        }
        Ok(())
    }

    /// Nothing of the track is taken any more. Idempotent; a track that is no more has ended by itself.
    pub fn untap_track(&self, tap: TapId, track: TrackId) -> Result<(), PlaneError> {
        let tap = self.tap(tap)?;
        if let Ok(track) = self.track(track) {
            track.state.lock().detach(tap.id);
        }
        Ok(())
    }

    pub fn drain_tap(&self, id: TapId, now_us: u64) -> Result<Batch, PlaneError> {
        Ok(self.tap(id)?.drain(now_us))
    }

    /// The end of a tap, and the last it has taken.
    pub fn stop_tap(&self, id: TapId) -> Result<Batch, PlaneError> {
        let (batch, tracks) = {
            let mut taps = self.taps.write();
            let tap = taps.open.remove(&id).ok_or(PlaneError::UnknownTap)?;
            let (batch, totals, tracks) = tap.close();
            taps.ended += totals;
            (batch, tracks)
        };
        for track in tracks {
            if let Ok(track) = self.track(track) {
                track.state.lock().detach(id);
            }
        }
        Ok(batch)
    }

    /// How many taps there are, and what all that ever were have seen.
    pub fn tap_totals(&self) -> (usize, Totals) {
        let taps = self.taps.read();
        let mut totals = taps.ended;
        for tap in taps.open.values() {
            totals += tap.totals();
        }
        (taps.open.len(), totals)
    }

    fn tap(&self, id: TapId) -> Result<Arc<Tap>, PlaneError> {
        self.taps.read().open.get(&id).cloned().ok_or(PlaneError::UnknownTap)
    }
}

/// Unix time in microseconds of an NTP time (RFC 5905 §6). Its 32 bits of seconds begin again in 2036, which this
/// undoes until 2106.
fn unix_us(ntp: u64) -> u64 {
    let seconds = ((ntp >> 32) as u32).wrapping_sub(NTP_UNIX_OFFSET_S as u32);
    let micros = ((ntp & 0xffff_ffff) * 1_000_000) >> 32;
    u64::from(seconds) * 1_000_000 + micros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_time_becomes_unix_time_before_and_after_2036() {
        assert_eq!(unix_us(NTP_UNIX_OFFSET_S << 32), 0);
        // 2026-11-23 09:33:00.5 UTC.
        assert_eq!(unix_us((1_795_426_380 + NTP_UNIX_OFFSET_S) << 32 | 1 << 31), 1_795_426_380_500_000);
        // 2036-02-07 06:28:16 UTC, the first second of the next era.
        assert_eq!(unix_us(0), 2_085_978_496_000_000);
    }
}
