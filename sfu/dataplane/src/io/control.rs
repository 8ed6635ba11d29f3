//! Control messages, which go with a datagram: written as the kernel wants them, and read as it gives them.

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;
use std::time::Duration;

use libc::{c_int, msghdr};

pub(super) const CONTROL_LEN: usize = 96;

#[repr(align(8))]
#[derive(Clone, Copy)]
pub(super) struct Control(pub(super) [u8; CONTROL_LEN]);

pub(super) struct ControlWriter<'a> {
    pub(super) control: &'a mut Control,
    pub(super) len: usize,
}

impl ControlWriter<'_> {
    /// Append one `cmsghdr` with its data, laid out as CMSG_SPACE and CMSG_LEN say: 16 bytes of header, data, padding to 8.
    pub(super) fn add(&mut self, level: c_int, kind: c_int, data: &[u8]) {
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
pub(super) struct Told {
    /// The address it was sent to, where we are bound to no particular one.
    pub(super) local: Option<IpAddr>,
    /// When it arrived, by the wall clock since 1970.
    pub(super) stamp: Option<Duration>,
}

pub(super) fn told(message: &msghdr) -> Told {
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
