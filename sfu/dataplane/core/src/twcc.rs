//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

/// Notes when packets of one transport arrived, and writes the feedback that its sender's bandwidth estimation needs.
#[derive(Debug)]
pub struct Recorder {}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }

    /// A packet with this transport-wide sequence number arrived; `arrival_us` is monotonic, its epoch of no matter.
    pub fn record(&mut self, seq: u16, arrival_us: u64) {
        let _ = (seq, arrival_us);
        todo!()
    }

    /// Packets that arrived and are not in any feedback yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        todo!()
    }

    /// Appends one feedback packet, if packets are pending, and returns whether more are left for a further one.
    pub fn write_feedback(&mut self, out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) -> bool {
        let _ = (out, sender_ssrc, media_ssrc);
        todo!()
    }
}
