//! One stream on its way out: numbers, headers, the stamp inside, and what may be asked for again (RFC 4588).

use dataplane_core::extension::Writer;
use dataplane_core::rtp::{self, FIXED_HEADER_LEN};
use dataplane_core::srtp::SrtpKeys;

use crate::heads::MAX_HEAD;
use crate::histogram::Histogram;
use crate::stamp::Stamp;

/// Packets that may be asked for again: about three seconds of video. The oldest goes first.
const HISTORY: usize = 512;
/// The original sequence number in front of a retransmitted payload (RFC 4588 §4).
const OSN_LEN: usize = 2;

/// Wall clock in ns since 1970; asked just before encryption.
pub type Clock<'a> = &'a mut dyn FnMut() -> u64;

/// Header extension ids as negotiated (RFC 8285); 0: not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    pub mid: u8,
    pub transport_cc: u8,
    pub audio_level: u8,
    pub abs_send_time: u8,
}

/// What packets of all streams of one participant share.
#[derive(Debug, Default)]
pub struct Shared {
    pub extensions: Extensions,
    /// The next transport-wide number.
    pub transport_seq: u16,
    /// Whose clock our stamps are of.
    pub host: u32,
}

#[derive(Clone, Debug)]
pub struct Rtx {
    pub ssrc: u32,
    pub payload_type: u8,
}

#[derive(Clone, Debug)]
pub struct Description {
    pub ssrc: u32,
    pub payload_type: u8,
    pub mid: String,
    pub rtx: Option<Rtx>,
}

/// One packet: enough to make it again, bit for bit.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub marker: bool,
    pub timestamp: u32,
    pub payload_len: usize,
    pub head: [u8; MAX_HEAD],
    pub head_len: usize,
    pub frame: u32,
    pub key: bool,
    /// In -dBov, for audio.
    pub level: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    content: Content,
    index: u64,
    number: u32,
    sent_ns: u64,
    resent_us: u64,
}

/// Since the window began.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub packets: u64,
    pub bytes: u64,
    pub nacks: u64,
    pub plis: u64,
    pub retransmitted: u64,
    pub key_frames: u64,
    pub frames_dropped: u64,
    pub late: Histogram,
}

#[derive(Debug)]
pub struct Outgoing {
    pub description: Description,
    /// SRTP's packet index of the next packet; its low half is the sequence number.
    index: u64,
    rtx_index: u64,
    number: u32,
    /// Since the beginning, for sender reports.
    pub packets: u32,
    pub octets: u32,
    history: Vec<Option<Sent>>,
    pub counts: Counts,
}

impl Outgoing {
    /// `first` is the first sequence number; below 2^15, so that none wraps before receivers know the roll-over count.
    #[must_use]
    pub fn new(description: Description, first: u16) -> Self {
        let history = if description.rtx.is_some() { HISTORY } else { 0 };
        Self {
            description,
            index: u64::from(first & 0x7FFF),
            rtx_index: u64::from(first & 0x3FFF),
            number: 0,
            packets: 0,
            octets: 0,
            history: vec![None; history],
            counts: Counts::default(),
        }
    }

    /// The length of this stream's headers, extensions included; a good guess for a first packet.
    #[must_use]
    pub fn header_len(&self, shared: &Shared) -> usize {
        let ids = shared.extensions;
        let element = |id: u8, len: usize| if id == 0 { 0 } else { 1 + len };
        let elements = element(ids.mid, self.description.mid.len())
            + element(ids.transport_cc, 2)
            + element(ids.abs_send_time, 3)
            + 4;
        FIXED_HEADER_LEN + 4 + elements.next_multiple_of(4)
    }

    /// Writes and encrypts the next packet into `out`; returns its length, `None` when it does not fit.
    pub fn write(
        &mut self,
        content: Content,
        shared: &mut Shared,
        keys: &SrtpKeys,
        clock: Clock<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut sent = Sent { content, index: self.index, number: self.number, sent_ns: 0, resent_us: 0 };
        let (ssrc, payload_type) = (self.description.ssrc, self.description.payload_type);
        let face = (ssrc, payload_type, self.index);
        let len = self.write_packet(&mut sent, face, false, shared, keys, clock, out)?;
        self.index += 1;
        self.number = self.number.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(content.payload_len as u32);
        self.counts.packets += 1;
        self.counts.bytes += content.payload_len as u64;
        if !self.history.is_empty() {
            let place = sent.index as usize % self.history.len();
            self.history[place] = Some(sent);
        }
        Some(len)
    }

    /// Whether a packet may be sent again now: it is held, and was not just sent again, as an answer to another NACK
    /// takes a round trip to arrive.
    pub fn may_resend(&mut self, seq: u16, now_us: u64, rtt_us: u64) -> bool {
        let Some(sent) = self.held(seq) else { return false };
        if sent.resent_us != 0 && now_us.saturating_sub(sent.resent_us) < rtt_us {
            return false;
        }
        sent.resent_us = now_us;
        true
    }

    /// Writes the retransmission of a packet; `None` when it is not held any more.
    pub fn write_again(
        &mut self,
        seq: u16,
        shared: &mut Shared,
        keys: &SrtpKeys,
        clock: Clock<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut sent = *self.held(seq)?;
        let rtx = self.description.rtx.clone()?;
        let face = (rtx.ssrc, rtx.payload_type, self.rtx_index);
        let len = self.write_packet(&mut sent, face, true, shared, keys, clock, out)?;
        self.rtx_index += 1;
        self.counts.retransmitted += 1;
        Some(len)
    }

    fn held(&mut self, seq: u16) -> Option<&mut Sent> {
        let place = usize::from(seq) % self.history.len().max(1);
        self.history.get_mut(place)?.as_mut().filter(|sent| sent.index as u16 == seq)
    }

    #[allow(clippy::too_many_arguments)] // one packet's all
    fn write_packet(
        &self,
        sent: &mut Sent,
        (ssrc, payload_type, index): (u32, u8, u64),
        again: bool,
        shared: &mut Shared,
        keys: &SrtpKeys,
        clock: Clock<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let Content { marker, timestamp, payload_len, head, head_len, frame, key, level } = sent.content;
        let extensions = self.write_extensions(level, shared, clock, out.get_mut(FIXED_HEADER_LEN..)?);
        let header_len = FIXED_HEADER_LEN + extensions;
        rtp::write_fixed(out, marker, payload_type, index as u16, timestamp, ssrc, extensions > 0);
        let mut body_at = header_len;
        if again {
            out.get_mut(body_at..body_at + OSN_LEN)?.copy_from_slice(&(sent.index as u16).to_be_bytes());
            body_at += OSN_LEN;
        }
        let payload = out.get_mut(body_at..body_at + payload_len)?;
        payload.fill(0);
        payload.get_mut(..head_len)?.copy_from_slice(&head[..head_len]);
        if !again {
            sent.sent_ns = clock();
        }
        let stream = self.description.ssrc;
        let stamp = Stamp { frame, key, host: shared.host, stream, number: sent.number, sent_ns: sent.sent_ns };
        stamp.write(payload);
        keys.protect_rtp(out, header_len, body_at + payload_len - header_len, index).ok()
    }

    /// Returns the block's length. Extensions that find no room are left out, which cannot be with these few.
    fn write_extensions(&self, level: Option<u8>, shared: &mut Shared, clock: Clock<'_>, out: &mut [u8]) -> usize {
        let ids = shared.extensions;
        let mut writer = Writer::new(out);
        if ids.mid != 0 {
            let _ = writer.push(ids.mid, self.description.mid.as_bytes());
        }
        if let (Some(level), true) = (level, ids.audio_level != 0) {
            let _ = writer.push(ids.audio_level, &[0x80 | (level & 0x7F)]);
        }
        if ids.abs_send_time != 0 {
            let _ = writer.push(ids.abs_send_time, &abs_send_time(clock()));
        }
        if ids.transport_cc != 0 {
            let _ = writer.push(ids.transport_cc, &shared.transport_seq.to_be_bytes());
            shared.transport_seq = shared.transport_seq.wrapping_add(1);
        }
        writer.finish()
    }
}

/// Seconds modulo 64 as 6.18 fixed point (http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time).
fn abs_send_time(wall_ns: u64) -> [u8; 3] {
    let seconds = (wall_ns / 1_000_000_000 % 64) << 18;
    let fraction = ((wall_ns % 1_000_000_000) << 18) / 1_000_000_000;
    let [_, a, b, c] = ((seconds + fraction) as u32).to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abs_send_time_is_seconds_in_six_and_eighteen_bits() {
        assert_eq!(abs_send_time(0), [0, 0, 0]);
        assert_eq!(abs_send_time(64_500_000_000), [0x02, 0, 0]);
        assert_eq!(abs_send_time(1_000_000_000), [0x04, 0, 0]);
    }
}
