//! What forwarding one packet costs at saturation: publishers as fast as it goes, k subscribers each, everything on.
//!
//!     forward --k 5 [--payload 1150] [--audio 1] [--profile gcm128|gcm256|cm80] [--threads 1] [--seconds 2]
//!
//! There is one publisher, or with several threads four for each, so that each has some. One thread of the data plane
//! has processor 0 and the publishers have processor 1; several share both with them. Nobody reads the subscribers'
//! sockets, so that a packet costs what sending it costs. Prints one JSON object; CPU time and allocations are those of
//! the data plane's threads.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use _dataplane::engine::Engine;
use dataplane_bench::{
    LOCALHOST, Peer, Stream, allocations, counter, leave_out_allocations, option, pin, profile, server,
    set_receive_buffer, start_engine,
};
use dataplane_core::plane::Plane;
use dataplane_core::srtp::Profile;
use dataplane_core::track::Kind;

/// Packets under way at most: enough to keep the worker's queue full, few enough that none is lost.
const IN_FLIGHT: u64 = 1024;

/// What was asked for.
struct Asked {
    subscribers: u32,
    audio: bool,
    payload: usize,
    seconds: f64,
    profile: Profile,
    threads: usize,
}

impl Asked {
    fn read() -> Self {
        let audio = option("--audio", 0) == 1;
        Self {
            subscribers: option("--k", 1),
            audio,
            payload: option("--payload", if audio { 100 } else { 1150 }),
            seconds: option("--seconds", 2.0),
            profile: profile(&option("--profile", "gcm128".to_owned())),
            threads: option("--threads", 1),
        }
    }
}

/// Who sends, what, and the next transport-wide sequence number.
type Publisher = (Peer, Stream, u16);

fn main() -> std::io::Result<()> {
    let asked = Asked::read();
    if asked.threads == 1 {
        pin(0);
    }
    let engine = start_engine(asked.threads)?;
    let (publishers, _sinks) = join(&asked, &engine)?;
    let stop = Arc::new(AtomicBool::new(false));
    let generator = {
        let (stop, plane, to) = (stop.clone(), engine.plane.clone(), server(&engine));
        let payload = asked.payload;
        std::thread::spawn(move || generate(publishers, payload, to, &plane, &stop))
    };
    std::thread::sleep(Duration::from_millis(300));
    let measured = measure(&asked, &engine);
    stop.store(true, Ordering::Relaxed);
    generator.join().expect("the generator ends");
    println!("{measured}");
    Ok(())
}

/// Publishers, and who receives from them.
fn join(asked: &Asked, engine: &Engine) -> std::io::Result<(Vec<Publisher>, Vec<Peer>)> {
    let (mut publishers, mut sinks) = (Vec::new(), Vec::new());
    for n in 0..if asked.threads == 1 { 1 } else { 4 * asked.threads as u32 } {
        let publisher = Peer::join(engine, asked.profile, UdpSocket::bind((LOCALHOST, 0))?)?;
        let stream = Stream::new(if asked.audio { Kind::Audio } else { Kind::Video }, 1000 + n);
        let track = publisher.publish(&engine.plane, &stream);
        for m in 0..asked.subscribers {
            let peer = Peer::join(engine, asked.profile, UdpSocket::bind((LOCALHOST, 0))?)?;
            peer.subscribe(&engine.plane, track, 5000 + 2 * (n * asked.subscribers + m));
            set_receive_buffer(&peer.socket, 2048);
            sinks.push(peer);
        }
        publishers.push((publisher, stream, 0));
    }
    Ok((publishers, sinks))
}

/// Send as fast as it goes, until told to stop.
fn generate(mut publishers: Vec<Publisher>, payload: usize, to: SocketAddr, plane: &Arc<Plane>, stop: &AtomicBool) {
    pin(1);
    leave_out_allocations();
    for (publisher, ..) in &publishers {
        publisher.socket.connect(to).expect("loopback");
    }
    let (mut out, mut sent) = ([0; 2048], 0u64);
    while !stop.load(Ordering::Relaxed) {
        for (publisher, stream, transport_seq) in &mut publishers {
            while sent - counter(plane, "packets_received") > IN_FLIGHT && !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            for _ in 0..32 {
                let timestamp = stream.next as u32 * 30;
                let len = stream.packet(&publisher.send, transport_seq, &mut out, payload, timestamp, |_| {});
                // A packet that did not go is one less under way.
                sent += u64::from(publisher.socket.send(&out[..len]).is_ok());
            }
        }
    }
}

/// One JSON object, of the time that was asked for.
fn measure(asked: &Asked, engine: &Engine) -> String {
    let busy_seconds = || engine.busy_seconds().iter().sum::<f64>();
    let before = (busy_seconds(), counter(&engine.plane, "packets_sent"), Instant::now());
    let allocated = allocations();
    let received = counter(&engine.plane, "packets_received");
    std::thread::sleep(Duration::from_secs_f64(asked.seconds));
    let cpu = busy_seconds() - before.0;
    let allocated = allocations() - allocated;
    let packets = counter(&engine.plane, "packets_sent") - before.1;
    let received = counter(&engine.plane, "packets_received") - received;
    let wall = before.2.elapsed().as_secs_f64();
    format!(
        "{{\"k\": {}, \"kind\": \"{}\", \"payload\": {}, \"threads\": {}, \
         \"us_per_packet\": {:.4}, \"allocations_per_packet\": {:.5}, \"in_per_s\": {:.0}, \"out_per_s\": {:.0}, \
         \"busy\": {:.3}, \"lost\": {}, \"refused\": {}}}",
        asked.subscribers,
        if asked.audio { "audio" } else { "video" },
        asked.payload,
        asked.threads,
        cpu * 1e6 / packets.max(1) as f64,
        allocated as f64 / packets.max(1) as f64,
        received as f64 / wall,
        packets as f64 / wall,
        cpu / wall,
        counter(&engine.plane, "packets_lost_upstream"),
        counter(&engine.plane, "send_errors"),
    )
}
