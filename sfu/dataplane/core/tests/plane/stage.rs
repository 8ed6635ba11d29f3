//! A plane with peers around it: no socket, no thread, and a clock that the test turns by hand.

use std::net::{IpAddr, SocketAddr};

use dataplane_core::codec::Codec;
use dataplane_core::event::{Event, SubscriptionId, TrackId, TransportId};
use dataplane_core::extension::Writer;
use dataplane_core::ice::Credentials;
use dataplane_core::outbox::{Outbox, Path};
use dataplane_core::plane::{Config, Plane};
use dataplane_core::receive::{Datagram, Worker};
use dataplane_core::rtp::{self, Header};
use dataplane_core::srtp::{Profile, SrtpKeys};
use dataplane_core::stun::{Request, write_request};
use dataplane_core::subscription::{ExtensionIds, Face};
use dataplane_core::track::{Description, Kind};
use dataplane_core::{rtcp, rtp::Kind as DatagramKind};

pub const PWD: &str = "a-password-of-22-chars-";
pub const TWCC_ID: u8 = 3;
pub const LEVEL_ID: u8 = 1;
pub const MID_ID: u8 = 4;
pub const RID_ID: u8 = 10;

pub struct Stage {
    pub plane: Plane,
    pub now_us: u64,
    /// Checks made so far; each has an id of its own.
    checks: u64,
    worker: Worker,
    sent: Vec<(SocketAddr, Vec<u8>)>,
}

/// A client: its keys are the server's the other way round.
pub struct Peer {
    pub id: TransportId,
    pub remote: SocketAddr,
    pub ufrag: String,
    send: SrtpKeys,
    receive: SrtpKeys,
    srtcp_index: u32,
}

/// A decrypted RTP packet as a subscriber sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub payload_type: u8,
    pub ssrc: u32,
    pub seq: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
    pub extensions: Vec<(u8, Vec<u8>)>,
}

impl Stage {
    pub fn new() -> Self {
        let config = Config {
            consent_timeout_us: 30_000_000,
            max_transports: 100,
            max_tracks: 4,
            max_subscriptions: 8,
            history_packets: 512,
            unauthenticated_per_s: 20,
            max_taps: 2,
            ntp_at_zero: 0xdead_beef << 32,
        };
        let plane = Plane::new(config, Box::new(|| {}), Box::new(|| {}));
        Self { plane, now_us: 1_000_000, checks: 0, worker: Worker::default(), sent: Vec::new() }
    }

    /// A transport with keys and a validated path.
    pub fn a_peer(&mut self, port: u16) -> Peer {
        let mut peer = self.a_peer_without_keys(port);
        self.give_keys(&mut peer);
        peer
    }

    pub fn a_peer_without_keys(&mut self, port: u16) -> Peer {
        let ufrag = format!("ufrag{port}");
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: PWD.into() };
        let id = self.plane.open_transport(credentials, 77).expect("room for a transport");
        let seed = port as u8;
        let peer = Peer {
            id,
            remote: SocketAddr::from(([192, 0, 2, 1], port)),
            ufrag,
            send: keys(seed),
            receive: keys(seed ^ 0xff),
            srtcp_index: 0,
        };
        self.check(&peer, peer.remote, true);
        peer
    }

    pub fn give_keys(&mut self, peer: &mut Peer) {
        let seed = peer.remote.port() as u8;
        self.plane.set_keys(peer.id, keys(seed), keys(seed ^ 0xff), self.now_us).expect("the transport exists");
        let ids = ExtensionIds {
            mid: MID_ID,
            rid: RID_ID,
            transport_cc: TWCC_ID,
            audio_level: LEVEL_ID,
            ..ExtensionIds::default()
        };
        self.plane.set_extensions(peer.id, ids).expect("the transport exists");
    }

    pub fn publish_video(&mut self, peer: &Peer) -> TrackId {
        let description = Description {
            mid: "1".into(),
            kind: Kind::Video,
            codec: Codec::Vp8,
            clock_rate: 90_000,
            payload_type: 96,
            rtx_payload_type: Some(97),
            nack: true,
            rid: None,
            ssrcs: vec![1000],
            rtx_ssrcs: vec![1001],
        };
        self.plane.publish(peer.id, description).expect("room for a track")
    }

    pub fn publish_audio(&mut self, peer: &Peer) -> TrackId {
        let description = Description {
            mid: "0".into(),
            kind: Kind::Audio,
            codec: Codec::Opus,
            clock_rate: 48_000,
            payload_type: 111,
            rtx_payload_type: None,
            nack: false,
            rid: None,
            ssrcs: vec![2000],
            rtx_ssrcs: vec![],
        };
        self.plane.publish(peer.id, description).expect("room for a track")
    }

    pub fn subscribe(&mut self, peer: &Peer, track: TrackId, ssrc: u32) -> SubscriptionId {
        let face = Face {
            mid: "7".into(),
            payload_type: 120,
            rtx_payload_type: Some(121),
            ssrc,
            rtx_ssrc: Some(ssrc + 1),
            cname: "a-cname".into(),
        };
        self.plane.subscribe(peer.id, track, face, 0x0001_0002_0003_7ffe, self.now_us).expect("room to subscribe")
    }

    pub fn check(&mut self, peer: &Peer, from: SocketAddr, use_candidate: bool) {
        let (ufrag, pwd) = (peer.ufrag.clone(), PWD);
        self.check_as(&ufrag, pwd, from, use_candidate);
    }

    pub fn check_as(&mut self, ufrag: &str, pwd: &str, from: SocketAddr, use_candidate: bool) {
        let datagram = self.a_check(ufrag, pwd, use_candidate);
        self.deliver(from, datagram);
    }

    pub fn a_check(&mut self, ufrag: &str, pwd: &str, use_candidate: bool) -> Vec<u8> {
        self.checks += 1;
        let mut transaction_id = [5; 12];
        transaction_id[..8].copy_from_slice(&self.checks.to_be_bytes());
        let mut datagram = Vec::new();
        let request = Request {
            transaction_id,
            username: &format!("{ufrag}:theirs"),
            priority: 1,
            use_candidate,
            controlling: Some(1),
            controlled: None,
        };
        write_request(&mut datagram, &request, pwd.as_bytes());
        datagram
    }

    /// One datagram is one round.
    pub fn deliver(&mut self, from: SocketAddr, datagram: Vec<u8>) {
        self.deliver_all(from, vec![datagram]);
    }

    pub fn deliver_all(&mut self, from: SocketAddr, datagrams: Vec<Vec<u8>>) {
        self.deliver_mixed(datagrams.into_iter().map(|datagram| (from, datagram)).collect());
    }

    /// One round of datagrams from several sources.
    pub fn deliver_mixed(&mut self, mut datagrams: Vec<(SocketAddr, Vec<u8>)>) {
        let arrived_us = self.now_us;
        let mut round: Vec<_> = datagrams
            .iter_mut()
            .map(|(from, bytes)| Datagram { bytes, path: Path { remote: *from, local: None::<IpAddr> }, arrived_us })
            .collect();
        let mut outbox = Outbox::new();
        let sent = &mut self.sent;
        self.plane.receive(&mut self.worker, &mut round, self.now_us, &mut outbox, &mut |outbox| take(outbox, sent));
    }

    /// Turn the clock on in steps as the worker threads do.
    pub fn pass(&mut self, us: u64) {
        let end = self.now_us + us;
        while self.now_us < end {
            self.now_us = (self.now_us + 10_000).min(end);
            let mut outbox = Outbox::new();
            let sent = &mut self.sent;
            self.plane.tick(&mut self.worker, 0, 1, self.now_us, &mut outbox, &mut |outbox| take(outbox, sent));
        }
    }

    /// Everything sent to an address since the last call.
    pub fn sent_to(&mut self, remote: SocketAddr) -> Vec<Vec<u8>> {
        let (mine, others) = std::mem::take(&mut self.sent).into_iter().partition(|(to, _)| *to == remote);
        self.sent = others;
        mine.into_iter().map(|(_, datagram)| datagram).collect()
    }

    pub fn rtp_seen_by(&mut self, peer: &Peer) -> Vec<Seen> {
        let datagrams = self.sent_to(peer.remote);
        datagrams.into_iter().filter_map(|datagram| peer.open(datagram)).collect()
    }

    /// The RTCP a peer got, each compound packet in the clear.
    pub fn rtcp_seen_by(&mut self, peer: &Peer) -> Vec<Vec<u8>> {
        let datagrams = self.sent_to(peer.remote);
        datagrams.into_iter().filter_map(|datagram| peer.open_rtcp(datagram)).collect()
    }

    pub fn counter(&self, name: &str) -> u64 {
        let snapshot = self.plane.counters.snapshot();
        snapshot.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value).expect("a counter of that name")
    }

    pub fn events(&self) -> Vec<Event> {
        self.plane.events.take()
    }
}

fn take(outbox: &mut Outbox, sent: &mut Vec<(SocketAddr, Vec<u8>)>) {
    for run in outbox.runs() {
        sent.extend(outbox.segments(run).map(|segment| (run.path.remote, segment.to_vec())));
    }
    outbox.clear();
}

pub fn keys(seed: u8) -> SrtpKeys {
    SrtpKeys::new(Profile::AeadAes128Gcm, &[seed; 16], &[seed; 12]).expect("lengths of the profile")
}

/// A VP8 payload: descriptor with the start of a frame, then the frame tag (RFC 7741 §4.2, §4.3).
pub fn vp8(keyframe: bool, fill: u8, len: usize) -> Vec<u8> {
    let mut payload = vec![fill; len.max(12)];
    payload[0] = 0x10;
    payload[1] = u8::from(!keyframe);
    if keyframe {
        payload[4..7].copy_from_slice(&[0x9d, 0x01, 0x2a]);
    }
    payload
}

/// An RTP packet about to be sent by a peer.
pub struct Packet {
    pub payload_type: u8,
    pub ssrc: u32,
    pub index: u64,
    pub timestamp: u32,
    pub payload: Vec<u8>,
    pub extensions: Vec<(u8, Vec<u8>)>,
}

pub fn video(index: u64, payload: Vec<u8>) -> Packet {
    Packet { payload_type: 96, ssrc: 1000, index, timestamp: index as u32 * 3000, payload, extensions: vec![] }
}

pub fn audio(index: u64, level: u8) -> Packet {
    Packet {
        payload_type: 111,
        ssrc: 2000,
        index,
        timestamp: index as u32 * 960,
        payload: vec![9; 80],
        extensions: vec![(LEVEL_ID, vec![level])],
    }
}

impl Peer {
    pub fn protect(&self, packet: &Packet) -> Vec<u8> {
        protect_with(&self.send, packet)
    }

    /// A compound RTCP packet as it goes over the wire.
    pub fn protect_rtcp(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut packet = Vec::new();
        write(&mut packet);
        self.send.protect_rtcp(&mut packet, self.srtcp_index).expect("room for the tag");
        self.srtcp_index += 1;
        packet
    }

    /// The next packet is the first of another sender.
    pub fn begin_srtcp_count(&mut self) {
        self.srtcp_index = 0;
    }

    fn open(&self, mut datagram: Vec<u8>) -> Option<Seen> {
        if rtp::classify(&datagram) != DatagramKind::Rtp {
            return None;
        }
        let header = Header::parse(&datagram).expect("we send RTP");
        let index = u64::from(header.seq);
        // The tests send less than one cycle, but may begin just below its end.
        let len = [index, index + 65_536]
            .into_iter()
            .find_map(|index| self.receive.unprotect_rtp(&mut datagram.clone(), header.len, index).ok().map(|_| index))
            .map(|index| self.receive.unprotect_rtp(&mut datagram, header.len, index).expect("just now it did"))
            .expect("the subscriber's keys open it");
        let extensions = header.extension.map_or_else(Vec::new, |block| {
            let elements = dataplane_core::extension::elements(&datagram[block.range()], block.profile);
            elements.map(|(id, value)| (id, value.to_vec())).collect()
        });
        Some(Seen {
            payload_type: header.payload_type,
            ssrc: header.ssrc,
            seq: header.seq,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: datagram[header.len..header.len + len].to_vec(),
            extensions,
        })
    }

    fn open_rtcp(&self, mut datagram: Vec<u8>) -> Option<Vec<u8>> {
        if rtp::classify(&datagram) != DatagramKind::Rtcp {
            return None;
        }
        let (len, _) = self.receive.unprotect_rtcp(&mut datagram).expect("the peer's keys open it");
        datagram.truncate(len);
        Some(datagram)
    }
}

pub fn protect_with(keys: &SrtpKeys, packet: &Packet) -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    let extended = !packet.extensions.is_empty();
    rtp::write_fixed(
        &mut bytes,
        false,
        packet.payload_type,
        packet.index as u16,
        packet.timestamp,
        packet.ssrc,
        extended,
    );
    let mut header_len = rtp::FIXED_HEADER_LEN;
    if extended {
        let mut writer = Writer::new(&mut bytes[rtp::FIXED_HEADER_LEN..]);
        for (id, value) in &packet.extensions {
            writer.push(*id, value).expect("room for an extension");
        }
        header_len += writer.finish();
    }
    bytes[header_len..header_len + packet.payload.len()].copy_from_slice(&packet.payload);
    let len = keys.protect_rtp(&mut bytes, header_len, packet.payload.len(), packet.index).expect("room for the tag");
    bytes.truncate(len);
    bytes
}

/// The names of the packets in compound RTCP, for assertions.
pub fn kinds(compounds: &[Vec<u8>]) -> Vec<&'static str> {
    let packets = compounds.iter().flat_map(|compound| rtcp::packets(compound));
    packets
        .map(|packet| match packet.expect("we send RTCP") {
            rtcp::Packet::SenderReport { .. } => "sr",
            rtcp::Packet::ReceiverReport { .. } => "rr",
            rtcp::Packet::Sdes { .. } => "sdes",
            rtcp::Packet::Nack { .. } => "nack",
            rtcp::Packet::Pli { .. } => "pli",
            rtcp::Packet::TransportCc { .. } => "twcc",
            _ => "other",
        })
        .collect()
}
