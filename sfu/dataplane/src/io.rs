//! Batched socket calls (Linux): many datagrams in by one `recvmmsg`, runs of equal datagrams out by UDP GSO, the rest
//! by `sendmmsg`. The only place with `unsafe`; addresses go in and out as `SocketAddr`.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dataplane_core::outbox::{Outbox, Path, Run};
use libc::{c_int, c_void, iovec, mmsghdr, msghdr, sockaddr_storage, socklen_t};

mod peer;

pub use peer::{PEER_BATCH, PeerInbox, PeerSocket, Poll, pin_thread, prefer_thread, sleep_until, wall};

/// Datagrams read at once.
pub const BATCH: usize = 32;
/// Larger than any packet of a real-time stream; what is longer arrives cut and fails authentication.
pub const MAX_DATAGRAM: usize = 2048;
/// Messages handed to one `sendmmsg`.
const SEND_BATCH: usize = 64;
const CONTROL_LEN: usize = 96;
/// No datagram waits this long in a socket's buffer; a longer wait is a clock that was set.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A burst of key frames for some hundred streams; the kernel may grant less (`net.core.rmem_max`).
const WANTED_BUFFER: c_int = 4 << 20;

/// A non-zero `c_int` result, or the error.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    /// IPv6 that also carries IPv4 as mapped addresses.
    Dual,
    V6,
}

pub struct Socket {
    fd: OwnedFd,
    family: Family,
    /// Bound to no particular address: the one a datagram came to is told and used for the answer.
    wildcard: bool,
    gso: AtomicBool,
}

#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// Where `receive` puts datagrams.
pub struct Inbox {
    bytes: Box<[[u8; MAX_DATAGRAM]; BATCH]>,
    names: Box<[sockaddr_storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    arrived: Vec<Arrived>,
}

#[derive(Clone, Copy)]
struct Arrived {
    len: usize,
    path: Path,
    at: Duration,
}

impl Default for Inbox {
    fn default() -> Self {
        let bytes = vec![[0; MAX_DATAGRAM]; BATCH].into_boxed_slice();
        let Ok(bytes) = bytes.try_into() else { unreachable!("made with BATCH elements") };
        // SAFETY: all-zero bytes are valid socket addresses.
        let names = Box::new(unsafe { zeroed() });
        Self {
            bytes,
            names,
            controls: Box::new([Control([0; CONTROL_LEN]); BATCH]),
            arrived: Vec::with_capacity(BATCH),
        }
    }
}

impl Inbox {
    /// The datagrams of the last `receive`: bytes, path, and when the kernel got it (monotonic clock).
    pub fn datagrams(&mut self) -> impl Iterator<Item = (&mut [u8], Path, Duration)> {
        self.bytes.iter_mut().zip(&self.arrived).map(|(bytes, one)| (&mut bytes[..one.len], one.path, one.at))
    }
}

impl Socket {
    /// Bind to `address` (`None`: every address of the host, IPv4 and IPv6 where the host has it). Several sockets may
    /// share the port; the kernel gives each client to one of them.
    pub fn bind(address: Option<IpAddr>, port: u16) -> io::Result<Self> {
        match address {
            Some(IpAddr::V4(v4)) => Self::open(Family::V4, SocketAddr::from((v4, port)), v4.is_unspecified(), true),
            Some(IpAddr::V6(v6)) => Self::open(Family::V6, SocketAddr::from((v6, port)), v6.is_unspecified(), true),
            None => {
                Self::open(Family::Dual, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), true, true).or_else(|error| {
                    match error.raw_os_error() {
                        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) => {
                            Self::open(Family::V4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), true, true)
                        }
                        _ => Err(error),
                    }
                })
            }
        }
    }

    /// Fails when anybody else has the port; sharing it (`bind`) would silently take half of their datagrams.
    pub fn probe(address: Option<IpAddr>, port: u16) -> io::Result<()> {
        let (family, address) = match address {
            Some(IpAddr::V4(v4)) => (Family::V4, SocketAddr::from((v4, port))),
            Some(IpAddr::V6(v6)) => (Family::V6, SocketAddr::from((v6, port))),
            None => (Family::V4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        };
        Self::open(family, address, false, false).map(drop)
    }

    fn open(family: Family, address: SocketAddr, wildcard: bool, shared: bool) -> io::Result<Self> {
        let domain = if family == Family::V4 { libc::AF_INET } else { libc::AF_INET6 };
        // SAFETY: no pointers are passed; the result is checked before use.
        let fd = check(unsafe { libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self { fd, family, wildcard, gso: AtomicBool::new(true) };
        if domain == libc::AF_INET6 {
            socket.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, c_int::from(family == Family::V6))?;
        }
        if shared {
            socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
            socket.enlarge_buffers();
            // When this thread is late, congestion feedback must not take that for a slow network.
            socket.set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        }
        if wildcard {
            match family {
                Family::V4 => socket.set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
                Family::Dual | Family::V6 => socket.set(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
            }
        }
        let (storage, len) = to_storage(address, family);
        // SAFETY: `storage` is a valid socket address of `len` bytes that outlives the call.
        check(unsafe { libc::bind(socket.fd.as_raw_fd(), ptr::from_ref(&storage).cast(), len) })?;
        Ok(socket)
    }

    fn set(&self, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
        // SAFETY: `value` is a c_int that outlives the call and its size is told.
        let result = unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                ptr::from_ref(&value).cast(),
                size_of::<c_int>() as socklen_t,
            )
        };
        check(result).map(drop)
    }

    fn enlarge_buffers(&self) {
        for (force, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
            if self.set(libc::SOL_SOCKET, force, WANTED_BUFFER).is_err() {
                // Without the privilege the kernel clamps the size; what we got is told by `receive_buffer`.
                let _ = self.set(libc::SOL_SOCKET, plain, WANTED_BUFFER);
            }
        }
    }

    /// Bytes the kernel keeps for datagrams that were not read yet.
    pub fn receive_buffer(&self) -> usize {
        let mut value: c_int = 0;
        let mut len = size_of::<c_int>() as socklen_t;
        // SAFETY: `value` and `len` are valid for writes and `len` tells the size of `value`.
        let result = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                ptr::from_mut(&mut value).cast(),
                &raw mut len,
            )
        };
        // The kernel tells twice what it grants (socket(7)).
        if result < 0 { 0 } else { usize::try_from(value).unwrap_or(0) / 2 }
    }

    pub fn port(&self) -> io::Result<u16> {
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let mut storage: sockaddr_storage = unsafe { zeroed() };
        let mut len = size_of::<sockaddr_storage>() as socklen_t;
        // SAFETY: `storage` has room for any address and `len` says so.
        check(unsafe { libc::getsockname(self.fd.as_raw_fd(), ptr::from_mut(&mut storage).cast(), &raw mut len) })?;
        from_storage(&storage).map(|address| address.port()).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// How long `receive` waits for a first datagram.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        let value = libc::timeval {
            tv_sec: patience.as_secs() as libc::time_t,
            tv_usec: libc::suseconds_t::from(patience.subsec_micros()),
        };
        // SAFETY: `value` is a timeval that outlives the call and its size is told.
        let result = unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                ptr::from_ref(&value).cast(),
                size_of::<libc::timeval>() as socklen_t,
            )
        };
        check(result).map(drop)
    }

    /// Wait for a datagram, then take all that are there, up to `BATCH`. Returns how many; 0 when patience ran out.
    pub fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        let Inbox { bytes, names, controls, arrived } = inbox;
        arrived.clear();
        // SAFETY: all-zero bytes are valid values of this C structure.
        let mut messages: [mmsghdr; BATCH] = unsafe { zeroed() };
        let mut vectors =
            bytes.each_mut().map(|bytes| iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MAX_DATAGRAM });
        for (((message, name), control), vector) in
            messages.iter_mut().zip(names.iter_mut()).zip(controls.iter_mut()).zip(&mut vectors)
        {
            message.msg_hdr.msg_name = ptr::from_mut(name).cast();
            message.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = CONTROL_LEN as _;
        }
        // SAFETY: each message points to a name, a control buffer and a datagram buffer that outlive the call, with
        // their true sizes; at most BATCH messages are written.
        let result = unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                ptr::null_mut(),
            )
        };
        let count = match check(result) {
            Ok(count) => count as usize,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        let (now, wall) = (monotonic(), clock(libc::CLOCK_REALTIME));
        for (message, name) in messages.iter().zip(names.iter()).take(count) {
            let Told { local, stamp } = told(&message.msg_hdr);
            // A source we cannot read is none we could answer; port 0 is routed to nobody.
            let remote = from_storage(name).unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
            // The stamp is wall-clock time. Where the clock was set in between, the wait comes out as nonsense.
            let waited = stamp.and_then(|stamp| wall.checked_sub(stamp)).filter(|waited| *waited < LONGEST_WAIT);
            arrived.push(Arrived {
                len: (message.msg_len as usize).min(MAX_DATAGRAM),
                path: Path { remote, local },
                at: now.saturating_sub(waited.unwrap_or_default()),
            });
        }
        Ok(count)
    }

    /// Send everything in the outbox. Returns how many datagrams the kernel refused; they are lost, as on a network.
    pub fn send(&self, outbox: &Outbox) -> u64 {
        let mut refused = 0;
        for runs in outbox.runs().chunks(SEND_BATCH) {
            refused += self.send_runs(outbox, runs);
        }
        refused
    }

    fn send_runs(&self, outbox: &Outbox, runs: &[Run]) -> u64 {
        let gso = self.gso.load(Ordering::Relaxed);
        let mut refused = 0;
        let mut at = 0;
        while at < runs.len() {
            let group = &runs[at..];
            if !gso && group[0].count > 1 {
                refused += self.send_singly(outbox, &group[0]);
                at += 1;
                continue;
            }
            let group = if gso { group } else { &group[..group.iter().take_while(|run| run.count == 1).count()] };
            match self.send_messages(outbox, group) {
                Ok(sent) => at += sent.max(1),
                Err(error) => {
                    let run = &group[0];
                    refused += match error.raw_os_error() {
                        // The device cannot segment or checksum for us, or the path is too narrow (udp(7), pitfall 60).
                        Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP | libc::EMSGSIZE) if run.count > 1 => {
                            if error.raw_os_error() == Some(libc::EIO) {
                                self.gso.store(false, Ordering::Relaxed);
                            }
                            self.send_singly(outbox, run)
                        }
                        _ => u64::from(run.count),
                    };
                    at += 1;
                }
            }
        }
        refused
    }

    /// One `sendmmsg`; returns how many runs went out. An error concerns the first run.
    fn send_messages(&self, outbox: &Outbox, runs: &[Run]) -> io::Result<usize> {
        let mut names: [MaybeUninit<sockaddr_storage>; SEND_BATCH] = [const { MaybeUninit::uninit() }; SEND_BATCH];
        let mut controls: [MaybeUninit<Control>; SEND_BATCH] = [const { MaybeUninit::uninit() }; SEND_BATCH];
        let mut vectors: [MaybeUninit<iovec>; SEND_BATCH] = [const { MaybeUninit::uninit() }; SEND_BATCH];
        let mut messages: [MaybeUninit<mmsghdr>; SEND_BATCH] = [const { MaybeUninit::uninit() }; SEND_BATCH];
        let places = names.iter_mut().zip(&mut controls).zip(&mut vectors).zip(&mut messages);
        for (run, (((name, control), vector), message)) in runs.iter().zip(places) {
            let (storage, name_len) = to_storage(run.path.remote, self.family);
            let name = name.write(storage);
            let bytes = outbox.bytes(run);
            let vector = vector.write(iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() });
            // SAFETY: all-zero bytes are a valid mmsghdr.
            let message = message.write(unsafe { zeroed() });
            message.msg_hdr.msg_name = ptr::from_mut(name).cast();
            message.msg_hdr.msg_namelen = name_len;
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            let control = control.write(Control([0; CONTROL_LEN]));
            let control_len = self.write_control(control, run);
            if control_len > 0 {
                message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                message.msg_hdr.msg_controllen = control_len as _;
            }
        }
        let count = runs.len().min(SEND_BATCH);
        // SAFETY: the first `count` messages were written above; what they point to outlives the call, and the kernel
        // does not write through `iov_base` on sending.
        let sent = check(unsafe {
            libc::sendmmsg(self.fd.as_raw_fd(), messages.as_mut_ptr().cast(), count as libc::c_uint, libc::MSG_DONTWAIT)
        })?;
        Ok(sent as usize)
    }

    fn send_singly(&self, outbox: &Outbox, run: &Run) -> u64 {
        outbox.segments(run).filter(|segment| self.send_one(segment, &run.path).is_err()).count() as u64
    }

    /// Send one datagram now, from any thread.
    pub fn send_one(&self, datagram: &[u8], path: &Path) -> io::Result<()> {
        let mut single = Single::default();
        let run = Run { path: *path, offset: 0, len: datagram.len(), segment: datagram.len(), count: 1 };
        let (storage, name_len) = to_storage(path.remote, self.family);
        single.name = storage;
        let mut vector = iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
        // SAFETY: all-zero bytes are a valid msghdr.
        let mut message: msghdr = unsafe { zeroed() };
        message.msg_name = ptr::from_mut(&mut single.name).cast();
        message.msg_namelen = name_len;
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        let control_len = self.write_control(&mut single.control, &run);
        if control_len > 0 {
            message.msg_control = single.control.0.as_mut_ptr().cast();
            message.msg_controllen = control_len as _;
        }
        // SAFETY: `message` points to a name, a vector and a control buffer that outlive the call.
        let sent = unsafe { libc::sendmsg(self.fd.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The control messages of a run: the segment size (udp(7)) and the address to send from (ip(7), ipv6(7)).
    fn write_control(&self, control: &mut Control, run: &Run) -> usize {
        let mut writer = ControlWriter { control, len: 0 };
        if run.count > 1 {
            writer.add(libc::SOL_UDP, libc::UDP_SEGMENT, &(run.segment as u16).to_ne_bytes());
        }
        if let (true, Some(local)) = (self.wildcard, run.path.local) {
            match (self.family, local) {
                (Family::V4, IpAddr::V4(v4)) => {
                    // struct in_pktinfo: interface (0: by route), local address, destination (ignored).
                    let mut info = [0; 12];
                    info[4..8].copy_from_slice(&v4.octets());
                    writer.add(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
                }
                (Family::V4, IpAddr::V6(_)) => {}
                (Family::Dual | Family::V6, _) => {
                    // struct in6_pktinfo: local address, interface (0: by route).
                    let mut info = [0; 20];
                    info[..16].copy_from_slice(&mapped(local).octets());
                    writer.add(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
                }
            }
        }
        writer.len
    }
}

struct Single {
    name: sockaddr_storage,
    control: Control,
}

impl Default for Single {
    fn default() -> Self {
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        Self { name: unsafe { zeroed() }, control: Control([0; CONTROL_LEN]) }
    }
}

struct ControlWriter<'a> {
    control: &'a mut Control,
    len: usize,
}

impl ControlWriter<'_> {
    /// Append one `cmsghdr` with its data, laid out as CMSG_SPACE and CMSG_LEN say: 16 bytes of header, data, padding to 8.
    fn add(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        const HEADER: usize = size_of::<libc::cmsghdr>();
        let space = HEADER + data.len().next_multiple_of(8);
        let Some(place) = self.control.0.get_mut(self.len..self.len + space) else { return };
        place[..8].copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        place[8..12].copy_from_slice(&level.to_ne_bytes());
        place[12..16].copy_from_slice(&kind.to_ne_bytes());
        place[HEADER..HEADER + data.len()].copy_from_slice(data);
        self.len += space;
    }
}

/// What the kernel tells of a datagram in its control messages.
#[derive(Default)]
struct Told {
    /// The address it was sent to, where we are bound to no particular one.
    local: Option<IpAddr>,
    /// When it arrived, by the wall clock since 1970.
    stamp: Option<Duration>,
}

fn told(message: &msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: the kernel filled the control buffer and set its length; the CMSG functions stay within that.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give complete headers inside the buffer.
        let (level, kind, data) = unsafe { ((*header).cmsg_level, (*header).cmsg_type, libc::CMSG_DATA(header)) };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: a control message of this type holds a timespec.
                let stamp: libc::timespec = unsafe { ptr::read_unaligned(data.cast()) };
                told.stamp = Some(Duration::new(stamp.tv_sec as u64, stamp.tv_nsec as u32));
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: a control message of this type holds an in_pktinfo.
                let info: libc::in_pktinfo = unsafe { ptr::read_unaligned(data.cast()) };
                told.local = Some(IpAddr::V4(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes())));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: a control message of this type holds an in6_pktinfo.
                let info: libc::in6_pktinfo = unsafe { ptr::read_unaligned(data.cast()) };
                told.local = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)).to_canonical());
            }
            _ => {}
        }
        // SAFETY: as above; `header` came from the same message.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    told
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// A socket address as the socket's family wants it.
fn to_storage(address: SocketAddr, family: Family) -> (sockaddr_storage, socklen_t) {
    // SAFETY: all-zero bytes are a valid sockaddr_storage.
    let mut storage: sockaddr_storage = unsafe { zeroed() };
    let place: *mut c_void = ptr::from_mut(&mut storage).cast();
    if let (SocketAddr::V4(v4), Family::V4) = (address, family) {
        let name = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: v4.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
            sin_zero: [0; 8],
        };
        // SAFETY: a sockaddr_storage has the size and alignment for every socket address.
        unsafe { ptr::write(place.cast(), name) };
        return (storage, size_of::<libc::sockaddr_in>() as socklen_t);
    }
    let scope = if let SocketAddr::V6(v6) = address { v6.scope_id() } else { 0 };
    let name = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: mapped(address.ip()).octets() },
        sin6_scope_id: scope,
    };
    // SAFETY: a sockaddr_storage has the size and alignment for every socket address.
    unsafe { ptr::write(place.cast(), name) };
    (storage, size_of::<libc::sockaddr_in6>() as socklen_t)
}

/// The address in canonical form: an IPv4 peer of a dual socket is an IPv4 address.
fn from_storage(storage: &sockaddr_storage) -> Option<SocketAddr> {
    let place: *const c_void = ptr::from_ref(storage).cast();
    match c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what the storage holds.
            let name: libc::sockaddr_in = unsafe { ptr::read(place.cast()) };
            let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says what the storage holds.
            let name: libc::sockaddr_in6 = unsafe { ptr::read(place.cast()) };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(match ip.to_ipv4_mapped() {
                Some(v4) => SocketAddr::V4(SocketAddrV4::new(v4, port)),
                None => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

/// An eventfd that says to the event loop that events wait.
pub struct Bell(OwnedFd);

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the result is checked before use.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    pub fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes are read from `one`. A full counter is readable already, so failure changes nothing.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    pub fn silence(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes are written to `count`. It fails only when the bell was silent.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

/// CPU time this thread has used.
pub fn thread_cpu() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The monotonic clock.
pub fn monotonic() -> Duration {
    clock(libc::CLOCK_MONOTONIC)
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the write; these clocks exist on every Linux.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Addresses of the host's interfaces that are up, without link-local ones.
pub fn host_addresses() -> io::Result<Vec<IpAddr>> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: on success `list` points to a list that we free below.
    check(unsafe { libc::getifaddrs(&raw mut list) })?;
    let mut addresses = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: `next` is an element of the list, which is not freed yet.
        let interface = unsafe { &*next };
        next = interface.ifa_next;
        if interface.ifa_addr.is_null() || interface.ifa_flags & libc::IFF_UP as libc::c_uint == 0 {
            continue;
        }
        // SAFETY: an address that is there has at least its family.
        let family = c_int::from(unsafe { (*interface.ifa_addr).sa_family });
        let len = match family {
            libc::AF_INET => size_of::<libc::sockaddr_in>(),
            libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
            _ => continue,
        };
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let mut storage: sockaddr_storage = unsafe { zeroed() };
        // SAFETY: an address of this family has `len` bytes, and the storage has room for them.
        unsafe { ptr::copy_nonoverlapping(interface.ifa_addr.cast::<u8>(), ptr::from_mut(&mut storage).cast(), len) };
        if let Some(address) = from_storage(&storage).map(|address| address.ip())
            && !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
        {
            addresses.push(address);
        }
    }
    // SAFETY: `list` came from getifaddrs and no reference into it is left.
    unsafe { libc::freeifaddrs(list) };
    Ok(addresses)
}
