//! One participant's media: its ICE agent, its keys, what it sends and what it receives, on one UDP path.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use dataplane_core::outbox::{Outbox, Path};
use dataplane_core::replay::SrtcpReplay;
use dataplane_core::rtp;
use dataplane_core::srtp::SrtpKeys;
use dataplane_core::twcc::Recorder;

use crate::figures::{Figures, SentFigures};
use crate::ice::{Agent, Credentials, Outcome};
use crate::pacer::Pacer;
use crate::random::Random;
use crate::received::{self, Arrival, Incoming};
use crate::sampling::Sampling;
use crate::sent::{self, Clock, Extensions, Shared};
use dataplane_core::track::Kind;

mod receiving;
mod sending;

pub use sending::Picture;
use sending::{Microphone, Video};

/// Streams that one participant may send, and receive.
pub const MAX_SENT: usize = 16;
pub const MAX_RECEIVED: usize = 256;
/// Events that nobody fetched yet; DTLS datagrams beyond that are dropped, and its handshake repeats them.
const MAX_EVENTS: usize = 64;
const NEVER: u64 = u64::MAX;

#[derive(Clone, Debug)]
pub struct Settings {
    pub credentials: Credentials,
    /// The server's address.
    pub remote: SocketAddr,
    pub seed: u64,
    /// One in so many packets is authenticated and decrypted.
    pub open_one_in: u32,
    /// Tells this host's clock from others'; 0: nobody can know.
    pub host: u32,
}

/// What is worth telling, each once but for DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The path works.
    Connected {
        at_us: u64,
    },
    Dtls {
        datagram: Vec<u8>,
    },
    FirstPacket {
        ssrc: u32,
        at_us: u64,
    },
    /// A whole one.
    FirstKeyFrame {
        ssrc: u32,
        at_us: u64,
    },
    /// No media any more, and why.
    Failed {
        reason: &'static str,
    },
}

/// What cannot be asked of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    SsrcInUse,
    TooManyStreams,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SsrcInUse => "SSRC is in use",
            Self::TooManyStreams => "too many streams of one participant",
        })
    }
}

impl std::error::Error for Refused {}

struct Keys {
    receive: SrtpKeys,
    send: SrtpKeys,
}

/// A place in `Participant::incoming`, and whether its retransmissions are meant.
#[derive(Clone, Copy)]
struct Role {
    at: usize,
    again: bool,
}

pub struct Participant {
    path: Path,
    agent: Agent,
    random: Random,
    open_one_in: u32,
    keys: Option<Keys>,
    shared: Shared,
    failed: bool,
    events: VecDeque<Event>,
    first_packet_told: bool,
    first_key_frame_told: bool,

    // Sending
    sending: bool,
    microphones: Vec<Microphone>,
    videos: Vec<Video>,
    pacer: Pacer,
    /// (video, sequence number) to send again; see `sending` for its limit.
    again: VecDeque<(usize, u16)>,

    // Receiving
    incoming: Vec<Incoming>,
    roles: HashMap<u32, Role>,
    recorder: Recorder,
    /// By sender's SSRC: each counts for itself (RFC 3711 §3.2.3).
    srtcp_replay: HashMap<u32, SrtcpReplay>,

    // Reports
    ssrc: u32,
    srtcp_index: u32,
    report_due_us: u64,
    feedback_due_us: u64,
    repair_due_us: u64,
    rtt_us: Option<u64>,
    /// NTP time of the monotonic clock's beginning, its middle 32 bits.
    middle_at_zero: u32,
    rtcp_received: u64,
    feedback_received: u64,
    strays: u64,
    pub unsent: u64,
    scratch: Scratch,
}

/// Kept for their memory.
#[derive(Default)]
struct Scratch {
    packet: Vec<u8>,
    due: Vec<u64>,
    lost: Vec<u16>,
    requests: Vec<u16>,
}

impl Participant {
    #[must_use]
    pub fn new(settings: Settings, now_us: u64) -> Self {
        let mut random = Random::new(settings.seed);
        let agent = Agent::new(settings.credentials, Random::new(random.draw()), now_us);
        let pacer = Pacer::new(0, random.between(0, crate::pacer::SLOT_US));
        let shared =
            Shared { extensions: Extensions::default(), transport_seq: random.draw() as u16, host: settings.host };
        Self {
            path: Path { remote: settings.remote, local: None },
            agent,
            open_one_in: settings.open_one_in,
            keys: None,
            shared,
            failed: false,
            events: VecDeque::new(),
            first_packet_told: false,
            first_key_frame_told: false,
            sending: false,
            microphones: Vec::new(),
            videos: Vec::new(),
            pacer,
            again: VecDeque::new(),
            incoming: Vec::new(),
            roles: HashMap::new(),
            recorder: Recorder::new(),
            srtcp_replay: HashMap::new(),
            ssrc: random.draw() as u32 | 1,
            srtcp_index: 0,
            report_due_us: NEVER,
            feedback_due_us: NEVER,
            repair_due_us: NEVER,
            rtt_us: None,
            middle_at_zero: 0,
            rtcp_received: 0,
            feedback_received: 0,
            strays: 0,
            unsent: 0,
            scratch: Scratch::default(),
            random,
        }
    }

    /// The server's address.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.path.remote
    }

    // What it is told

    pub fn set_extensions(&mut self, extensions: Extensions) {
        self.shared.extensions = extensions;
    }

    /// Keys of the handshake: from now on media may flow.
    pub fn set_keys(&mut self, receive: SrtpKeys, send: SrtpKeys, now_us: u64) {
        self.keys = Some(Keys { receive, send });
        self.report_due_us = now_us + self.random.between(0, receiving::REPORT_US);
        if self.sending {
            self.start_sources(now_us);
        }
    }

    /// Announce a stream of sound to send.
    pub fn add_microphone(&mut self, description: sent::Description, now_us: u64) -> Result<(), Refused> {
        self.check_room(&description)?;
        let random = Random::new(self.random.draw());
        self.microphones.push(Microphone::new(description, random, now_us));
        Ok(())
    }

    /// Announce a stream of pictures to send.
    pub fn add_video(&mut self, description: sent::Description, picture: Picture, now_us: u64) -> Result<(), Refused> {
        self.check_room(&description)?;
        let random = Random::new(self.random.draw());
        self.videos.push(Video::new(description, picture, random, now_us));
        self.pacer.set_rate(self.videos.iter().map(|video| video.bitrate_bps).sum());
        Ok(())
    }

    fn check_room(&self, description: &sent::Description) -> Result<(), Refused> {
        if self.microphones.len() + self.videos.len() >= MAX_SENT {
            return Err(Refused::TooManyStreams);
        }
        let used = self.outgoing().any(|stream| stream.description.ssrc == description.ssrc);
        if used { Err(Refused::SsrcInUse) } else { Ok(()) }
    }

    /// Announce a stream to receive. One that was announced before goes on as it is.
    pub fn add_incoming(&mut self, description: received::Description, now_us: u64) -> Result<(), Refused> {
        if self.roles.contains_key(&description.ssrc) {
            return Ok(());
        }
        if self.incoming.len() >= MAX_RECEIVED {
            return Err(Refused::TooManyStreams);
        }
        let at = self.incoming.len();
        self.roles.insert(description.ssrc, Role { at, again: false });
        if let Some(rtx) = description.rtx_ssrc {
            self.roles.insert(rtx, Role { at, again: true });
        }
        let sampling = Sampling::new(self.open_one_in, self.random.draw());
        self.incoming.push(Incoming::new(description, sampling, now_us));
        Ok(())
    }

    pub fn start_sending(&mut self, now_us: u64) {
        if !std::mem::replace(&mut self.sending, true) && self.keys.is_some() {
            self.start_sources(now_us);
        }
    }

    pub fn stop_sending(&mut self) {
        self.sending = false;
        self.videos.iter_mut().for_each(Video::drop_queue);
        self.again.clear();
    }

    /// It goes on from another local port.
    pub fn moved(&mut self, now_us: u64) {
        self.agent.moved(now_us);
    }

    /// Something went wrong outside.
    pub fn fail(&mut self, reason: &'static str) {
        if !std::mem::replace(&mut self.failed, true) {
            self.events.push_back(Event::Failed { reason });
        }
    }

    // What happens

    /// Takes one datagram, which is changed on the way.
    pub fn receive(&mut self, datagram: &mut [u8], at: Arrival, now_us: u64, outbox: &mut Outbox) {
        if self.failed {
            return;
        }
        match rtp::classify(datagram) {
            rtp::Kind::Stun => self.receive_stun(datagram, now_us, outbox),
            rtp::Kind::Dtls if self.events.len() < MAX_EVENTS => {
                self.events.push_back(Event::Dtls { datagram: datagram.to_vec() });
            }
            rtp::Kind::Rtp => self.receive_rtp(datagram, at, now_us),
            rtp::Kind::Rtcp => self.receive_rtcp(datagram, now_us),
            rtp::Kind::Dtls | rtp::Kind::Other => self.strays += 1,
        }
    }

    fn receive_stun(&mut self, datagram: &[u8], now_us: u64, outbox: &mut Outbox) {
        let mut answer = std::mem::take(&mut self.scratch.packet);
        let first = !self.agent.connected();
        match self.agent.receive(datagram, self.path.remote, now_us, &mut answer) {
            Outcome::Answer => outbox.push(&self.path, &answer),
            Outcome::Connected if first => self.events.push_back(Event::Connected { at_us: now_us }),
            Outcome::Connected | Outcome::Nothing => {}
        }
        self.scratch.packet = answer;
    }

    /// Does what is due, and returns when to come again. Whoever has called anything else comes at once.
    pub fn tick(&mut self, now_us: u64, clock: Clock<'_>, outbox: &mut Outbox) -> u64 {
        if self.failed {
            return NEVER;
        }
        if let Some(reason) = self.agent.failure(now_us) {
            self.fail(reason);
            return NEVER;
        }
        if self.agent.due_us() <= now_us {
            let mut check = std::mem::take(&mut self.scratch.packet);
            self.agent.check(now_us, &mut check);
            outbox.push(&self.path, &check);
            self.scratch.packet = check;
        }
        if let Some(keys) = self.keys.take() {
            self.send_media(&keys, now_us, clock, outbox);
            self.send_reports(&keys, now_us, clock, outbox);
            self.keys = Some(keys);
        }
        self.next_due_us()
    }

    fn next_due_us(&self) -> u64 {
        let media = if self.keys.is_some() { self.media_due_us() } else { NEVER };
        let reports = self.report_due_us.min(self.feedback_due_us).min(self.repair_due_us);
        self.agent.due_us().min(media).min(reports)
    }

    /// The oldest event that was not fetched yet.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    // What it measured

    fn outgoing(&self) -> impl Iterator<Item = &sent::Outgoing> {
        let sounds = self.microphones.iter().map(|microphone| &microphone.stream);
        sounds.chain(self.videos.iter().map(|video| &video.stream))
    }

    #[must_use]
    pub fn figures(&self, now_us: u64) -> Figures {
        let sounds = self.microphones.iter().map(|microphone| (Kind::Audio, &microphone.stream));
        let videos = self.videos.iter().map(|video| (Kind::Video, &video.stream));
        Figures {
            received: self.incoming.iter().map(|stream| stream.figures(now_us)).collect(),
            sent: sounds.chain(videos).map(|(kind, stream)| sent_figures(kind, stream)).collect(),
            unsent: self.unsent,
            rtcp_received: self.rtcp_received,
            feedback_received: self.feedback_received,
            strays: self.strays,
            rtt_us: self.rtt_us.or(self.agent.rtt_us()),
        }
    }

    pub fn reset_window(&mut self, now_us: u64) {
        self.incoming.iter_mut().for_each(|stream| stream.reset_window(now_us));
        self.microphones.iter_mut().for_each(|microphone| microphone.stream.counts = sent::Counts::default());
        self.videos.iter_mut().for_each(|video| video.stream.counts = sent::Counts::default());
        (self.unsent, self.rtcp_received, self.feedback_received, self.strays) = (0, 0, 0, 0);
    }
}

fn sent_figures(kind: Kind, stream: &sent::Outgoing) -> SentFigures {
    let counts = stream.counts.clone();
    SentFigures {
        ssrc: stream.description.ssrc,
        kind,
        packets: counts.packets,
        bytes: counts.bytes,
        nacks: counts.nacks,
        plis: counts.plis,
        retransmitted: counts.retransmitted,
        key_frames: counts.key_frames,
        frames_dropped: counts.frames_dropped,
        late: counts.late,
    }
}
