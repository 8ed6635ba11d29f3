//! What a participant sends: sound at once every 20 ms, pictures through the pacer, retransmissions before them.

use std::collections::VecDeque;

use dataplane_core::outbox::Outbox;

use super::{Keys, NEVER, Participant};
use crate::heads::{MAX_HEAD, VideoCodec};
use crate::random::Random;
use crate::sent::{Clock, Content, Description, Outgoing};
use crate::stamp::Stamp;
use crate::video::{Camera, Frame};

const SOUND_US: u64 = 20_000;
const SOUND_TICKS: u32 = 960;
pub const SOUND_CLOCK_RATE: u64 = 48_000;
/// Payload bytes of a packet of speech.
const SOUND_BYTES: (u64, u64) = (80, 121);
/// In -dBov, as a voice would be.
const SOUND_LEVEL: (u64, u64) = (12, 30);
/// Frames that wait for the pacer; when there are so many, the next ones are left out, as an encoder would.
const MAX_FRAMES: usize = 8;
/// Packets that wait to be sent again; requests beyond that are dropped, and will be repeated.
const MAX_AGAIN: usize = 512;
/// While no round trip is known.
pub const DEFAULT_RTT_US: u64 = 100_000;

pub struct Microphone {
    pub stream: Outgoing,
    random: Random,
    pub next_us: u64,
    pub timestamp: u32,
}

impl Microphone {
    pub fn new(description: Description, mut random: Random, now_us: u64) -> Self {
        let timestamp = random.draw() as u32;
        let next_us = now_us + random.between(0, SOUND_US);
        Self { stream: Outgoing::new(description, random.draw() as u16), random, next_us, timestamp }
    }

    /// After a pause: in between there was no sound, but time went on.
    fn resume(&mut self, now_us: u64) {
        let missed = now_us.saturating_sub(self.next_us).div_ceil(SOUND_US);
        self.next_us += missed * SOUND_US;
        self.timestamp = self.timestamp.wrapping_add((missed as u32).wrapping_mul(SOUND_TICKS));
    }

    fn speak(&mut self) -> Content {
        let payload_len = self.random.between(SOUND_BYTES.0, SOUND_BYTES.1) as usize;
        let level = self.random.between(SOUND_LEVEL.0, SOUND_LEVEL.1) as u8;
        self.timestamp = self.timestamp.wrapping_add(SOUND_TICKS);
        self.next_us += SOUND_US;
        Content {
            marker: false,
            timestamp: self.timestamp,
            payload_len: payload_len.max(Stamp::LEN),
            // Opus, 20 ms of wide-band speech (RFC 6716 §3.1).
            head: [0x48; MAX_HEAD],
            head_len: 1,
            frame: 0,
            key: false,
            level: Some(level),
        }
    }
}

/// What a camera sends.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    pub codec: VideoCodec,
    pub bitrate_bps: u64,
    pub frames_per_s: u32,
}

pub struct Video {
    pub stream: Outgoing,
    pub bitrate_bps: u64,
    pub camera: Camera,
    codec: VideoCodec,
    frames: VecDeque<Frame>,
}

impl Video {
    pub fn new(description: Description, picture: Picture, mut random: Random, now_us: u64) -> Self {
        let Picture { codec, bitrate_bps, frames_per_s } = picture;
        let first = random.draw() as u16;
        let camera = Camera::new(bitrate_bps, frames_per_s, random, now_us);
        Self { stream: Outgoing::new(description, first), bitrate_bps, camera, codec, frames: VecDeque::new() }
    }

    pub fn drop_queue(&mut self) {
        self.frames.clear();
    }

    fn capture(&mut self, now_us: u64, header_len: usize) {
        let frame = self.camera.capture(now_us, header_len);
        if self.frames.len() >= MAX_FRAMES {
            self.stream.counts.frames_dropped += 1;
            if frame.key {
                self.camera.want_key();
            }
            return;
        }
        self.stream.counts.key_frames += u64::from(frame.key);
        self.frames.push_back(frame);
    }

    /// The next packet of the frame that is on its way.
    fn next_packet(&mut self) -> Option<Content> {
        let frame = self.frames.front_mut()?;
        let mut head = [0; MAX_HEAD];
        let head_len = self.codec.write_head(&mut head, frame);
        frame.sent += 1;
        let content = Content {
            marker: frame.sent == frame.packets,
            timestamp: frame.timestamp,
            payload_len: frame.payload_len,
            head,
            head_len,
            frame: frame.number,
            key: frame.key,
            level: None,
        };
        if content.marker {
            self.frames.pop_front();
        }
        Some(content)
    }
}

impl Participant {
    pub(super) fn start_sources(&mut self, now_us: u64) {
        self.microphones.iter_mut().for_each(|microphone| microphone.resume(now_us));
        self.videos.iter_mut().for_each(|video| video.camera.resume(now_us));
    }

    fn something_waits(&self) -> bool {
        !self.again.is_empty() || self.videos.iter().any(|video| !video.frames.is_empty())
    }

    pub(super) fn media_due_us(&self) -> u64 {
        let paced = if self.something_waits() { self.pacer.due_us() } else { NEVER };
        if !self.sending {
            return paced;
        }
        let sound = self.microphones.iter().map(|microphone| microphone.next_us).min().unwrap_or(NEVER);
        let picture = self.videos.iter().map(|video| video.camera.due_us()).min().unwrap_or(NEVER);
        paced.min(sound).min(picture)
    }

    pub(super) fn send_media(&mut self, keys: &Keys, now_us: u64, clock: Clock<'_>, outbox: &mut Outbox) {
        if self.sending {
            self.send_sound(keys, now_us, clock, outbox);
            self.capture(now_us);
        }
        if self.something_waits() && self.pacer.due_us() <= now_us {
            self.send_slot(keys, now_us, clock, outbox);
        }
    }

    fn send_sound(&mut self, keys: &Keys, now_us: u64, clock: Clock<'_>, outbox: &mut Outbox) {
        for microphone in &mut self.microphones {
            while microphone.next_us <= now_us {
                let late_us = now_us - microphone.next_us;
                if late_us >= 10 * SOUND_US {
                    microphone.resume(now_us); // what was not said in time is not said at all
                    continue;
                }
                let content = microphone.speak();
                let stream = &mut microphone.stream;
                let Some(room) = outbox.room() else { break };
                if let Some(len) = stream.write(content, &mut self.shared, &keys.send, clock, room) {
                    outbox.commit(&self.path, len);
                    stream.counts.late.record(late_us);
                }
            }
        }
    }

    fn capture(&mut self, now_us: u64) {
        if !self.something_waits() {
            self.pacer.wake(now_us);
        }
        for video in &mut self.videos {
            if video.camera.due_us() <= now_us {
                let header_len = video.stream.header_len(&self.shared);
                video.capture(now_us, header_len);
            }
        }
    }

    /// One slot of the pacer.
    fn send_slot(&mut self, keys: &Keys, now_us: u64, clock: Clock<'_>, outbox: &mut Outbox) {
        let late_us = self.pacer.begin_slot(now_us);
        while self.pacer.may_send() {
            let Some(room) = outbox.room() else { return };
            let written = if let Some((at, seq)) = self.again.pop_front() {
                self.videos[at].stream.write_again(seq, &mut self.shared, &keys.send, clock, room)
            } else if let Some(video) = self.videos.iter_mut().find(|video| !video.frames.is_empty()) {
                video.stream.counts.late.record(late_us);
                let content = video.next_packet();
                content.and_then(|one| video.stream.write(one, &mut self.shared, &keys.send, clock, room))
            } else {
                return;
            };
            if let Some(len) = written {
                outbox.commit(&self.path, len);
                self.pacer.sent(len);
            }
        }
    }

    /// A NACK on one of our streams came.
    pub(super) fn send_again(&mut self, ssrc: u32, lost: &[u16], now_us: u64) {
        let Some(at) = self.videos.iter().position(|video| video.stream.description.ssrc == ssrc) else { return };
        let rtt_us = self.rtt_us.or(self.agent.rtt_us()).unwrap_or(DEFAULT_RTT_US);
        if !self.something_waits() {
            self.pacer.wake(now_us);
        }
        let stream = &mut self.videos[at].stream;
        stream.counts.nacks += lost.len() as u64;
        for &seq in lost {
            if self.again.len() < MAX_AGAIN && stream.may_resend(seq, now_us, rtt_us) {
                self.again.push_back((at, seq));
            }
        }
    }

    /// Somebody needs a key frame.
    pub(super) fn want_key(&mut self, ssrc: u32) {
        if let Some(video) = self.videos.iter_mut().find(|video| video.stream.description.ssrc == ssrc) {
            video.stream.counts.plis += 1;
            video.camera.want_key();
        }
    }
}
