//! How many packets of a stream there should be, by the numbers inside them, and how many came.
//!
//! Most packets are not opened. From the last opened one on, sequence numbers tell how many more there were; the next
//! opened one corrects that. So a server that renumbers what it lost is found out at the next opened packet.

/// A number inside that leaps by more than sequence numbers did, and by more than this, is of another stream's count.
const LARGEST_LEAP: u64 = 65_536;

#[derive(Clone, Copy, Debug)]
struct Known {
    stream: u32,
    first: u64,
    /// Number and packet index of the newest opened packet.
    number: u64,
    index: u64,
}

#[derive(Debug, Default)]
pub struct Account {
    known: Option<Known>,
    highest: u64,
    /// What was expected of counts that ended, for another began under the same SSRC.
    carried: u64,
    received: u64,
    before: (u64, u64),
}

/// What stands for the stream of packets without a stamp, whose numbers are their sequence numbers.
const FOREIGN: u32 = u32::MAX;

impl Account {
    /// A packet was opened: `number` is what it says of itself, `index` its unwrapped sequence number.
    pub fn note(&mut self, stream: u32, number: u32, index: u64) {
        self.note_known(stream, u64::from(number), index);
    }

    pub fn note_foreign(&mut self, index: u64) {
        self.note_known(FOREIGN, index, index);
    }

    fn note_known(&mut self, stream: u32, number: u64, index: u64) {
        let Some(known) = &mut self.known else {
            self.known = Some(Known { stream, first: number, number, index });
            self.highest = index;
            return;
        };
        if stream == known.stream && index <= known.index {
            // Out of order; it may be from before the first.
            if number < known.first && known.first - number <= LARGEST_LEAP {
                known.first = number;
            }
            return;
        }
        let steps = index.saturating_sub(known.index);
        let goes_on = stream == known.stream && number > known.number && number - known.number <= steps + LARGEST_LEAP;
        if goes_on {
            (known.number, known.index) = (number, index);
        } else {
            let until = index.max(known.index + 1) - 1;
            self.carried += known.number - known.first + 1 + until.saturating_sub(known.index);
            self.known = Some(Known { stream, first: number, number, index });
        }
        self.highest = self.highest.max(index);
    }

    /// A packet came that was not there before.
    pub fn receive(&mut self, index: u64) {
        self.received += 1;
        self.highest = self.highest.max(index);
    }

    fn expected(&self) -> u64 {
        let current = self.known.map_or(0, |known| known.number - known.first + 1 + (self.highest - known.index));
        self.carried + current
    }

    pub fn reset_window(&mut self) {
        self.before = (self.received, self.expected());
    }

    /// (received, expected) since the window began.
    pub fn window(&self) -> (u64, u64) {
        (self.received - self.before.0, self.expected().saturating_sub(self.before.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of 100 packets whose numbers inside are 1,000 more; those in `lost` never come.
    fn after(lost: &[u64], opened: impl Fn(u64) -> bool, renumbered: bool) -> Account {
        let mut account = Account::default();
        let mut hidden = 0;
        for n in 0..100 {
            if lost.contains(&n) {
                hidden += u64::from(renumbered);
                continue;
            }
            let index = 500 + n - hidden;
            if opened(n) {
                account.note(7, 1_000 + n as u32, index);
            }
            account.receive(index);
        }
        account
    }

    #[test]
    fn what_is_missing_is_lost_opened_or_not() {
        for every in [1, 8] {
            let account = after(&[3, 50, 51], |n| n % every == 0, false);
            assert_eq!(account.window(), (97, 100), "one in {every}");
        }
    }

    #[test]
    fn renumbering_hides_no_loss() {
        let account = after(&[3, 50, 51], |n| n % 8 == 0, true);
        assert_eq!(account.window(), (97, 100));
    }

    #[test]
    fn the_end_of_a_stream_is_counted_by_sequence_numbers() {
        let account = after(&[97], |n| n == 0, false);
        assert_eq!(account.window(), (99, 100));
    }

    #[test]
    fn another_stream_under_the_same_ssrc_is_counted_for_itself() {
        let mut account = after(&[], |_| true, false);
        account.note(8, 5, 600);
        account.receive(600);
        account.note(8, 6, 601);
        account.receive(601);
        assert_eq!(account.window(), (102, 102));
    }

    #[test]
    fn a_window_begins_anew() {
        let mut account = after(&[3], |_| true, false);
        account.reset_window();
        assert_eq!(account.window(), (0, 0));
        account.note(7, 1_102, 602);
        account.receive(602);
        assert_eq!(account.window(), (1, 3));
    }
}
