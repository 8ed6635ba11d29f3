//! The face towards Python (`sfu/_dataplane.pyi`): convert, call the core, translate errors. No rule lives here.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::rand;
use dataplane_core::codec::Codec;
use dataplane_core::event::Event;
use dataplane_core::ice::Credentials;
use dataplane_core::plane::PlaneError;
use dataplane_core::srtp::{Profile, SrtpKeys};
use dataplane_core::subscription::{ExtensionIds, Face};
use dataplane_core::track::{Description, Kind};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::engine::{Engine, Limits, now_us};
use crate::io::Bell;
use batch::batch_dict;

mod batch;
mod traffic;

create_exception!(sfu._dataplane, DataPlaneError, PyException);
create_exception!(sfu._dataplane, UnknownId, DataPlaneError);
create_exception!(sfu._dataplane, LimitReached, DataPlaneError);

/// Sizes of a tap's buffer.
const TAP_BYTES: RangeInclusive<usize> = (16 << 10)..=(1 << 30);
/// A packet that waited longer would be heard and seen.
const LONGEST_WAIT_US: u64 = 10_000;

fn refused(error: PlaneError) -> PyErr {
    match error {
        PlaneError::UnknownTransport
        | PlaneError::UnknownTrack
        | PlaneError::UnknownSubscription
        | PlaneError::UnknownTap => UnknownId::new_err(error.to_string()),
        PlaneError::TooManyTransports
        | PlaneError::TooManyTracks
        | PlaneError::TooManySubscriptions
        | PlaneError::TooManyTaps
        | PlaneError::TooManyTapped => LimitReached::new_err(error.to_string()),
        PlaneError::UfragInUse | PlaneError::SsrcInUse | PlaneError::TrackTapped | PlaneError::LabelInUse => {
            bad(&error.to_string())
        }
    }
}

fn bad(message: &str) -> PyErr {
    Python::attach(|py| match bad_parameter(py) {
        Ok(class) => PyErr::from_type(class, (message.to_owned(),)),
        Err(error) => error,
    })
}

/// `class BadParameter(DataPlaneError, ValueError)`: two bases, which the macro cannot say.
fn bad_parameter(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    use pyo3::sync::PyOnceLock;
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let bases = (py.get_type::<DataPlaneError>(), py.get_type::<PyValueError>());
        let members = PyDict::new(py);
        members.set_item("__module__", "sfu._dataplane")?;
        let class = py.get_type::<PyType>().call1(("BadParameter", bases, members))?;
        PyResult::Ok(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py).clone())
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct DtlsReceived {
    #[pyo3(get)]
    transport: u64,
    #[pyo3(get)]
    datagram: Py<PyBytes>,
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct PathSelected {
    #[pyo3(get)]
    transport: u64,
    #[pyo3(get)]
    first: bool,
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct ConsentExpired {
    #[pyo3(get)]
    transport: u64,
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct TrackStarted {
    #[pyo3(get)]
    track: u64,
}

fn event_object(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    Ok(match event {
        Event::Dtls { transport, datagram } => {
            let datagram = PyBytes::new(py, &datagram).unbind();
            Py::new(py, DtlsReceived { transport, datagram })?.into_any()
        }
        Event::Path { transport, first } => Py::new(py, PathSelected { transport, first })?.into_any(),
        Event::ConsentExpired { transport } => Py::new(py, ConsentExpired { transport })?.into_any(),
        Event::TrackStarted { track } => Py::new(py, TrackStarted { track })?.into_any(),
    })
}

#[pyclass(frozen, module = "sfu._dataplane")]
struct DataPlane {
    engine: parking_lot::Mutex<Option<Engine>>,
    plane: Arc<dataplane_core::plane::Plane>,
    bell: Arc<Bell>,
    candidates: Vec<(String, u16)>,
    port: u16,
    receive_buffer: usize,
}

fn address(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| bad("not an IPv4 or IPv6 address"))
}

fn random<const N: usize>() -> PyResult<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| PyOSError::new_err("no random numbers"))?;
    Ok(bytes)
}

fn extension_id(name: &str, id: u32) -> PyResult<u8> {
    // RFC 8285 §4.3: 1..255, where 15 stays reserved for the one-byte form.
    match u8::try_from(id) {
        Ok(id) if id != 15 => Ok(id),
        _ => Err(bad(&format!("{name}: not a header extension id"))),
    }
}

fn payload_type(value: u32) -> PyResult<u8> {
    // RFC 5761 §4: 64..95 cannot be told from RTCP.
    match u8::try_from(value) {
        Ok(value) if value < 128 && !(64..96).contains(&value) => Ok(value),
        _ => Err(bad("not a payload type that can be multiplexed with RTCP")),
    }
}

#[pymethods]
impl DataPlane {
    #[new]
    #[pyo3(signature = (*, port=0, bind=None, announced=vec![], workers=1, consent_timeout_s=30.0,
        max_transports=10_000, max_tracks=16, max_subscriptions=64, history_packets=512, unauthenticated_per_s=200,
        max_taps=0, longest_wait_us=0))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn new(
        py: Python<'_>,
        port: u16,
        bind: Option<&str>,
        announced: Vec<String>,
        workers: usize,
        consent_timeout_s: f64,
        max_transports: usize,
        max_tracks: usize,
        max_subscriptions: usize,
        history_packets: usize,
        unauthenticated_per_s: u32,
        max_taps: usize,
        longest_wait_us: u64,
    ) -> PyResult<Self> {
        if !(1..=256).contains(&workers) {
            return Err(bad("workers: 1 to 256"));
        }
        if !(32..=65_536).contains(&history_packets) {
            return Err(bad("history_packets: 32 to 65536"));
        }
        if longest_wait_us > LONGEST_WAIT_US {
            return Err(bad("longest_wait_us: 0 to 10000"));
        }
        let consent_timeout = Duration::try_from_secs_f64(consent_timeout_s)
            .map_err(|_| bad("consent_timeout_s: a positive number of seconds"))?;
        let announced = announced.iter().map(|text| address(text)).collect::<PyResult<Vec<_>>>()?;
        let bind = bind.map(address).transpose()?;
        let limits = Limits {
            consent_timeout,
            max_transports,
            max_tracks,
            max_subscriptions,
            history_packets,
            unauthenticated_per_s,
            max_taps,
            longest_wait: Duration::from_micros(longest_wait_us),
        };
        let bell = Arc::new(Bell::new()?);
        let wake = {
            let bell = bell.clone();
            Box::new(move || bell.ring())
        };
        let engine = py.detach(|| Engine::start(bind, port, workers, &limits, wake))?;
        let addresses = if announced.is_empty() { engine.own_addresses() } else { announced };
        Ok(Self {
            plane: engine.plane.clone(),
            candidates: addresses.iter().map(|address| (address.to_string(), engine.port)).collect(),
            port: engine.port,
            receive_buffer: engine.receive_buffer,
            engine: parking_lot::Mutex::new(Some(engine)),
            bell,
        })
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    #[getter]
    fn candidates(&self) -> Vec<(String, u16)> {
        self.candidates.clone()
    }

    fn event_fd(&self) -> i32 {
        self.bell.fd()
    }

    fn poll_events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        // First silence, then take: what comes in between rings again or is taken, never forgotten.
        self.bell.silence();
        self.plane.events.take().into_iter().map(|event| event_object(py, event)).collect()
    }

    fn open_transport(&self, ufrag: &str, pwd: &str) -> PyResult<u64> {
        let feedback_ssrc = u32::from_ne_bytes(random()?).max(1);
        self.plane.open_transport(credentials(ufrag, pwd)?, feedback_ssrc).map_err(refused)
    }

    fn restart_ice(&self, transport: u64, ufrag: &str, pwd: &str) -> PyResult<()> {
        self.plane.restart_ice(transport, credentials(ufrag, pwd)?).map_err(refused)
    }

    fn send_dtls(&self, transport: u64, datagram: &[u8]) -> bool {
        self.engine.lock().as_ref().is_some_and(|engine| engine.send_dtls(transport, datagram))
    }

    fn set_keys(
        &self,
        transport: u64,
        profile: &str,
        receive_key: &[u8],
        receive_salt: &[u8],
        send_key: &[u8],
        send_salt: &[u8],
    ) -> PyResult<()> {
        let profile = Profile::from_name(profile).ok_or_else(|| bad("profile: not one of the three we have"))?;
        let keys = |key, salt| SrtpKeys::new(profile, key, salt).map_err(|error| bad(&error.to_string()));
        self.plane
            .set_keys(transport, keys(receive_key, receive_salt)?, keys(send_key, send_salt)?, now_us())
            .map_err(refused)
    }

    #[pyo3(signature = (transport, *, mid=0, rid=0, repaired_rid=0, transport_cc=0, audio_level=0,
        dependency_descriptor=0))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn set_extensions(
        &self,
        transport: u64,
        mid: u32,
        rid: u32,
        repaired_rid: u32,
        transport_cc: u32,
        audio_level: u32,
        dependency_descriptor: u32,
    ) -> PyResult<()> {
        let ids = ExtensionIds {
            mid: extension_id("mid", mid)?,
            rid: extension_id("rid", rid)?,
            repaired_rid: extension_id("repaired_rid", repaired_rid)?,
            transport_cc: extension_id("transport_cc", transport_cc)?,
            audio_level: extension_id("audio_level", audio_level)?,
            dependency_descriptor: extension_id("dependency_descriptor", dependency_descriptor)?,
        };
        self.plane.set_extensions(transport, ids).map_err(refused)
    }

    #[pyo3(signature = (transport, *, mid, kind, codec, clock_rate, payload_type, rtx_payload_type=None, nack=false,
        rid=None, ssrcs=vec![], rtx_ssrcs=vec![]))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn publish(
        &self,
        transport: u64,
        mid: String,
        kind: &str,
        codec: &str,
        clock_rate: u32,
        payload_type: u32,
        rtx_payload_type: Option<u32>,
        nack: bool,
        rid: Option<String>,
        ssrcs: Vec<u32>,
        rtx_ssrcs: Vec<u32>,
    ) -> PyResult<u64> {
        let kind = match kind {
            "audio" => Kind::Audio,
            "video" => Kind::Video,
            _ => return Err(bad("kind: audio or video")),
        };
        if clock_rate == 0 {
            return Err(bad("clock_rate: positive"));
        }
        let description = Description {
            mid,
            kind,
            codec: Codec::from_name(codec).ok_or_else(|| bad("codec: not one we forward"))?,
            clock_rate,
            payload_type: self::payload_type(payload_type)?,
            rtx_payload_type: rtx_payload_type.map(self::payload_type).transpose()?,
            nack,
            rid,
            ssrcs,
            rtx_ssrcs,
        };
        self.plane.publish(transport, description).map_err(refused)
    }

    fn unpublish(&self, track: u64) -> PyResult<()> {
        self.plane.unpublish(track).map_err(refused)
    }

    #[pyo3(signature = (transport, track, *, mid, payload_type, rtx_payload_type, ssrc, rtx_ssrc, cname))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn subscribe(
        &self,
        transport: u64,
        track: u64,
        mid: String,
        payload_type: u32,
        rtx_payload_type: Option<u32>,
        ssrc: u32,
        rtx_ssrc: Option<u32>,
        cname: String,
    ) -> PyResult<u64> {
        let face = Face {
            mid,
            payload_type: self::payload_type(payload_type)?,
            rtx_payload_type: rtx_payload_type.map(self::payload_type).transpose()?,
            ssrc,
            rtx_ssrc,
            cname,
        };
        let random = u64::from_ne_bytes(random()?);
        self.plane.subscribe(transport, track, face, random, now_us()).map_err(refused)
    }

    fn unsubscribe(&self, subscription: u64) -> PyResult<()> {
        self.plane.unsubscribe(subscription).map_err(refused)
    }

    fn pause(&self, subscription: u64) -> PyResult<()> {
        self.plane.pause(subscription).map_err(refused)
    }

    fn resume(&self, subscription: u64) -> PyResult<()> {
        self.plane.resume(subscription, now_us()).map_err(refused)
    }

    fn request_keyframe(&self, track: u64) -> PyResult<()> {
        let track = self.plane.track(track).map_err(refused)?;
        self.plane.want_keyframe(&track, now_us());
        Ok(())
    }

    fn close_transport(&self, transport: u64) {
        self.plane.close_transport(transport);
    }

    fn start_tap(&self, limit_bytes: usize) -> PyResult<u64> {
        if !TAP_BYTES.contains(&limit_bytes) {
            return Err(bad("limit_bytes: 16 KiB to 1 GiB"));
        }
        self.plane.start_tap(limit_bytes).map_err(refused)
    }

    fn tap_track(&self, tap: u64, track: u64, label: u32) -> PyResult<()> {
        self.plane.tap_track(tap, track, label, now_us()).map_err(refused)
    }

    fn untap_track(&self, tap: u64, track: u64) -> PyResult<()> {
        self.plane.untap_track(tap, track).map_err(refused)
    }

    fn drain_tap<'py>(&self, py: Python<'py>, tap: u64) -> PyResult<Bound<'py, PyDict>> {
        batch_dict(py, py.detach(|| self.plane.drain_tap(tap, now_us())).map_err(refused)?)
    }

    fn stop_tap<'py>(&self, py: Python<'py>, tap: u64) -> PyResult<Bound<'py, PyDict>> {
        batch_dict(py, py.detach(|| self.plane.stop_tap(tap)).map_err(refused)?)
    }

    fn audio_levels(&self) -> Vec<(u64, u8)> {
        self.plane.audio_levels()
    }

    fn idle_ms(&self, tracks: Vec<u64>) -> Vec<f64> {
        self.plane.idle_us(&tracks, now_us()).into_iter().map(milliseconds).collect()
    }

    fn track_stats<'py>(&self, py: Python<'py>, track: u64) -> PyResult<Bound<'py, PyDict>> {
        let track = self.plane.track(track).map_err(refused)?;
        // Python objects are made when the lock is free again: a busy interpreter must not hold up a media thread.
        let (figures, (lost, loss, jitter_ticks), idle_us, history_bytes) = {
            let state = track.state.lock();
            (state.figures, state.network(), state.idle_us(now_us()), state.history.bytes())
        };
        let stats = PyDict::new(py);
        stats.set_item("packets", figures.packets)?;
        stats.set_item("bytes", figures.bytes)?;
        stats.set_item("lost", lost.max(0))?;
        stats.set_item("loss", loss)?;
        stats.set_item("jitter_ms", ticks_ms(jitter_ticks, track.description.clock_rate))?;
        stats.set_item("rtx_packets", figures.rtx_packets)?;
        stats.set_item("nacks_sent", figures.nacks_sent)?;
        stats.set_item("plis_sent", figures.plis_sent)?;
        stats.set_item("keyframes", figures.keyframes)?;
        stats.set_item("idle_ms", milliseconds(idle_us))?;
        stats.set_item("history_bytes", history_bytes)?;
        Ok(stats)
    }

    fn subscription_stats<'py>(&self, py: Python<'py>, subscription: u64) -> PyResult<Bound<'py, PyDict>> {
        let subscriber = self.plane.subscriber(subscription).map_err(refused)?;
        let figures = subscriber.state.lock().figures;
        let stats = PyDict::new(py);
        stats.set_item("packets", figures.packets)?;
        stats.set_item("bytes", figures.bytes)?;
        stats.set_item("nacks_received", figures.nacks_received)?;
        stats.set_item("plis_received", figures.plis_received)?;
        stats.set_item("rtx_sent", figures.rtx_sent)?;
        stats.set_item("loss", figures.loss)?;
        let clock_rate = subscriber.track.description.clock_rate;
        stats.set_item("jitter_ms", ticks_ms(figures.jitter_ticks, clock_rate))?;
        stats.set_item("rtt_ms", milliseconds(figures.rtt_us))?;
        Ok(stats)
    }

    fn transport_stats<'py>(&self, py: Python<'py>, transport: u64) -> PyResult<Bound<'py, PyDict>> {
        let transport = self.plane.transport(transport).map_err(refused)?;
        let figures = &transport.figures;
        let stats = PyDict::new(py);
        for (name, value) in [
            ("packets_received", &figures.packets_received),
            ("bytes_received", &figures.bytes_received),
            ("packets_sent", &figures.packets_sent),
            ("bytes_sent", &figures.bytes_sent),
            ("auth_failures", &figures.auth_failures),
            ("replays", &figures.replays),
            ("path_changes", &figures.path_changes),
        ] {
            stats.set_item(name, value.load(Ordering::Relaxed))?;
        }
        stats.set_item("rtt_ms", milliseconds(transport.rtt_us()))?;
        Ok(stats)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = PyDict::new(py);
        let (transports, tracks, subscriptions) = self.plane.sizes();
        stats.set_item("transports", transports)?;
        stats.set_item("tracks", tracks)?;
        stats.set_item("subscriptions", subscriptions)?;
        for (name, value) in self.plane.counters.snapshot() {
            stats.set_item(name, value)?;
        }
        let (taps, tapped) = self.plane.tap_totals();
        stats.set_item("taps", taps)?;
        stats.set_item("tap_packets", tapped.packets)?;
        stats.set_item("tap_bytes", tapped.bytes)?;
        stats.set_item("tap_dropped", tapped.dropped)?;
        stats.set_item("events_dropped", self.plane.events.dropped.load(Ordering::Relaxed))?;
        stats.set_item("history_bytes", self.plane.history_bytes())?;
        stats.set_item("receive_buffer_bytes", self.receive_buffer)?;
        let (busy, panics) =
            self.engine.lock().as_ref().map(|engine| (engine.busy_seconds(), engine.panics())).unwrap_or_default();
        stats.set_item("worker_busy_seconds", busy)?;
        stats.set_item("worker_panics", panics)?;
        Ok(stats)
    }

    fn close(&self, py: Python<'_>) {
        let engine = self.engine.lock().take();
        py.detach(|| drop(engine));
    }
}

fn credentials(ufrag: &str, pwd: &str) -> PyResult<Credentials> {
    // RFC 8839 §5.4: 4 to 256 and 22 to 256 characters.
    if !(4..=256).contains(&ufrag.len()) || !(22..=256).contains(&pwd.len()) {
        return Err(bad("ICE credentials: 4 to 256 and 22 to 256 characters"));
    }
    Ok(Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
}

fn milliseconds(us: Option<u64>) -> f64 {
    us.map_or(-1.0, |us| us as f64 / 1e3)
}

fn ticks_ms(ticks: u32, clock_rate: u32) -> f64 {
    f64::from(ticks) * 1e3 / f64::from(clock_rate)
}

#[pymodule]
fn _dataplane(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("DataPlaneError", py.get_type::<DataPlaneError>())?;
    module.add("UnknownId", py.get_type::<UnknownId>())?;
    module.add("LimitReached", py.get_type::<LimitReached>())?;
    module.add("BadParameter", bad_parameter(py)?)?;
    module.add_class::<DtlsReceived>()?;
    module.add_class::<PathSelected>()?;
    module.add_class::<ConsentExpired>()?;
    module.add_class::<TrackStarted>()?;
    module.add_class::<DataPlane>()?;
    traffic::add_to(module)
}
