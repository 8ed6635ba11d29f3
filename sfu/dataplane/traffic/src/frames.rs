//! Whole frames of one received video stream, and the freezes between them (W3C webrtc-stats, `freezeCount`).
//!
//! A decoder without its reference stops: once a packet is given up, nothing is shown until a key frame begins anew.
//! Frames count as shown at the moment their last packet came; a browser would add its jitter buffer to each.

/// Packets remembered behind the newest; a power of two.
const WINDOW: u64 = 1024;
const RECEIVED: u8 = 1;
const MARKER: u8 = 2;
const KEY: u8 = 4;

/// Frame durations that the mean is taken of, by the rule.
const REMEMBERED: usize = 30;
/// So many must be known first, as in libwebrtc, where the rule comes from.
const LEAST: usize = 5;
const FREEZE_US: u64 = 150_000;

/// What a packet says of its frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// The last packet of its frame.
    pub last: bool,
    /// Known to begin a key frame; packets that were not opened never are.
    pub begins_key: bool,
    /// Known to belong to a key frame.
    pub key: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameFigures {
    pub frames: u64,
    pub key_frames: u64,
    pub freezes: u64,
    pub freeze_us: u64,
}

#[derive(Debug)]
pub struct Frames {
    flags: Box<[u8; WINDOW as usize]>,
    /// The first packet that is not part of a whole frame yet; `None` before the first key frame began.
    next: Option<u64>,
    highest: Option<u64>,
    current_is_key: bool,
    broken: bool,
    pub figures: FrameFigures,
    pub first_key_us: Option<u64>,
    last_shown_us: Option<u64>,
    durations_us: [u64; REMEMBERED],
    known: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            flags: Box::new([0; WINDOW as usize]),
            next: None,
            highest: None,
            current_is_key: false,
            broken: false,
            figures: FrameFigures::default(),
            first_key_us: None,
            last_shown_us: None,
            durations_us: [0; REMEMBERED],
            known: 0,
        }
    }
}

impl Frames {
    /// A packet that was not there before. `seq` is unwrapped.
    pub fn receive(&mut self, seq: u64, mark: Mark, now_us: u64) {
        if !self.remember(seq, mark) {
            return;
        }
        if mark.begins_key && self.wait_for_key() {
            self.next = Some(seq);
            self.broken = false;
            self.current_is_key = false;
        }
        let (Some(mut next), Some(highest), false) = (self.next, self.highest, self.broken) else { return };
        if next + WINDOW <= highest {
            self.broken = true;
            return;
        }
        while next <= highest {
            let flags = self.flags[slot(next)];
            if flags & RECEIVED == 0 {
                break;
            }
            self.current_is_key |= flags & KEY != 0;
            if flags & MARKER != 0 {
                self.show(now_us);
            }
            next += 1;
        }
        self.next = Some(next);
    }

    /// Whether nothing can be shown before a key frame comes.
    #[must_use]
    pub fn wait_for_key(&self) -> bool {
        self.broken || self.next.is_none()
    }

    /// A packet will not come any more.
    pub fn give_up(&mut self) {
        if let (Some(next), Some(highest)) = (self.next, self.highest) {
            self.broken |= next <= highest;
        }
    }

    fn remember(&mut self, seq: u64, mark: Mark) -> bool {
        match self.highest {
            Some(highest) if seq > highest => {
                for skipped in (highest + 1).max(seq.saturating_sub(WINDOW))..seq {
                    self.flags[slot(skipped)] = 0;
                }
                self.highest = Some(seq);
            }
            Some(highest) if highest - seq >= WINDOW => return false,
            Some(_) => {}
            None => self.highest = Some(seq),
        }
        let marker = if mark.last { MARKER } else { 0 };
        let key = if mark.key || mark.begins_key { KEY } else { 0 };
        self.flags[slot(seq)] = RECEIVED | marker | key;
        true
    }

    fn show(&mut self, now_us: u64) {
        self.figures.frames += 1;
        if std::mem::take(&mut self.current_is_key) {
            self.figures.key_frames += 1;
            self.first_key_us = self.first_key_us.or(Some(now_us));
        }
        if let Some(last) = self.last_shown_us.replace(now_us) {
            self.note_duration(now_us.saturating_sub(last));
        }
    }

    fn note_duration(&mut self, duration_us: u64) {
        let known = self.known.min(REMEMBERED);
        if known >= LEAST {
            let mean = self.durations_us[..known].iter().sum::<u64>() / known as u64;
            if duration_us >= (3 * mean).max(mean + FREEZE_US) {
                self.figures.freezes += 1;
                self.figures.freeze_us += duration_us;
            }
        }
        self.durations_us[self.known % REMEMBERED] = duration_us;
        self.known += 1;
    }
}

fn slot(seq: u64) -> usize {
    (seq % WINDOW) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_US: u64 = 33_333;

    /// Frame `n` is packets 4n..4n+4; frame 0 is a key frame.
    fn mark(seq: u64) -> Mark {
        Mark { last: seq % 4 == 3, begins_key: seq == 0, key: seq < 4 }
    }

    fn receive(frames: &mut Frames, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            frames.receive(seq, mark(seq), seq / 4 * FRAME_US);
        }
    }

    #[test]
    fn frames_count_once_all_of_their_packets_are_there() {
        let mut frames = Frames::default();
        receive(&mut frames, 0..7);
        assert_eq!((frames.figures.frames, frames.figures.key_frames), (1, 1));
        receive(&mut frames, [7]);
        assert_eq!((frames.figures.frames, frames.figures.key_frames), (2, 1));
    }

    #[test]
    fn nothing_is_shown_before_a_key_frame() {
        let mut frames = Frames::default();
        receive(&mut frames, 4..40);
        assert!(frames.wait_for_key());
        assert_eq!(frames.figures.frames, 0);
    }

    #[test]
    fn a_hole_holds_up_what_is_behind_it_until_it_is_mended() {
        let mut frames = Frames::default();
        receive(&mut frames, (0..40).filter(|seq| *seq != 9));
        assert_eq!(frames.figures.frames, 2);
        receive(&mut frames, [9]);
        assert_eq!(frames.figures.frames, 10);
    }

    #[test]
    fn what_was_given_up_is_mended_by_a_key_frame_only() {
        let mut frames = Frames::default();
        receive(&mut frames, (0..40).filter(|seq| *seq != 9));
        frames.give_up();
        receive(&mut frames, [9]);
        assert_eq!(frames.figures.frames, 2);
        frames.receive(40, Mark { begins_key: true, ..Mark::default() }, 0);
        receive(&mut frames, 41..44);
        assert_eq!((frames.figures.frames, frames.figures.key_frames), (3, 2));
    }

    #[test]
    fn a_pause_of_more_than_three_frames_and_150_ms_is_a_freeze() {
        for (pause_us, freezes) in [(182_000, 0), (184_000, 1)] {
            let mut frames = Frames::default();
            receive(&mut frames, 0..40);
            (40..44).for_each(|seq| frames.receive(seq, mark(seq), 9 * FRAME_US + pause_us));
            let figures = frames.figures;
            assert_eq!((figures.freezes, figures.freeze_us), (freezes, freezes * pause_us));
        }
    }

    #[test]
    fn a_jump_past_the_window_waits_for_a_key_frame() {
        let mut frames = Frames::default();
        receive(&mut frames, 0..8);
        receive(&mut frames, [5_000]);
        assert!(frames.wait_for_key());
    }
}
