//! When to ask a publisher for a key frame: requests are merged, spaced, repeated until one comes, and never lost
//! (RFC 4585 §6.3.1).

/// Two requests to one publisher are at least this far apart, whoever asks.
const SPACING_US: u64 = 400_000;
/// The wait doubles this often while none is answered.
const MAX_DOUBLINGS: u32 = 3;
/// A viewer that asks again and again (its decoder is broken) is made to wait longer each time, up to this.
const PATIENCE_MAX_US: u64 = 4_000_000;
/// A viewer that kept quiet for this long starts afresh.
const FORGIVEN_AFTER_US: u64 = 5_000_000;

/// The requests towards one publisher's track.
#[derive(Default)]
pub struct KeyframeRequests {
    due_us: Option<u64>,
    last_sent_us: Option<u64>,
    unanswered: u32,
}

impl KeyframeRequests {
    /// Somebody needs a key frame, not before `not_before_us`.
    pub fn want(&mut self, not_before_us: u64) {
        let due = self.last_sent_us.map_or(not_before_us, |last| not_before_us.max(last + SPACING_US));
        self.due_us = Some(self.due_us.map_or(due, |earlier| earlier.min(due)));
    }

    /// A key frame began: whoever wanted one has it.
    pub fn satisfied(&mut self) {
        self.forget();
    }

    /// Nobody wants one any more.
    pub fn forget(&mut self) {
        self.due_us = None;
        self.unanswered = 0;
    }

    pub fn next_due_us(&self) -> Option<u64> {
        self.due_us
    }

    /// True when a request is to be sent now. It stays wanted, and is repeated, until `satisfied`.
    pub fn take_due(&mut self, now_us: u64) -> bool {
        if self.due_us.is_none_or(|due| due > now_us) {
            return false;
        }
        self.last_sent_us = Some(now_us);
        self.due_us = Some(now_us + (SPACING_US << self.unanswered.min(MAX_DOUBLINGS)));
        self.unanswered += 1;
        true
    }
}

/// How often one viewer may cause a request.
#[derive(Default)]
pub struct Patience {
    last_asked_us: Option<u64>,
    wait_us: u64,
    free_at_us: u64,
}

impl Patience {
    /// The viewer asks now; returns from when on its request counts.
    pub fn ask(&mut self, now_us: u64) -> u64 {
        let quiet = self.last_asked_us.is_none_or(|last| now_us.saturating_sub(last) > FORGIVEN_AFTER_US);
        self.last_asked_us = Some(now_us);
        if quiet {
            self.wait_us = SPACING_US;
            self.free_at_us = now_us + self.wait_us;
            return now_us;
        }
        if now_us >= self.free_at_us {
            self.wait_us = (self.wait_us * 2).min(PATIENCE_MAX_US);
            self.free_at_us = now_us + self.wait_us;
            return now_us;
        }
        self.free_at_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_out_at_once_and_is_repeated_until_the_key_frame_comes() {
        let mut requests = KeyframeRequests::default();
        requests.want(1_000);
        assert!(requests.take_due(1_000));
        assert!(!requests.take_due(200_000));
        assert!(requests.take_due(1_000 + SPACING_US));
        requests.satisfied();
        assert!(!requests.take_due(10_000_000));
    }

    #[test]
    fn a_publisher_that_does_not_answer_is_asked_more_rarely() {
        let mut requests = KeyframeRequests::default();
        requests.want(0);
        let asked = (0..6_000).filter(|ms| requests.take_due(ms * 10_000)).count();
        assert!((18..=24).contains(&asked), "{asked} in a minute");
    }

    #[test]
    fn requests_inside_the_spacing_are_merged_and_not_lost() {
        let mut requests = KeyframeRequests::default();
        requests.want(0);
        assert!(requests.take_due(0));
        requests.satisfied();
        requests.want(100_000);
        requests.want(200_000);
        assert!(!requests.take_due(300_000));
        assert!(requests.take_due(SPACING_US), "remembered to the end of the window");
    }

    #[test]
    fn a_viewer_that_never_stops_asking_gets_rarer_key_frames() {
        let mut patience = Patience::default();
        let counted = (0..600).map(|n| n * 100_000).filter(|&now| patience.ask(now) == now).count();
        assert!((15..=22).contains(&counted), "{counted} in a minute");
        assert_eq!(patience.ask(100_000_000), 100_000_000, "forgiven after silence");
    }
}
