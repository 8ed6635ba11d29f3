//! Snapshots of what one participant measured since its window began.

use dataplane_core::track::Kind;

use crate::histogram::Histogram;

#[derive(Clone, Debug)]
pub struct ReceivedFigures {
    pub ssrc: u32,
    pub kind: Kind,
    /// Each once, retransmitted ones too.
    pub packets: u64,
    /// By the numbers inside, as far as packets were opened, from there by sequence number.
    pub expected: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub reordered: u64,
    /// RTP payload.
    pub bytes: u64,
    pub opened: u64,
    /// Packets that SRTP refused.
    pub refused: u64,
    /// From the sender's stamp to our kernel, µs, of packets that were opened.
    pub latency: Histogram,
    /// False as soon as a stamp was by the clock of another host: then latency cannot be known.
    pub latency_known: bool,
    pub jitter_us: u64,
    pub key_frames: u64,
    pub frames: u64,
    pub freezes: u64,
    pub freeze_us: u64,
    pub longest_gap_us: u64,
    /// Packets that we asked for again, and picture loss indications that we sent.
    pub nacks: u64,
    pub plis: u64,
    /// Retransmissions that mended a loss.
    pub mended: u64,
    /// Monotonic; not reset with the window, like the next.
    pub first_packet_us: Option<u64>,
    pub first_key_frame_us: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct SentFigures {
    pub ssrc: u32,
    pub kind: Kind,
    pub packets: u64,
    /// RTP payload.
    pub bytes: u64,
    /// Packets asked for again.
    pub nacks: u64,
    /// Key frames asked for, by picture loss indications and full intra requests.
    pub plis: u64,
    pub retransmitted: u64,
    pub key_frames: u64,
    /// Frames that were never sent, for the pacer was behind.
    pub frames_dropped: u64,
    /// How late packets left, µs.
    pub late: Histogram,
}

#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub received: Vec<ReceivedFigures>,
    pub sent: Vec<SentFigures>,
    /// Datagrams that our own kernel would not take.
    pub unsent: u64,
    /// Authentic RTCP packets, and congestion feedback among them.
    pub rtcp_received: u64,
    pub feedback_received: u64,
    /// Datagrams that fit nothing: of no announced stream, forged, cut short.
    pub strays: u64,
    pub rtt_us: Option<u64>,
}
