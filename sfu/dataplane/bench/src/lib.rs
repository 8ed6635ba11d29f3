//! Peers for the benchmarks: they speak to a real engine over loopback, but get their keys without a handshake.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use _dataplane::engine::{Engine, Limits, now_us};
use dataplane_core::codec::Codec;
use dataplane_core::event::{TrackId, TransportId};
use dataplane_core::extension::Writer;
use dataplane_core::ice::Credentials;
use dataplane_core::plane::Plane;
use dataplane_core::rtp;
use dataplane_core::srtp::{Profile, SrtpKeys};
use dataplane_core::stun::{Request, write_request};
use dataplane_core::subscription::{ExtensionIds, Face};
use dataplane_core::track::{Description, Kind};

pub const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PWD: &str = "a-password-of-22-chars-";
const TWCC_ID: u8 = 3;
const LEVEL_ID: u8 = 1;
/// Bytes at the head of a payload that the codec claims; a VP8 descriptor and frame tag fit.
pub const MEDIA_HEAD: usize = 12;

/// The system's allocator, counting how often it is asked for memory.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

fn count_allocation() {
    if !IS_LEFT_OUT.get() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all of it is the system's allocator's; counting touches nothing but a number.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_allocation();
        // SAFETY: the caller keeps to GlobalAlloc's contract, which is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from System by `alloc` or `realloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count_allocation();
        // SAFETY: as above; the caller keeps to the contract for `new_size`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// What the calling thread asks for from now on is not counted.
pub fn leave_out_allocations() {
    IS_LEFT_OUT.set(true);
}

/// How often this process has asked for memory until now, threads that left themselves out excepted.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Its workers are on the core that this thread is pinned to.
pub fn start_engine(workers: usize) -> io::Result<Engine> {
    let limits = Limits {
        consent_timeout: Duration::from_secs(3600),
        max_transports: 10_000,
        max_tracks: 16,
        max_subscriptions: 64,
        history_packets: 512,
        unauthenticated_per_s: 200,
        max_taps: 0,
        longest_wait: Duration::from_micros(option("--longest-wait-us", 800)),
    };
    Engine::start(Some(LOCALHOST.into()), 0, workers, &limits, Box::new(|| {}))
}

/// Bind the calling thread, and threads it starts from now on, to one processor.
pub fn pin(cpu: usize) {
    // SAFETY: all-zero bytes are an empty cpu_set_t.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid, and CPU_SET ignores processors beyond its size.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: `set` outlives the call and its size is told. On a machine with one processor it fails; then we share.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
}

/// A client with a transport, a validated path and keys.
pub struct Peer {
    pub id: TransportId,
    pub socket: UdpSocket,
    pub send: SrtpKeys,
    pub receive: SrtpKeys,
}

fn keys(profile: Profile, id: TransportId, direction: u8) -> SrtpKeys {
    let seed = (id as u8) ^ direction;
    let salt_len = if profile == Profile::AesCm128HmacSha1_80 { 14 } else { 12 };
    let key_len = if profile == Profile::AeadAes256Gcm { 32 } else { 16 };
    SrtpKeys::new(profile, &vec![seed; key_len], &vec![seed; salt_len]).expect("lengths of the profile")
}

impl Peer {
    /// `socket` speaks for this peer alone: an address belongs to one transport.
    pub fn join(engine: &Engine, profile: Profile, socket: UdpSocket) -> io::Result<Self> {
        let plane = &engine.plane;
        let ufrag = format!("peer{}", plane.sizes().0);
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: PWD.into() };
        let id = plane.open_transport(credentials, 77).map_err(io::Error::other)?;
        plane.set_keys(id, keys(profile, id, 1), keys(profile, id, 2), now_us()).map_err(io::Error::other)?;
        let ids = ExtensionIds { transport_cc: TWCC_ID, audio_level: LEVEL_ID, ..ExtensionIds::default() };
        plane.set_extensions(id, ids).map_err(io::Error::other)?;
        let mut datagram = Vec::new();
        let request = Request {
            transaction_id: [1; 12],
            username: &format!("{ufrag}:bench"),
            priority: 1,
            use_candidate: true,
            controlling: Some(1),
            controlled: None,
        };
        write_request(&mut datagram, &request, PWD.as_bytes());
        socket.send_to(&datagram, server(engine))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.recv(&mut [0; 2048])?;
        Ok(Self { id, socket, send: keys(profile, id, 1), receive: keys(profile, id, 2) })
    }

    pub fn publish(&self, plane: &Plane, stream: &Stream) -> TrackId {
        let video = stream.kind == Kind::Video;
        let description = Description {
            mid: stream.ssrc.to_string(),
            kind: stream.kind,
            codec: if video { Codec::Vp8 } else { Codec::Opus },
            clock_rate: if video { 90_000 } else { 48_000 },
            payload_type: stream.payload_type(),
            rtx_payload_type: video.then_some(97),
            nack: video,
            rid: None,
            ssrcs: vec![stream.ssrc],
            rtx_ssrcs: vec![],
        };
        plane.publish(self.id, description).expect("room for a track")
    }

    pub fn subscribe(&self, plane: &Plane, track: TrackId, ssrc: u32) {
        let face = Face {
            mid: ssrc.to_string(),
            payload_type: 120,
            rtx_payload_type: Some(121),
            ssrc,
            rtx_ssrc: Some(ssrc + 1),
            cname: "bench".into(),
        };
        plane.subscribe(self.id, track, face, u64::from(ssrc), now_us()).expect("room to subscribe");
    }
}

pub fn server(engine: &Engine) -> SocketAddr {
    SocketAddr::from((LOCALHOST, engine.port))
}

/// A stream as a browser would send it: with transport-wide numbers, and audio levels on audio.
pub struct Stream {
    pub kind: Kind,
    pub ssrc: u32,
    pub next: u64,
}

impl Stream {
    pub fn new(kind: Kind, ssrc: u32) -> Self {
        Self { kind, ssrc, next: 1 }
    }

    fn payload_type(&self) -> u8 {
        if self.kind == Kind::Video { 96 } else { 111 }
    }

    /// Write the next packet; `fill` writes into the payload behind its head. Returns the datagram's length.
    pub fn packet(
        &mut self,
        keys: &SrtpKeys,
        transport_seq: &mut u16,
        out: &mut [u8],
        payload_len: usize,
        timestamp: u32,
        fill: impl FnOnce(&mut [u8]),
    ) -> usize {
        rtp::write_fixed(out, false, self.payload_type(), self.next as u16, timestamp, self.ssrc, true);
        let mut writer = Writer::new(&mut out[rtp::FIXED_HEADER_LEN..]);
        writer.push(TWCC_ID, &transport_seq.to_be_bytes()).expect("room for an extension");
        if self.kind == Kind::Audio {
            writer.push(LEVEL_ID, &[40]).expect("room for an extension");
        }
        *transport_seq = transport_seq.wrapping_add(1);
        let header_len = rtp::FIXED_HEADER_LEN + writer.finish();
        let payload = &mut out[header_len..header_len + payload_len];
        if self.kind == Kind::Video {
            // Every hundredth packet begins a key frame (RFC 7741 §4.2, §4.3).
            let keyframe = self.next % 100 == 1;
            payload[..4].copy_from_slice(&[0x10, u8::from(!keyframe), 0, 0]);
            payload[4..7].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        }
        fill(&mut payload[MEDIA_HEAD..]);
        let len = keys.protect_rtp(out, header_len, payload_len, self.next).expect("room for the tag");
        self.next += 1;
        len
    }
}

/// Set a socket's receive buffer, past the system's limit where we may.
pub fn set_receive_buffer(socket: &UdpSocket, bytes: i32) {
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
        // SAFETY: `bytes` outlives the call and its size is told; without the privilege the call only fails.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                size_of::<i32>() as libc::socklen_t,
            );
        }
    }
}

/// The named counter of the node.
pub fn counter(plane: &Arc<Plane>, name: &str) -> u64 {
    plane.counters.snapshot().into_iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| value)
}

/// The value behind `--name`, or its default.
pub fn option<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(default)
}

pub fn profile(name: &str) -> Profile {
    match name {
        "gcm256" => Profile::AeadAes256Gcm,
        "cm80" => Profile::AesCm128HmacSha1_80,
        _ => Profile::AeadAes128Gcm,
    }
}
