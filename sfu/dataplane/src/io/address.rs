//! Socket addresses between Rust and the kernel, and those that this host has.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

use libc::{c_int, c_void, sockaddr_storage, socklen_t};

use super::check;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    /// IPv6 that also carries IPv4 as mapped addresses.
    Dual,
    V6,
}

pub(super) fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// A socket address as the socket's family wants it.
pub(super) fn to_storage(address: SocketAddr, family: Family) -> (sockaddr_storage, socklen_t) {
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
pub(super) fn from_storage(storage: &sockaddr_storage) -> Option<SocketAddr> {
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
