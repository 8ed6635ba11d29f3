//! The load tester's face (`TrafficEngine` of `sfu/_dataplane.pyi`): convert, call, translate errors. No rule lives here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane_core::codec::Codec;
use dataplane_core::srtp::{Profile, SrtpKeys};
use dataplane_core::track::Kind;
use dataplane_traffic::figures::{Figures, ReceivedFigures, SentFigures};
use dataplane_traffic::heads::VideoCodec;
use dataplane_traffic::histogram::Histogram;
use dataplane_traffic::ice::Credentials;
use dataplane_traffic::participant::{Event, Participant, Picture, Refused, Settings};
use dataplane_traffic::random::mix;
use dataplane_traffic::received;
use dataplane_traffic::sent::{Description, Extensions, Rtx};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use link::{TrafficLink, network};

use super::{LimitReached, UnknownId, address, bad, credentials, extension_id, milliseconds, payload_type};
use crate::io::Bell;
use crate::traffic::{Traffic, TrafficError};

mod link;

/// More sockets than that no process is allowed.
const MAX_PEERS: usize = 20_000;
const MAX_OPEN_ONE_IN: u32 = 1_000;
const MAX_BITRATE_BPS: u64 = 100_000_000;
const MAX_FRAMES_PER_S: u32 = 240;

#[pyclass(frozen, module = "sfu._dataplane")]
struct TrafficDtls {
    #[pyo3(get)]
    peer: u64,
    #[pyo3(get)]
    datagram: Py<PyBytes>,
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct TrafficStep {
    #[pyo3(get)]
    peer: u64,
    #[pyo3(get)]
    step: &'static str,
    #[pyo3(get)]
    at_s: f64,
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct TrafficFailed {
    #[pyo3(get)]
    peer: u64,
    #[pyo3(get)]
    reason: &'static str,
}

fn event_object(py: Python<'_>, peer: u64, event: Event) -> PyResult<Py<PyAny>> {
    let step = |step, at_us| PyResult::Ok(Py::new(py, TrafficStep { peer, step, at_s: seconds(at_us) })?.into_any());
    match event {
        Event::Dtls { datagram } => {
            let datagram = PyBytes::new(py, &datagram).unbind();
            Ok(Py::new(py, TrafficDtls { peer, datagram })?.into_any())
        }
        Event::Connected { at_us } => step("ice", at_us),
        Event::FirstPacket { at_us, .. } => step("first_packet", at_us),
        Event::FirstKeyFrame { at_us, .. } => step("first_key_frame", at_us),
        Event::Failed { reason } => Ok(Py::new(py, TrafficFailed { peer, reason })?.into_any()),
    }
}

fn failed(error: TrafficError) -> PyErr {
    match error {
        TrafficError::Unknown => UnknownId::new_err("no such participant"),
        TrafficError::TooMany => LimitReached::new_err("too many participants"),
        TrafficError::Io(error) => error.into(),
    }
}

fn refused(error: Refused) -> PyErr {
    match error {
        Refused::TooManyStreams => LimitReached::new_err(error.to_string()),
        Refused::SsrcInUse => bad(&error.to_string()),
    }
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct TrafficEngine {
    traffic: parking_lot::RwLock<Option<Traffic>>,
    bell: Arc<Bell>,
    seed: u64,
    open_one_in: u32,
    host: u32,
}

impl TrafficEngine {
    /// Anything that is asked of a closed engine concerns a participant that is no more.
    fn with<T>(&self, work: impl FnOnce(&Traffic) -> Result<T, TrafficError>) -> PyResult<T> {
        self.traffic.read().as_ref().ok_or(TrafficError::Unknown).and_then(work).map_err(failed)
    }

    fn change<T>(&self, peer: u64, work: impl FnOnce(&mut Participant, u64) -> T) -> PyResult<T> {
        self.with(|traffic| traffic.with(peer, work))
    }
}

#[pymethods]
impl TrafficEngine {
    #[new]
    #[pyo3(signature = (*, seed=0, open_one_in=8, host=0, max_peers=4096, core=None))]
    fn new(
        py: Python<'_>,
        seed: u64,
        open_one_in: u32,
        host: u32,
        max_peers: usize,
        core: Option<usize>,
    ) -> PyResult<Self> {
        if !(1..=MAX_OPEN_ONE_IN).contains(&open_one_in) {
            return Err(bad("open_one_in: 1 to 1000"));
        }
        if !(1..=MAX_PEERS).contains(&max_peers) {
            return Err(bad("max_peers: 1 to 20000"));
        }
        let bell = Arc::new(Bell::new()?);
        let wake = {
            let bell = bell.clone();
            Box::new(move || bell.ring())
        };
        let traffic = py.detach(|| Traffic::start(max_peers, core, wake))?;
        Ok(Self { traffic: parking_lot::RwLock::new(Some(traffic)), bell, seed, open_one_in, host })
    }

    fn event_fd(&self) -> i32 {
        self.bell.fd()
    }

    fn poll_events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        // First silence, then take: what comes in between rings again or is taken, never forgotten.
        self.bell.silence();
        let events = self.traffic.read().as_ref().map(Traffic::take_events).unwrap_or_default();
        events.into_iter().map(|(peer, event)| event_object(py, peer, event)).collect()
    }

    #[pyo3(signature = (*, host, port, local_ufrag, local_pwd, remote_ufrag, remote_pwd, up=None, down=None,
        link_seed=0))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn open(
        &self,
        host: &str,
        port: u16,
        local_ufrag: &str,
        local_pwd: &str,
        remote_ufrag: &str,
        remote_pwd: &str,
        up: Option<PyRef<'_, TrafficLink>>,
        down: Option<PyRef<'_, TrafficLink>>,
        link_seed: u64,
    ) -> PyResult<u64> {
        let remote = SocketAddr::new(address(host)?, port);
        let (local, there) = (credentials(local_ufrag, local_pwd)?, credentials(remote_ufrag, remote_pwd)?);
        let credentials = Credentials {
            local_ufrag: local.ufrag,
            local_pwd: local.pwd,
            remote_ufrag: there.ufrag,
            remote_pwd: there.pwd,
        };
        let network = network(up, down, link_seed);
        self.with(|traffic| {
            traffic.open(remote, network, |now_us, id| {
                let seed = mix(self.seed ^ mix(id));
                let settings = Settings { credentials, remote, seed, open_one_in: self.open_one_in, host: self.host };
                Participant::new(settings, now_us)
            })
        })
    }

    #[pyo3(signature = (peer, datagram, *, past_link=false))]
    fn send_dtls(&self, peer: u64, datagram: &[u8], past_link: bool) -> PyResult<bool> {
        self.with(|traffic| traffic.send_dtls(peer, datagram, past_link))
    }

    fn set_keys(
        &self,
        peer: u64,
        profile: &str,
        receive_key: &[u8],
        receive_salt: &[u8],
        send_key: &[u8],
        send_salt: &[u8],
    ) -> PyResult<()> {
        let profile = Profile::from_name(profile).ok_or_else(|| bad("profile: not one of the three we have"))?;
        let keys = |key, salt| SrtpKeys::new(profile, key, salt).map_err(|error| bad(&error.to_string()));
        let (receive, send) = (keys(receive_key, receive_salt)?, keys(send_key, send_salt)?);
        self.change(peer, |participant, now_us| participant.set_keys(receive, send, now_us))
    }

    #[pyo3(signature = (peer, *, mid=0, transport_cc=0, audio_level=0, abs_send_time=0))]
    fn set_extensions(
        &self,
        peer: u64,
        mid: u32,
        transport_cc: u32,
        audio_level: u32,
        abs_send_time: u32,
    ) -> PyResult<()> {
        let extensions = Extensions {
            mid: extension_id("mid", mid)?,
            transport_cc: extension_id("transport_cc", transport_cc)?,
            audio_level: extension_id("audio_level", audio_level)?,
            abs_send_time: extension_id("abs_send_time", abs_send_time)?,
        };
        self.change(peer, |participant, _| participant.set_extensions(extensions))
    }

    #[pyo3(signature = (peer, *, mid, ssrc, payload_type))]
    fn publish_audio(&self, peer: u64, mid: String, ssrc: u32, payload_type: u32) -> PyResult<()> {
        let description = Description { ssrc, payload_type: self::payload_type(payload_type)?, mid, rtx: None };
        self.change(peer, |participant, now_us| participant.add_microphone(description, now_us))?.map_err(refused)
    }

    #[pyo3(signature = (peer, *, mid, ssrc, payload_type, rtx_ssrc=None, rtx_payload_type=None,
        codec="vp8", bitrate_bps=1_200_000, frames_per_s=30))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn publish_video(
        &self,
        peer: u64,
        mid: String,
        ssrc: u32,
        payload_type: u32,
        rtx_ssrc: Option<u32>,
        rtx_payload_type: Option<u32>,
        codec: &str,
        bitrate_bps: u64,
        frames_per_s: u32,
    ) -> PyResult<()> {
        let codec = VideoCodec::from_name(codec).ok_or_else(|| bad("codec: vp8 or h264"))?;
        if !(1..=MAX_BITRATE_BPS).contains(&bitrate_bps) {
            return Err(bad("bitrate_bps: 1 to 100000000"));
        }
        if !(1..=MAX_FRAMES_PER_S).contains(&frames_per_s) {
            return Err(bad("frames_per_s: 1 to 240"));
        }
        let rtx = match (rtx_ssrc, rtx_payload_type) {
            (Some(ssrc), Some(value)) => Some(Rtx { ssrc, payload_type: self::payload_type(value)? }),
            (None, None) => None,
            _ => return Err(bad("rtx_ssrc and rtx_payload_type: both or neither")),
        };
        let description = Description { ssrc, payload_type: self::payload_type(payload_type)?, mid, rtx };
        let picture = Picture { codec, bitrate_bps, frames_per_s };
        self.change(peer, |participant, now_us| participant.add_video(description, picture, now_us))?.map_err(refused)
    }

    #[pyo3(signature = (peer, *, ssrc, kind, codec, rtx_ssrc=None))]
    fn subscribe(&self, peer: u64, ssrc: u32, kind: &str, codec: &str, rtx_ssrc: Option<u32>) -> PyResult<()> {
        let (kind, clock_rate) = match kind {
            "audio" => (Kind::Audio, 48_000),
            "video" => (Kind::Video, 90_000),
            _ => return Err(bad("kind: audio or video")),
        };
        let codec = Codec::from_name(codec).ok_or_else(|| bad("codec: not one we know"))?;
        let description = received::Description { ssrc, kind, codec, clock_rate, rtx_ssrc };
        self.change(peer, |participant, now_us| participant.add_incoming(description, now_us))?.map_err(refused)
    }

    fn start_sending(&self, peer: u64) -> PyResult<()> {
        self.change(peer, |participant, now_us| participant.start_sending(now_us))
    }

    fn stop_sending(&self, peer: u64) -> PyResult<()> {
        self.change(peer, |participant, _| participant.stop_sending())
    }

    fn r#move(&self, peer: u64) -> PyResult<()> {
        self.with(|traffic| traffic.move_peer(peer))
    }

    fn figures<'py>(&self, py: Python<'py>, peer: u64) -> PyResult<Bound<'py, PyDict>> {
        // Python objects are made when the lock is free again: a busy interpreter must not hold up the media.
        let figures = self.with(|traffic| traffic.look(peer, |participant, now_us| participant.figures(now_us)))?;
        figures_dict(py, &figures)
    }

    fn reset_window(&self, peer: u64) -> PyResult<()> {
        self.with(|traffic| traffic.look(peer, |participant, now_us| participant.reset_window(now_us)))
    }

    fn close_peer(&self, peer: u64) {
        if let Some(traffic) = self.traffic.read().as_ref() {
            traffic.close(peer);
        }
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let totals = self.traffic.read().as_ref().map(Traffic::totals).unwrap_or_default();
        let stats = PyDict::new(py);
        stats.set_item("peers", totals.peers)?;
        stats.set_item("busy_seconds", totals.busy.as_secs_f64())?;
        stats.set_item("rounds", totals.rounds)?;
        stats.set_item("late_rounds", totals.late_rounds)?;
        stats.set_item("panics", totals.panics)?;
        stats.set_item("datagrams_received", totals.datagrams_received)?;
        stats.set_item("datagrams_sent", totals.datagrams_sent)?;
        stats.set_item("unsent", totals.unsent)?;
        stats.set_item("events_dropped", totals.events_dropped)?;
        Ok(stats)
    }

    fn close(&self, py: Python<'_>) {
        let traffic = self.traffic.write().take();
        py.detach(|| drop(traffic));
    }
}

/// `TrafficFigures` of the typed face.
fn figures_dict<'py>(py: Python<'py>, figures: &Figures) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let received = figures.received.iter().map(|one| received_dict(py, one)).collect::<PyResult<Vec<_>>>()?;
    let sent = figures.sent.iter().map(|one| sent_dict(py, one)).collect::<PyResult<Vec<_>>>()?;
    dict.set_item("received", PyList::new(py, received)?)?;
    dict.set_item("sent", PyList::new(py, sent)?)?;
    dict.set_item("unsent", figures.unsent)?;
    dict.set_item("rtcp_received", figures.rtcp_received)?;
    dict.set_item("feedback_received", figures.feedback_received)?;
    dict.set_item("strays", figures.strays)?;
    dict.set_item("rtt_ms", milliseconds(figures.rtt_us))?;
    Ok(dict)
}

/// `TrafficReceived` of the typed face.
fn received_dict<'py>(py: Python<'py>, figures: &ReceivedFigures) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ssrc", figures.ssrc)?;
    for (name, value) in [
        ("packets", figures.packets),
        ("expected", figures.expected),
        ("lost", figures.lost),
        ("duplicates", figures.duplicates),
        ("reordered", figures.reordered),
        ("bytes", figures.bytes),
        ("opened", figures.opened),
        ("refused", figures.refused),
        ("key_frames", figures.key_frames),
        ("frames", figures.frames),
        ("freezes", figures.freezes),
        ("nacks", figures.nacks),
        ("plis", figures.plis),
        ("mended", figures.mended),
    ] {
        dict.set_item(name, value)?;
    }
    for (name, us) in
        [("jitter_ms", figures.jitter_us), ("freeze_ms", figures.freeze_us), ("longest_gap_ms", figures.longest_gap_us)]
    {
        dict.set_item(name, us as f64 / 1e3)?;
    }
    dict.set_item("latency", entries(&figures.latency))?;
    dict.set_item("latency_known", figures.latency_known)?;
    dict.set_item("first_packet_s", figures.first_packet_us.map(seconds))?;
    dict.set_item("first_key_frame_s", figures.first_key_frame_us.map(seconds))?;
    Ok(dict)
}

/// `TrafficSent` of the typed face.
fn sent_dict<'py>(py: Python<'py>, figures: &SentFigures) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ssrc", figures.ssrc)?;
    for (name, value) in [
        ("packets", figures.packets),
        ("bytes", figures.bytes),
        ("nacks", figures.nacks),
        ("plis", figures.plis),
        ("retransmitted", figures.retransmitted),
        ("key_frames", figures.key_frames),
        ("frames_dropped", figures.frames_dropped),
    ] {
        dict.set_item(name, value)?;
    }
    dict.set_item("late", entries(&figures.late))?;
    Ok(dict)
}

fn entries(histogram: &Histogram) -> Vec<(usize, u32)> {
    histogram.entries().collect()
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TrafficDtls>()?;
    module.add_class::<TrafficStep>()?;
    module.add_class::<TrafficFailed>()?;
    module.add_class::<TrafficLink>()?;
    module.add_class::<TrafficEngine>()
}
