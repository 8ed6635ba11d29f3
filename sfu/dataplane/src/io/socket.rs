//! The socket that the server's media share: many datagrams in by one `recvmmsg`, runs of equal datagrams out by UDP GSO,
//! the rest by `sendmmsg`.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dataplane_core::outbox::{Outbox, Path, Run};
use libc::{c_int, iovec, mmsghdr, msghdr, sockaddr_storage, socklen_t};

use super::address::{Family, from_storage, mapped, to_storage};
use super::control::{CONTROL_LEN, Control, ControlWriter, Told, told};
use super::inbox::{Arrived, BATCH, Inbox, MAX_DATAGRAM};
use super::{check, clock, monotonic};

/// Messages handed to one `sendmmsg`.
const SEND_BATCH: usize = 64;
/// No datagram waits this long in a socket's buffer; a longer wait is a clock that was set.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A burst of key frames for some hundred streams; the kernel may grant less (`net.core.rmem_max`).
const WANTED_BUFFER: c_int = 4 << 20;

pub struct Socket {
    fd: OwnedFd,
    family: Family,
    /// Bound to no particular address: the one a datagram came to is told and used for the answer.
    wildcard: bool,
    gso: AtomicBool,
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
