//! What one-to-one calls cost, and how long a packet stays: N calls at a browser's pace through one worker.
//!
//!     calls --calls 20 [--seconds 5] [--profile gcm128|gcm256|cm80] [--workers 1]
//!
//! Each participant sends 30 pictures a second of 4 or 5 packets of 1150 bytes, back to back, and 50 packets of 100 bytes
//! of sound, and gets the same from the other. The data plane has processor 0, all participants processor 1. Latency is
//! from just before a packet's encryption to the kernel's receive stamp on the subscriber's socket, for every packet.

use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataplane_bench::{
    LOCALHOST, Peer, Stream, counter, option, pin, profile, server, set_receive_buffer, start_engine,
};
use dataplane_core::replay::ReceiveIndex;
use dataplane_core::rtp::{self, Header};
use dataplane_core::track::Kind;

const PICTURE_INTERVAL_NS: u64 = 33_333_333;
const SOUND_INTERVAL_NS: u64 = 20_000_000;
const STAMP: usize = dataplane_bench::MEDIA_HEAD;

struct Participant {
    peer: Peer,
    picture: Stream,
    sound: Stream,
    transport_seq: u16,
    next_picture_ns: u64,
    next_sound_ns: u64,
    pictures: u64,
    received: HashMap<u32, ReceiveIndex>,
}

#[derive(Default)]
struct Tally {
    sent: u64,
    received: u64,
    latencies_ns: Vec<u64>,
    late_ns: u64,
}

fn wall_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

impl Participant {
    fn send_due(&mut self, now_ns: u64, tally: &mut Tally) -> io::Result<()> {
        if self.next_sound_ns <= now_ns {
            tally.late_ns = tally.late_ns.max(now_ns - self.next_sound_ns);
            self.next_sound_ns += SOUND_INTERVAL_NS;
            self.send(false, 100, tally)?;
        }
        if self.next_picture_ns <= now_ns {
            self.next_picture_ns += PICTURE_INTERVAL_NS;
            self.pictures += 1;
            for _ in 0..4 + u64::from(self.pictures.is_multiple_of(3)) {
                self.send(true, 1150, tally)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, picture: bool, payload: usize, tally: &mut Tally) -> io::Result<()> {
        let mut out = [0; 2048];
        let stream = if picture { &mut self.picture } else { &mut self.sound };
        let timestamp = if picture { self.pictures as u32 * 3000 } else { stream.next as u32 * 960 };
        let stamp = wall_ns().to_be_bytes();
        let len = stream.packet(&self.peer.send, &mut self.transport_seq, &mut out, payload, timestamp, |body| {
            body[..8].copy_from_slice(&stamp);
        });
        self.peer.socket.send(&out[..len])?;
        tally.sent += 1;
        Ok(())
    }

    fn receive_all(&mut self, tally: &mut Tally) {
        let mut datagram = [0; 2048];
        while let Some((len, arrived_ns)) = receive_stamped(&self.peer.socket, &mut datagram) {
            let packet = &mut datagram[..len];
            if rtp::classify(packet) != rtp::Kind::Rtp {
                continue;
            }
            let Ok(header) = Header::parse(packet) else { continue };
            let index = self.received.entry(header.ssrc).or_default();
            let number = index.estimate(header.seq);
            if self.peer.receive.unprotect_rtp(packet, header.len, number).is_err() {
                continue;
            }
            index.accept(number);
            let stamp =
                packet[header.len + STAMP..header.len + STAMP + 8].first_chunk().map(|b| u64::from_be_bytes(*b));
            tally.received += 1;
            tally.latencies_ns.push(arrived_ns.saturating_sub(stamp.unwrap_or(arrived_ns)));
        }
    }
}

/// One datagram with the wall-clock time at which the kernel put it into the socket's buffer; `None` when none waits.
fn receive_stamped(socket: &UdpSocket, datagram: &mut [u8]) -> Option<(usize, u64)> {
    #[repr(align(8))]
    struct Control([u8; 64]);
    let mut control = Control([0; 64]);
    let mut vector = libc::iovec { iov_base: datagram.as_mut_ptr().cast(), iov_len: datagram.len() };
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    // SAFETY: `message` points to buffers that outlive the call, with their true sizes.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let len = usize::try_from(len).ok()?;
    // SAFETY: the kernel filled the control buffer; CMSG_FIRSTHDR stays within it and gives null when it is empty.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    if header.is_null() {
        return Some((len, wall_ns()));
    }
    // SAFETY: the only control message asked for is the time stamp.
    let stamp: libc::timespec = unsafe { std::ptr::read_unaligned(libc::CMSG_DATA(header).cast()) };
    Some((len, stamp.tv_sec as u64 * 1_000_000_000 + stamp.tv_nsec as u64))
}

fn stamp_arrivals(socket: &UdpSocket) {
    let one: i32 = 1;
    // SAFETY: `one` outlives the call and its size is told.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const one).cast(),
            size_of::<i32>() as libc::socklen_t,
        );
    }
}

fn wait(participants: &[Participant], until_ns: u64) {
    let mut polled: Vec<_> = participants
        .iter()
        .map(|one| libc::pollfd { fd: one.peer.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let left = Duration::from_nanos(until_ns.saturating_sub(wall_ns()));
    let timeout = libc::timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos().into() };
    // SAFETY: `polled` and `timeout` outlive the call, and the length is theirs.
    unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as _, &raw const timeout, std::ptr::null()) };
}

fn percentile(sorted: &[u64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 - 1.0) * share).max(0.0) as usize;
    sorted.get(at).map_or(f64::NAN, |&ns| ns as f64 / 1e6)
}

fn main() -> io::Result<()> {
    let calls: usize = option("--calls", 20);
    let seconds: f64 = option("--seconds", 5.0);
    let profile = profile(&option("--profile", "gcm128".to_owned()));
    pin(0);
    let engine = start_engine(option("--workers", 1))?;
    pin(1);
    let mut participants = Vec::new();
    for n in 0..2 * calls {
        let socket = UdpSocket::bind((LOCALHOST, 0))?;
        let peer = Peer::join(&engine, profile, socket)?;
        peer.socket.connect(server(&engine))?;
        set_receive_buffer(&peer.socket, 1 << 20);
        stamp_arrivals(&peer.socket);
        let base = 1000 + 100 * n as u32;
        participants.push(Participant {
            peer,
            picture: Stream::new(Kind::Video, base),
            sound: Stream::new(Kind::Audio, base + 10),
            transport_seq: 0,
            next_picture_ns: 0,
            next_sound_ns: 0,
            pictures: 0,
            received: HashMap::new(),
        });
    }
    for pair in participants.chunks(2) {
        for (publisher, viewer) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            for stream in [&publisher.picture, &publisher.sound] {
                let track = publisher.peer.publish(&engine.plane, stream);
                viewer.peer.subscribe(&engine.plane, track, stream.ssrc + 50);
            }
        }
    }
    let start = wall_ns();
    for (n, one) in participants.iter_mut().enumerate() {
        // Nobody's camera runs in step with anybody else's.
        one.next_picture_ns = start + n as u64 * 7_919_113 % PICTURE_INTERVAL_NS;
        one.next_sound_ns = start + n as u64 * 5_741_327 % SOUND_INTERVAL_NS;
    }
    let warm = run(&mut participants, start + 500_000_000)?;
    let before = (engine.busy_seconds().iter().sum::<f64>(), counter(&engine.plane, "packets_sent"), wall_ns());
    let mut tally = run(&mut participants, before.2 + (seconds * 1e9) as u64)?;
    let cpu = engine.busy_seconds().iter().sum::<f64>() - before.0;
    let packets = counter(&engine.plane, "packets_sent") - before.1;
    let wall = (wall_ns() - before.2) as f64 / 1e9;
    tally.latencies_ns.sort_unstable();
    println!(
        "{{\"calls\": {calls}, \"us_per_packet\": {:.3}, \"packets_per_s\": {:.0}, \"busy\": {:.3}, \
         \"latency_ms\": {{\"p50\": {:.3}, \"p99\": {:.3}, \"max\": {:.3}}}, \"sent\": {}, \"received\": {}, \
         \"warm_up\": {}, \"sender_late_ms\": {:.2}}}",
        cpu * 1e6 / packets.max(1) as f64,
        packets as f64 / wall,
        cpu / wall,
        percentile(&tally.latencies_ns, 0.5),
        percentile(&tally.latencies_ns, 0.99),
        percentile(&tally.latencies_ns, 1.0),
        tally.sent,
        tally.received,
        warm.received,
        tally.late_ns as f64 / 1e6,
    );
    Ok(())
}

fn run(participants: &mut [Participant], end_ns: u64) -> io::Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let now_ns = wall_ns();
        if now_ns >= end_ns {
            return Ok(tally);
        }
        let mut next_ns = end_ns;
        for one in participants.iter_mut() {
            one.send_due(now_ns, &mut tally)?;
            one.receive_all(&mut tally);
            next_ns = next_ns.min(one.next_picture_ns).min(one.next_sound_ns);
        }
        wait(participants, next_ns);
    }
}
