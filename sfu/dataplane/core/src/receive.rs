//! A round of arrived datagrams: told apart, authenticated, taken in, and forwarded at the end of the round.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::counters::Tally;
use crate::event::Event;
use crate::extension::{elements, transport_seq};
use crate::ice::{PathChange, ValidCheck};
use crate::outbox::{Outbox, Path};
use crate::plane::Plane;
use crate::replay::ReceiveIndex;
use crate::rtp::{FIXED_HEADER_LEN, Header, Kind as DatagramKind, classify, payload_end};
use crate::stun::{self, ErrorCode, StunError};
use crate::subscription::ExtensionIds;
use crate::track::{Incoming, Kind, Track, TrackState};
use crate::transport::{Ingress, Role, Transport};

/// One datagram as it came in; it is decrypted in place.
pub struct Datagram<'a> {
    pub bytes: &'a mut [u8],
    pub path: Path,
    /// When the network delivered it; at most a little before the round's time.
    pub arrived_us: u64,
}

/// SSRCs one transport may use. A browser with simulcast and retransmission needs some dozen, more when it starts tracks
/// anew; forgetting one would reset its roll-over counter.
pub(crate) const MAX_STREAMS: usize = 256;
const FEEDBACK_INTERVAL_US: u64 = 100_000;
/// Sources whose failed checks are answered in one second.
const MAX_REFUSED_SOURCES: usize = 1024;
/// An address stays its transport's for so long after a valid check; nobody else's check takes it away before.
const ADDRESS_HELD_US: u64 = 5_000_000;

/// What one media thread keeps from round to round.
#[derive(Default)]
pub struct Worker {
    routes: HashMap<SocketAddr, Arc<Transport>>,
    routes_version: u64,
    pub(crate) touched: Vec<Arc<Track>>,
    pub(crate) packet: Vec<u8>,
    pub(crate) due: Vec<u64>,
    pub(crate) wire: Vec<u16>,
    pub(crate) transports: Vec<Arc<Transport>>,
    pub tally: Tally,
    refused: HashMap<IpAddr, u32>,
    refused_since_us: u64,
}

impl Worker {
    fn transport(&mut self, plane: &Plane, remote: &SocketAddr) -> Option<Arc<Transport>> {
        if let Some(transport) = self.routes.get(remote) {
            return Some(transport.clone());
        }
        let transport = plane.by_source(remote)?;
        self.routes.insert(*remote, transport.clone());
        Some(transport)
    }

    /// Forget remembered routes when any has changed, so that a closed transport is let go.
    pub(crate) fn refresh(&mut self, plane: &Plane) {
        let version = plane.routes_version();
        if version != self.routes_version {
            self.routes.clear();
            self.routes_version = version;
        }
    }

    /// Have a track looked after at the end of the round, also where a gap or a request is all there is.
    pub(crate) fn list(&mut self, track: &Arc<Track>, state: &mut TrackState) {
        if !state.is_listed {
            state.is_listed = true;
            self.touched.push(track.clone());
        }
    }

    /// Whether a failed check from this source is told so; each source has only so many answers in a second, and so have
    /// all of them together, or we would be used to send them to people who never asked.
    fn may_refuse(&mut self, plane: &Plane, source: IpAddr, now_us: u64) -> bool {
        if now_us.saturating_sub(self.refused_since_us) >= 1_000_000 {
            self.refused.clear();
            self.refused_since_us = now_us;
        }
        if self.refused.len() >= MAX_REFUSED_SOURCES && !self.refused.contains_key(&source) {
            return false;
        }
        let answers = self.refused.entry(source).or_default();
        *answers += 1;
        *answers <= plane.config.unauthenticated_per_s
    }
}

impl Plane {
    /// Take a round of datagrams in and put everything that is to be sent into `outbox`; `flush` sends and empties it.
    pub fn receive(
        &self,
        worker: &mut Worker,
        datagrams: &mut [Datagram<'_>],
        now_us: u64,
        outbox: &mut Outbox,
        flush: &mut dyn FnMut(&mut Outbox),
    ) {
        worker.refresh(self);
        for datagram in datagrams {
            self.receive_one(worker, datagram, now_us, outbox);
            // Answers to one peer must not take the room of what is forwarded to the others.
            if outbox.is_full() {
                flush(outbox);
            }
        }
        self.forward(worker, now_us, outbox, flush);
        flush(outbox);
        self.counters.add(&mut worker.tally);
    }

    fn receive_one(&self, worker: &mut Worker, datagram: &mut Datagram<'_>, now_us: u64, outbox: &mut Outbox) {
        let kind = classify(datagram.bytes);
        if kind == DatagramKind::Stun {
            self.receive_stun(worker, datagram.bytes, datagram.path, now_us, outbox);
            return;
        }
        let Some(transport) = worker.transport(self, &datagram.path.remote) else {
            worker.tally.unknown_source += 1;
            return;
        };
        match kind {
            DatagramKind::Rtp => self.receive_rtp(worker, &transport, datagram.bytes, datagram.arrived_us, now_us),
            DatagramKind::Rtcp => {
                let Datagram { bytes, arrived_us, .. } = datagram;
                self.receive_rtcp(worker, &transport, bytes, *arrived_us, now_us, outbox);
            }
            DatagramKind::Dtls => {
                worker.tally.dtls_received += 1;
                if !transport.allows_handshake(now_us) {
                    worker.tally.rate_limited += 1;
                    return;
                }
                self.tell(Event::Dtls { transport: transport.id, datagram: datagram.bytes.to_vec() });
            }
            DatagramKind::Stun | DatagramKind::Other => worker.tally.malformed += 1,
        }
    }

    // ---- STUN (RFC 8445 §7.3) ---------------------------------------------------------------------------------------

    fn receive_stun(&self, worker: &mut Worker, bytes: &[u8], path: Path, now_us: u64, outbox: &mut Outbox) {
        worker.tally.stun_requests += 1;
        let mut answer = std::mem::take(&mut worker.packet);
        answer.clear();
        if self.answer_check(bytes, path, now_us, &mut answer, &mut worker.tally).is_err() {
            worker.tally.stun_rejected += 1;
            // Good checks are always answered: whoever fails may have borrowed the address, or share it with others.
            if !worker.may_refuse(self, path.remote.ip(), now_us) {
                worker.tally.rate_limited += 1;
                answer.clear();
            }
        }
        if !answer.is_empty() {
            outbox.push(&path, &answer);
        }
        answer.clear();
        worker.packet = answer;
    }

    /// Writes the answer to a check, if it deserves one. An error counts against its source.
    fn answer_check(
        &self,
        bytes: &[u8],
        path: Path,
        now_us: u64,
        answer: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Result<(), StunError> {
        let request = stun::parse_request(bytes).inspect_err(|error| match error {
            StunError::MissingCredentials(id) => stun::write_error(answer, id, ErrorCode::BadRequest, None),
            StunError::UnknownAttributes(id, unknown) => {
                stun::write_error(answer, id, ErrorCode::UnknownAttribute(*unknown), None);
            }
            _ => {}
        })?;
        let id = request.transaction_id;
        let ours = request.ufrags().map_or(request.username, |(ours, _)| ours);
        let transport = self.by_ufrag(ours);
        let password = transport.as_ref().and_then(|found| found.ice.lock().password(ours).map(str::to_owned));
        let (Some(transport), Some(password)) = (transport, password) else {
            stun::write_error(answer, &id, ErrorCode::Unauthenticated, None);
            return Err(StunError::MissingCredentials(id));
        };
        let key = password.as_bytes();
        if !stun::verify_integrity(bytes, &request, key) {
            stun::write_error(answer, &id, ErrorCode::Unauthenticated, None);
            return Err(StunError::MissingCredentials(id));
        }
        if request.controlled.is_some() {
            // We are always the controlled side (RFC 8445 §6.1.1); whoever says the same has to change.
            stun::write_error(answer, &id, ErrorCode::RoleConflict, Some(key));
            return Ok(());
        }
        let check = ValidCheck { ufrag: ours, transaction_id: id, path, use_candidate: request.use_candidate };
        if self.check_passed(&transport, &check, now_us) {
            stun::write_success(answer, &id, path.remote, key);
        } else {
            tally.replays += 1;
        }
        Ok(())
    }

    /// False when the check is a replay, or comes from an address that is another transport's.
    fn check_passed(&self, transport: &Arc<Transport>, check: &ValidCheck<'_>, now_us: u64) -> bool {
        let remote = check.path.remote;
        let owner = self.by_source(&remote);
        if let Some(other) = owner.as_ref().filter(|owner| owner.id != transport.id)
            && other.ice.lock().heard_from(&remote, now_us.saturating_sub(ADDRESS_HELD_US))
        {
            return false;
        }
        let outcome = {
            let mut ice = transport.ice.lock();
            let Some(outcome) = ice.checked(check, now_us) else { return false };
            if outcome.change != PathChange::Same {
                transport.egress.write().path = ice.path();
            }
            outcome
        };
        let is_routed = owner.is_some_and(|owner| owner.id == transport.id);
        self.route(transport, (!is_routed).then_some(remote), outcome.removed);
        if outcome.change != PathChange::Same {
            transport.wake_at(now_us + self.config.consent_timeout_us);
            transport.figures.path_changes.fetch_add(1, Ordering::Relaxed);
            self.tell(Event::Path { transport: transport.id, first: outcome.change == PathChange::First });
        }
        if outcome.change == PathChange::First && transport.egress.read().ready().is_some() {
            // Back after consent had run out: its decoders have long lost the thread.
            self.restart_subscriptions(transport, now_us);
        }
        true
    }

    // ---- RTP --------------------------------------------------------------------------------------------------------

    fn receive_rtp(
        &self,
        worker: &mut Worker,
        transport: &Arc<Transport>,
        bytes: &mut [u8],
        arrived_us: u64,
        now_us: u64,
    ) {
        let Ok(header) = Header::parse(bytes) else {
            worker.tally.malformed += 1;
            return;
        };
        let mut ingress = transport.ingress.lock();
        let Some(opened) = open(&mut ingress, transport, &header, bytes, &mut worker.tally) else { return };
        transport.figures.packets_received.fetch_add(1, Ordering::Relaxed);
        transport.figures.bytes_received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        worker.tally.packets_received += 1;
        worker.tally.bytes_received += bytes.len() as u64;
        let packet = &bytes[..header.len + opened.payload_len];
        let Ok(end) = payload_end(packet, &header) else {
            worker.tally.malformed += 1;
            return;
        };
        let marks = Marks::read(packet, &header, &ingress.ids);
        if let Some(number) = marks.transport_cc {
            ingress.note_for_feedback(transport, number, arrived_us, now_us);
        }
        let is_new = opened.role.is_none();
        let Some(role) = opened.role.or_else(|| ingress.bind(&header, &marks)) else {
            worker.tally.unbound += 1;
            return;
        };
        drop(ingress);
        let incoming = Incoming {
            header,
            header_rest: &packet[FIXED_HEADER_LEN..header.len],
            wire_seq: opened.index,
            payload: &packet[header.len..end],
            audio_level: marks.audio_level,
            dependency_descriptor: marks.dependency_descriptor,
            arrived_us,
            now_us,
            is_retransmission: false,
        };
        match role {
            Role::Media(track) => self.take_in_media(worker, &track, incoming, is_new),
            Role::Retransmission(track) => take_in_retransmission(worker, &track, incoming),
        }
    }

    fn take_in_media(&self, worker: &mut Worker, track: &Arc<Track>, packet: Incoming<'_>, is_new: bool) {
        let description = &track.description;
        if packet.header.payload_type != description.payload_type {
            worker.tally.unbound += 1;
            return;
        }
        match description.kind {
            Kind::Audio => worker.tally.audio_packets_received += 1,
            Kind::Video => worker.tally.video_packets_received += 1,
        }
        let mut state = track.state.lock();
        if is_new {
            if !state.has_started() {
                self.tell(Event::TrackStarted { track: track.id });
                track.publisher.wake_at(packet.now_us);
            }
            state.switch_source(description, &packet);
        } else if state.ssrc() != Some(packet.header.ssrc) {
            return; // a straggler of an SSRC that was replaced
        }
        state.receive(description, &packet);
        worker.list(track, &mut state);
    }
}

/// RFC 4588 §4: the original sequence number, then the original payload.
fn take_in_retransmission(worker: &mut Worker, track: &Arc<Track>, packet: Incoming<'_>) {
    worker.tally.rtx_received += 1;
    let Some((original, payload)) = packet.payload.split_first_chunk::<2>() else { return };
    if payload.is_empty() {
        return; // a probe of nothing but padding
    }
    let mut state = track.state.lock();
    let Some(wire_seq) = state.original_wire_seq(u16::from_be_bytes(*original)) else { return };
    let original = Incoming { wire_seq, payload, is_retransmission: true, ..packet };
    state.receive(&track.description, &original);
    worker.list(track, &mut state);
}

/// A packet that passed authentication.
struct Opened {
    index: u64,
    payload_len: usize,
    role: Option<Role>,
}

/// Authenticate and decrypt in place. A packet that fails changes nothing.
fn open(
    ingress: &mut Ingress,
    transport: &Transport,
    header: &Header,
    bytes: &mut [u8],
    tally: &mut Tally,
) -> Option<Opened> {
    let Ingress { keys, streams, .. } = ingress;
    let keys = keys.as_ref()?;
    let index = match streams.get(&header.ssrc) {
        None => ReceiveIndex::new().estimate(header.seq),
        Some(stream) => {
            let index = stream.index.estimate(header.seq);
            if stream.index.check(index).is_err() {
                tally.replays += 1;
                transport.figures.replays.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            index
        }
    };
    let Ok(payload_len) = keys.unprotect_rtp(bytes, header.len, index) else {
        tally.auth_failures += 1;
        transport.figures.auth_failures.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    if streams.len() >= MAX_STREAMS && !streams.contains_key(&header.ssrc) {
        tally.unbound += 1;
        return None;
    }
    let stream = streams.entry(header.ssrc).or_default();
    stream.index.accept(index);
    Some(Opened { index, payload_len, role: stream.role.clone() })
}

impl Ingress {
    fn note_for_feedback(&mut self, transport: &Transport, number: u16, arrived_us: u64, now_us: u64) {
        self.twcc.record(number, arrived_us);
        if self.feedback_due_us.is_none() {
            let due = now_us + FEEDBACK_INTERVAL_US;
            self.feedback_due_us = Some(due);
            transport.wake_at(due);
        }
    }

    /// Find out what a stream without a role is, by all that it has said of itself so far.
    fn bind(&mut self, header: &Header, marks: &Marks<'_>) -> Option<Role> {
        let stream = self.streams.get_mut(&header.ssrc)?;
        for (known, said) in [
            (&mut stream.names.mid, marks.mid),
            (&mut stream.names.rid, marks.rid),
            (&mut stream.names.repaired_rid, marks.repaired_rid),
        ] {
            if let Some(said) = said {
                *known = Some(said.to_vec());
            }
        }
        let names = stream.names.clone();
        let role = self.role_of(header.ssrc, header.payload_type, &names)?;
        self.streams.get_mut(&header.ssrc)?.role = Some(role.clone());
        Some(role)
    }
}

/// What a packet's header extensions say.
#[derive(Default)]
struct Marks<'a> {
    transport_cc: Option<u16>,
    audio_level: Option<u8>,
    dependency_descriptor: Option<&'a [u8]>,
    mid: Option<&'a [u8]>,
    rid: Option<&'a [u8]>,
    repaired_rid: Option<&'a [u8]>,
}

impl<'a> Marks<'a> {
    fn read(packet: &'a [u8], header: &Header, ids: &ExtensionIds) -> Self {
        let mut marks = Self::default();
        let Some(block) = header.extension else { return marks };
        for (id, value) in elements(&packet[block.range()], block.profile) {
            // Ids that were not negotiated are 0 on our side, and no element has that id.
            if id == ids.transport_cc {
                marks.transport_cc = transport_seq(value);
            } else if id == ids.audio_level {
                marks.audio_level = value.first().copied();
            } else if id == ids.mid {
                marks.mid = Some(value);
            } else if id == ids.dependency_descriptor {
                marks.dependency_descriptor = Some(value);
            } else if id == ids.rid {
                marks.rid = Some(value);
            } else if id == ids.repaired_rid {
                marks.repaired_rid = Some(value);
            }
        }
        marks
    }
}
