//! A camera that sees nothing: when frames come, how large they are, and which of them are key frames.

use crate::heads::MAX_HEAD;
use crate::random::Random;

pub const CLOCK_RATE: u32 = 90_000;
/// A key frame is so many times as large as the others.
const KEY_FACTOR: u64 = 5;
/// Other frames have 75 % to 125 % of the mean.
const SIZE_PERCENT: (u64, u64) = (75, 126);
/// Two key frames are at least this far apart, however often they are asked for.
const KEY_SPACING_US: u64 = 200_000;
/// RTP packets stay below this, as a browser's: header, extensions and payload, without what SRTP adds.
pub const MAX_PACKET: usize = 1_200;

/// One frame on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub number: u32,
    pub key: bool,
    pub timestamp: u32,
    /// Packets it has in all, and payload bytes of each.
    pub packets: u32,
    pub payload_len: usize,
    pub sent: u32,
}

/// The frames of one camera.
#[derive(Clone, Debug)]
pub struct Camera {
    frames_per_s: u32,
    mean_bytes: u64,
    random: Random,
    number: u32,
    began_us: u64,
    first_timestamp: u32,
    key_wanted: bool,
    last_key_us: Option<u64>,
}

impl Camera {
    #[must_use]
    pub fn new(bitrate_bps: u64, frames_per_s: u32, mut random: Random, now_us: u64) -> Self {
        let frames_per_s = frames_per_s.max(1);
        Self {
            frames_per_s,
            mean_bytes: bitrate_bps / 8 / u64::from(frames_per_s),
            number: 0,
            began_us: now_us + random.between(0, 1_000_000 / u64::from(frames_per_s)),
            first_timestamp: random.draw() as u32,
            key_wanted: true,
            last_key_us: None,
            random,
        }
    }

    /// When the next frame is captured.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.began_us + u64::from(self.number) * 1_000_000 / u64::from(self.frames_per_s)
    }

    /// The RTP timestamp of a moment, by this camera's clock; for sender reports.
    #[must_use]
    pub fn timestamp_at(&self, now_us: u64) -> u32 {
        let ticks = now_us.saturating_sub(self.began_us).wrapping_mul(u64::from(CLOCK_RATE)) / 1_000_000;
        self.first_timestamp.wrapping_add(ticks as u32)
    }

    /// After a pause: frames in between were never captured, and viewers need a key frame.
    pub fn resume(&mut self, now_us: u64) {
        self.key_wanted = true;
        self.skip_to(now_us);
    }

    fn skip_to(&mut self, now_us: u64) {
        let late_us = now_us.saturating_sub(self.due_us());
        let frames = late_us * u64::from(self.frames_per_s) / 1_000_000;
        self.number = self.number.wrapping_add(frames as u32);
    }

    /// A picture loss indication or full intra request came.
    pub fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// Captures the next frame. `overhead` is the length of a packet's header with its extensions.
    pub fn capture(&mut self, now_us: u64, overhead: usize) -> Frame {
        // Who comes too late for a frame by more than another leaves it out, as a busy encoder does.
        self.skip_to(now_us);
        let timestamp = self.timestamp_at(self.due_us());
        let spaced = self.last_key_us.is_none_or(|last| now_us.saturating_sub(last) >= KEY_SPACING_US);
        let key = self.key_wanted && spaced;
        if key {
            self.key_wanted = false;
            self.last_key_us = Some(now_us);
        }
        let percent = self.random.between(SIZE_PERCENT.0, SIZE_PERCENT.1);
        let bytes = self.mean_bytes * percent / 100 * if key { KEY_FACTOR } else { 1 };
        let room = MAX_PACKET.saturating_sub(overhead).max(1) as u64;
        // Packets of one frame are equally long, as a browser makes them.
        let packets = bytes.div_ceil(room).clamp(1, 4_096);
        let least = (MAX_HEAD + crate::stamp::Stamp::LEN) as u64;
        let payload_len = bytes.div_ceil(packets).clamp(least, room.max(least)) as usize;
        let number = self.number;
        self.number = self.number.wrapping_add(1);
        Frame { number, key, timestamp, packets: packets as u32, payload_len, sent: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera::new(1_200_000, 30, Random::new(5), 0)
    }

    fn frames(camera: &mut Camera, count: usize) -> Vec<Frame> {
        (0..count).map(|_| camera.capture(camera.due_us(), 24)).collect()
    }

    #[test]
    fn it_keeps_its_rate_and_begins_with_a_key_frame_five_times_as_large() {
        let frames = frames(&mut camera(), 301);
        let bytes = |frame: &Frame| frame.packets as usize * frame.payload_len;
        assert!(frames[0].key && frames[1..].iter().all(|frame| !frame.key));
        assert!(bytes(&frames[0]) > 18_000);
        let rest: usize = frames[1..].iter().map(bytes).sum();
        assert!((1_470_000..1_530_000).contains(&rest), "10 s at 150 kB/s: {rest}");
        assert!(frames.iter().all(|frame| frame.payload_len + 24 <= MAX_PACKET));
    }

    #[test]
    fn key_frames_are_200_ms_apart_however_often_they_are_asked_for() {
        let mut camera = camera();
        let mut keys = 0;
        for _ in 0..30 {
            camera.want_key();
            keys += u32::from(camera.capture(camera.due_us(), 24).key);
        }
        assert_eq!(keys, 5, "one in 7 frames of 33 ms");
    }

    #[test]
    fn sizes_differ_and_are_the_same_for_the_same_seed() {
        let lens = |camera: &mut Camera| frames(camera, 20).iter().map(|frame| frame.payload_len).collect::<Vec<_>>();
        let some = lens(&mut camera());
        assert_eq!(some, lens(&mut camera()));
        assert!(some.iter().any(|len| *len != some[1]));
    }

    #[test]
    fn timestamps_follow_the_clock_over_frames_that_were_left_out() {
        let mut camera = camera();
        let first = camera.capture(camera.due_us(), 24);
        let later = camera.capture(camera.due_us() + 1_000_000, 24);
        let ticks = later.timestamp.wrapping_sub(first.timestamp);
        assert!((90_000..=96_000).contains(&ticks), "{ticks}");
    }
}
