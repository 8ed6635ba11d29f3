//! The stage: a participant that sends, one that receives, and between them what a forwarding server would do.

use std::net::SocketAddr;

use dataplane_core::codec::Codec;
use dataplane_core::outbox::Outbox;
use dataplane_core::rtcp;
use dataplane_core::rtp::{self, Header};
use dataplane_core::srtp::{Profile, SrtpKeys};
use dataplane_core::stun;
use dataplane_core::track::Kind;
use dataplane_traffic::heads::VideoCodec;
use dataplane_traffic::ice::Credentials;
use dataplane_traffic::participant::{Event, Participant, Picture, Settings};
use dataplane_traffic::received::{self, Arrival};
use dataplane_traffic::sent::{Description, Extensions, Rtx};

pub const MS: u64 = 1_000;
pub const AUDIO: u32 = 10;
pub const VIDEO: u32 = 20;
pub const VIDEO_RTX: u32 = 21;
/// The wall clock when the monotonic one is zero, in ns.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;
const PICTURE: Picture = Picture { codec: VideoCodec::Vp8, bitrate_bps: 1_200_000, frames_per_s: 30 };
const PASSWORD: &str = "a-password-of-22-chars-";

pub fn keys(seed: u8) -> SrtpKeys {
    SrtpKeys::new(Profile::AeadAes128Gcm, &[seed; 16], &[seed; 12]).expect("lengths of the profile")
}

pub fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

pub fn participant(seed: u64, open_one_in: u32, host: u32) -> Participant {
    let credentials = Credentials {
        local_ufrag: "local".into(),
        local_pwd: PASSWORD.into(),
        remote_ufrag: "remote".into(),
        remote_pwd: PASSWORD.into(),
    };
    let settings = Settings { credentials, remote: remote(), seed, open_one_in, host };
    let mut made = Participant::new(settings, 0);
    made.set_extensions(Extensions { mid: 1, transport_cc: 3, audio_level: 2, abs_send_time: 4 });
    made
}

/// A call in one direction; the clock is turned by `run`.
pub struct Stage {
    pub sender: Participant,
    pub receiver: Participant,
    pub now_us: u64,
    /// Every RTP packet on its way to the receiver: when, and its header.
    pub passed: Vec<(u64, Header, usize)>,
    /// RTCP of the receiver that reached the sender, decrypted.
    pub asked: Vec<Vec<u8>>,
    pub events: Vec<Event>,
    /// By how much the link holds packets up.
    pub delay_us: u64,
    under_way: Vec<(u64, bool, Vec<u8>)>,
}

impl Stage {
    pub fn new(open_one_in: u32) -> Self {
        let mut sender = participant(1, open_one_in, 77);
        let rtx = Rtx { ssrc: VIDEO_RTX, payload_type: 97 };
        let audio = Description { ssrc: AUDIO, payload_type: 111, mid: "0".into(), rtx: None };
        let video = Description { ssrc: VIDEO, payload_type: 96, mid: "1".into(), rtx: Some(rtx) };
        sender.add_microphone(audio, 0).unwrap();
        sender.add_video(video, PICTURE, 0).unwrap();
        let mut receiver = participant(2, open_one_in, 77);
        for (ssrc, kind, codec, clock_rate, rtx_ssrc) in
            [(AUDIO, Kind::Audio, Codec::Opus, 48_000, None), (VIDEO, Kind::Video, Codec::Vp8, 90_000, Some(VIDEO_RTX))]
        {
            receiver.add_incoming(received::Description { ssrc, kind, codec, clock_rate, rtx_ssrc }, 0).unwrap();
        }
        sender.set_keys(keys(2), keys(1), 0);
        receiver.set_keys(keys(1), keys(2), 0);
        sender.start_sending(0);
        Self {
            sender,
            receiver,
            now_us: 0,
            passed: Vec::new(),
            asked: Vec::new(),
            events: Vec::new(),
            delay_us: 5 * MS,
            under_way: Vec::new(),
        }
    }

    /// Let so much time pass; `lost` says which RTP packets the link loses, by header and their count so far.
    pub fn run(&mut self, for_us: u64, mut lost: impl FnMut(&Header, usize) -> bool) {
        let until = self.now_us + for_us;
        while self.now_us < until {
            self.now_us += MS;
            self.collect(&mut lost);
            self.deliver();
        }
    }

    fn collect(&mut self, lost: &mut impl FnMut(&Header, usize) -> bool) {
        let now_us = self.now_us;
        let mut clock = || EPOCH_NS + now_us * 1_000;
        let mut outbox = Outbox::new();
        self.sender.tick(now_us, &mut clock, &mut outbox);
        for datagram in datagrams(&outbox) {
            if rtp::classify(&datagram) == rtp::Kind::Stun {
                answer(&mut self.sender, &datagram, now_us);
            } else if rtp::classify(&datagram) == rtp::Kind::Rtp {
                let header = Header::parse(&datagram).unwrap();
                let count = self.passed.len();
                self.passed.push((now_us, header, datagram.len()));
                if !lost(&header, count) {
                    self.under_way.push((now_us + self.delay_us, true, datagram));
                }
            } else {
                self.under_way.push((now_us + self.delay_us, true, datagram));
            }
        }
        let mut outbox = Outbox::new();
        self.receiver.tick(now_us, &mut clock, &mut outbox);
        for datagram in datagrams(&outbox) {
            if rtp::classify(&datagram) == rtp::Kind::Stun {
                answer(&mut self.receiver, &datagram, now_us);
            } else {
                self.under_way.push((now_us + self.delay_us, false, datagram));
            }
        }
    }

    fn deliver(&mut self) {
        let now_us = self.now_us;
        let at = Arrival { us: now_us, wall_ns: EPOCH_NS + now_us * 1_000 };
        let (due, rest) = std::mem::take(&mut self.under_way).into_iter().partition(|(due, ..)| *due <= now_us);
        self.under_way = rest;
        for (_, to_receiver, mut datagram) in due {
            let mut outbox = Outbox::new();
            if to_receiver {
                self.receiver.receive(&mut datagram, at, now_us, &mut outbox);
                continue;
            }
            let mut plain = datagram.clone();
            let (len, _) = keys(2).unprotect_rtcp(&mut plain).expect("the receiver's own");
            plain.truncate(len);
            self.asked.push(plain);
            self.sender.receive(&mut datagram, at, now_us, &mut outbox);
        }
        self.events.extend(std::iter::from_fn(|| self.receiver.next_event()));
    }

    /// How many packets of this kind the receiver sent.
    pub fn asked(&self, kind: impl Fn(&rtcp::Packet<'_>) -> bool) -> usize {
        self.asked.iter().flat_map(|compound| rtcp::packets(compound)).flatten().filter(|packet| kind(packet)).count()
    }

    pub fn video(&self) -> dataplane_traffic::figures::ReceivedFigures {
        self.received(VIDEO)
    }

    pub fn received(&self, ssrc: u32) -> dataplane_traffic::figures::ReceivedFigures {
        let figures = self.receiver.figures(self.now_us);
        figures.received.into_iter().find(|stream| stream.ssrc == ssrc).expect("announced")
    }

    pub fn sent(&self, ssrc: u32) -> dataplane_traffic::figures::SentFigures {
        let figures = self.sender.figures(self.now_us);
        figures.sent.into_iter().find(|stream| stream.ssrc == ssrc).expect("announced")
    }
}

pub fn datagrams(outbox: &Outbox) -> Vec<Vec<u8>> {
    outbox.runs().iter().flat_map(|run| outbox.segments(run)).map(<[u8]>::to_vec).collect()
}

/// The server answers a check.
pub fn answer(participant: &mut Participant, check: &[u8], now_us: u64) {
    let request = stun::parse_request(check).expect("a check");
    let mut out = Vec::new();
    stun::write_success(&mut out, &request.transaction_id, remote(), PASSWORD.as_bytes());
    participant.receive(&mut out, Arrival::default(), now_us, &mut Outbox::new());
}
