//! Batched socket calls (Linux), clocks and threads' places. The only place with `unsafe`; addresses go in and out as
//! `SocketAddr`.

use std::io;
use std::time::Duration;

use libc::c_int;

mod address;
mod bell;
mod control;
mod inbox;
mod peer;
mod socket;

pub use address::host_addresses;
pub use bell::Bell;
pub use inbox::{BATCH, Inbox, MAX_DATAGRAM};
pub use peer::{PEER_BATCH, PeerInbox, PeerSocket, Poll, pin_thread, prefer_thread, sleep_until, wall};
pub use socket::Socket;

/// A non-zero `c_int` result, or the error.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
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
