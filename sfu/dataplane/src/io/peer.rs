//! Sockets of synthetic participants: one for each, connected to the server's, as browsers have them; and one wait for
//! all of them.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dataplane_core::outbox::{Outbox, Run};
use libc::{c_int, iovec, mmsghdr};

use super::address::{Family, to_storage};
use super::control::{CONTROL_LEN, Control, ControlWriter, told};
use super::inbox::MAX_DATAGRAM;
use super::{check, clock, monotonic};

/// Datagrams read from one socket at once.
pub const PEER_BATCH: usize = 16;
const PEER_SEND_BATCH: usize = 16;
const PEER_CONTROL_LEN: usize = 64;
/// What a browser asks for, about; the kernel may grant less.
const PEER_BUFFER: c_int = 1 << 20;
const READY: usize = 256;
/// As daemons of sound have it (setpriority(2)): before what has normal priority, behind real-time threads.
const MEDIA_NICENESS: c_int = -11;

#[repr(align(8))]
#[derive(Clone, Copy)]
struct PeerControl([u8; PEER_CONTROL_LEN]);

/// A UDP socket that speaks with one address only.
pub struct PeerSocket {
    fd: OwnedFd,
    gso: AtomicBool,
}

/// Where `receive` puts datagrams. No segments are joined in the kernel (`UDP_GRO`): that would spare the server on the
/// same host work that it has with every real browser.
pub struct PeerInbox {
    bytes: Box<[[u8; MAX_DATAGRAM]]>,
    arrived: Vec<(usize, Duration, Duration)>,
}

impl Default for PeerInbox {
    fn default() -> Self {
        Self { bytes: vec![[0; MAX_DATAGRAM]; PEER_BATCH].into_boxed_slice(), arrived: Vec::with_capacity(PEER_BATCH) }
    }
}

impl PeerInbox {
    /// The datagrams of the last `receive`, each with when the kernel got it: monotonic clock, wall clock.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (&mut [u8], Duration, Duration)> {
        self.bytes.iter_mut().zip(&self.arrived).map(|(bytes, &(len, at, wall))| (&mut bytes[..len], at, wall))
    }
}

impl PeerSocket {
    pub fn connect(remote: SocketAddr) -> io::Result<Self> {
        let (domain, family, here): (_, _, SocketAddr) = match remote {
            SocketAddr::V4(_) => (libc::AF_INET, Family::V4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (libc::AF_INET6, Family::V6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        // SAFETY: no pointers are passed; the result is checked before use.
        let fd =
            check(unsafe { libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) })?;
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self { fd, gso: AtomicBool::new(true) };
        socket.set(libc::SO_TIMESTAMPNS, 1)?;
        // Without the privilege the kernel clamps the size.
        if socket.set(libc::SO_RCVBUFFORCE, PEER_BUFFER).is_err() {
            let _ = socket.set(libc::SO_RCVBUF, PEER_BUFFER);
        }
        let (storage, len) = to_storage(here, family);
        // SAFETY: `storage` is a valid socket address of `len` bytes that outlives the call.
        check(unsafe { libc::bind(socket.fd.as_raw_fd(), ptr::from_ref(&storage).cast(), len) })?;
        let (storage, len) = to_storage(remote, family);
        // SAFETY: as above.
        check(unsafe { libc::connect(socket.fd.as_raw_fd(), ptr::from_ref(&storage).cast(), len) })?;
        Ok(socket)
    }

    fn set(&self, name: c_int, value: c_int) -> io::Result<()> {
        let len = size_of::<c_int>() as libc::socklen_t;
        // SAFETY: `value` is a c_int that outlives the call and its size is told.
        let result =
            unsafe { libc::setsockopt(self.fd.as_raw_fd(), libc::SOL_SOCKET, name, ptr::from_ref(&value).cast(), len) };
        check(result).map(drop)
    }

    /// Take the datagrams that are there, up to `PEER_BATCH`. Never waits; returns how many.
    pub fn receive(&self, inbox: &mut PeerInbox) -> io::Result<usize> {
        inbox.arrived.clear();
        // SAFETY: all-zero bytes are valid values of these C structures.
        let mut messages: [mmsghdr; PEER_BATCH] = unsafe { zeroed() };
        let mut controls = [PeerControl([0; PEER_CONTROL_LEN]); PEER_BATCH];
        let mut vectors = [iovec { iov_base: ptr::null_mut(), iov_len: MAX_DATAGRAM }; PEER_BATCH];
        let places = messages.iter_mut().zip(&mut controls).zip(&mut vectors).zip(inbox.bytes.iter_mut());
        for (((message, control), vector), bytes) in places {
            vector.iov_base = bytes.as_mut_ptr().cast();
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = PEER_CONTROL_LEN as _;
        }
        // SAFETY: each message points to a control buffer and a datagram buffer that outlive the call, with their true
        // sizes; at most PEER_BATCH messages are written.
        let result = unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                messages.as_mut_ptr(),
                PEER_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = match check(result) {
            Ok(count) => count as usize,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        let (now, wall) = (monotonic(), clock(libc::CLOCK_REALTIME));
        for message in messages.iter().take(count) {
            let stamp = told(&message.msg_hdr).stamp.unwrap_or(wall);
            let waited = wall.saturating_sub(stamp);
            let len = (message.msg_len as usize).min(MAX_DATAGRAM);
            inbox.arrived.push((len, now.saturating_sub(waited), stamp));
        }
        Ok(count)
    }

    /// Send everything in the outbox to where the socket is connected. Returns how many datagrams the kernel refused;
    /// they are lost, as on a network.
    pub fn send(&self, outbox: &Outbox) -> u64 {
        let (runs, mut at, mut refused) = (outbox.runs(), 0, 0);
        while at < runs.len() {
            if runs[at].count > 1 && !self.gso.load(Ordering::Relaxed) {
                refused += self.send_singly(outbox, &runs[at]);
                at += 1;
                continue;
            }
            match self.send_messages(outbox, &runs[at..]) {
                Ok(sent) => at += sent.max(1),
                Err(error) => {
                    let segmented = runs[at].count > 1;
                    refused += match error.raw_os_error() {
                        // The device cannot segment or checksum for us, or the path is too narrow (udp(7)).
                        Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP | libc::EMSGSIZE) if segmented => {
                            self.gso.store(false, Ordering::Relaxed);
                            self.send_singly(outbox, &runs[at])
                        }
                        _ => u64::from(runs[at].count),
                    };
                    at += 1;
                }
            }
        }
        refused
    }

    /// One `sendmmsg`; returns how many runs went out. An error concerns the first run.
    fn send_messages(&self, outbox: &Outbox, runs: &[Run]) -> io::Result<usize> {
        // SAFETY: all-zero bytes are valid values of these C structures.
        let mut messages: [mmsghdr; PEER_SEND_BATCH] = unsafe { zeroed() };
        let mut controls = [PeerControl([0; PEER_CONTROL_LEN]); PEER_SEND_BATCH];
        let mut vectors = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; PEER_SEND_BATCH];
        let gso = self.gso.load(Ordering::Relaxed);
        let mut count = 0;
        let places = messages.iter_mut().zip(&mut controls).zip(&mut vectors);
        for (run, ((message, control), vector)) in runs.iter().zip(places) {
            if run.count > 1 && !gso {
                break;
            }
            let bytes = outbox.bytes(run);
            *vector = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            if run.count > 1 {
                let len = control.write_segment(run.segment as u16);
                message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                message.msg_hdr.msg_controllen = len as _;
            }
            count += 1;
        }
        // SAFETY: the first `count` messages were written above; what they point to outlives the call, and the kernel
        // does not write through `iov_base` on sending.
        let sent = check(unsafe {
            libc::sendmmsg(self.fd.as_raw_fd(), messages.as_mut_ptr(), count as libc::c_uint, libc::MSG_DONTWAIT)
        })?;
        Ok(sent as usize)
    }

    fn send_singly(&self, outbox: &Outbox, run: &Run) -> u64 {
        outbox.segments(run).filter(|segment| self.send_one(segment).is_err()).count() as u64
    }

    pub fn send_one(&self, datagram: &[u8]) -> io::Result<()> {
        // SAFETY: `datagram` outlives the call and its length is told.
        let sent =
            unsafe { libc::send(self.fd.as_raw_fd(), datagram.as_ptr().cast(), datagram.len(), libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl PeerControl {
    /// The size that the kernel cuts a run into (udp(7)), as one `cmsghdr`; returns its length.
    fn write_segment(&mut self, segment: u16) -> usize {
        let mut control = Control([0; CONTROL_LEN]);
        let mut writer = ControlWriter { control: &mut control, len: 0 };
        writer.add(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
        let len = writer.len;
        self.0[..len].copy_from_slice(&control.0[..len]);
        len
    }
}

/// Says which of many sockets have something to read (epoll(7)), each once until it is read empty.
pub struct Poll(OwnedFd);

impl Poll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the result is checked before use.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Watch a socket until it is closed; `token` stands for it in `ready`.
    pub fn add(&self, socket: &PeerSocket, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: token };
        // SAFETY: `event` is valid for the call.
        let result =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.fd.as_raw_fd(), &raw mut event) };
        check(result).map(drop)
    }

    /// Replaces `tokens` by those of sockets that got something since the last call. Never waits.
    pub fn ready(&self, tokens: &mut Vec<u64>) -> io::Result<()> {
        tokens.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; READY];
        loop {
            // SAFETY: `events` has room for READY entries, and the kernel writes no more.
            let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), READY as c_int, 0) };
            let count = match check(count) {
                Ok(count) => count as usize,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
            tokens.extend(events[..count].iter().map(|event| event.u64));
            if count < READY {
                return Ok(());
            }
        }
    }
}

/// The wall clock, since 1970.
pub fn wall() -> Duration {
    clock(libc::CLOCK_REALTIME)
}

/// Bind the calling thread to one processor.
pub fn pin_thread(core: usize) -> io::Result<()> {
    // SAFETY: all-zero bytes are an empty cpu_set_t.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: `set` is valid, and CPU_SET ignores processors beyond its size.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: `set` outlives the call and its size is told; 0 is the calling thread.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) }).map(drop)
}

/// Prefer the calling thread to those of normal priority, if the system lets us (`CAP_SYS_NICE` or `RLIMIT_NICE`):
/// media should not wait for a slice of time behind signalling that shares its processor.
pub fn prefer_thread() {
    // SAFETY: takes no pointers; 0 is the calling thread, which on Linux has a niceness of its own (setpriority(2)).
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, MEDIA_NICENESS) };
}

/// Sleep until a moment of the monotonic clock.
pub fn sleep_until(moment: Duration) {
    let time = libc::timespec { tv_sec: moment.as_secs() as libc::time_t, tv_nsec: moment.subsec_nanos().into() };
    // SAFETY: `time` outlives the call; what is left of an interrupted sleep is not asked for.
    unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const time, ptr::null_mut()) };
}
