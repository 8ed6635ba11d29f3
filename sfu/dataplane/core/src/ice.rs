//! ICE-lite for one transport (RFC 8445 §2.5): which path to use, decided by the peer's authenticated checks alone.
//!
//! We never send checks. The first valid check gives a path at once, since DTLS begins before nomination; from then on
//! the latest nominated one is used. After a restart the old path stays until one is nominated with the new credentials.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use crate::outbox::Path;
use crate::stun::TransactionId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    pub pwd: String,
}

/// Addresses one transport may be spoken to from at a time; the one unused for longest goes first.
const MAX_REMOTES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathChange {
    Same,
    First,
    Moved,
}

/// What a valid check brought about.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub change: PathChange,
    /// A source that is no longer this transport's.
    pub removed: Option<SocketAddr>,
}

/// Checks that were seen, by the head of their transaction ids. MESSAGE-INTEGRITY shows who made a check, not when or
/// where from: whoever overheard one could send it again and pull the path to himself. Peers take a fresh random id for
/// each check (RFC 8489 §6), so one that was seen says nothing any more.
///
/// A browser sends about one in two seconds once it is connected; this many last for the longest consultation.
const SEEN_CHECKS: usize = 4096;

#[derive(Default)]
struct SeenChecks {
    ids: HashSet<u64>,
    order: VecDeque<u64>,
}

impl SeenChecks {
    /// False when the id was seen before.
    fn note(&mut self, transaction_id: &TransactionId) -> bool {
        let [head @ .., _, _, _, _] = *transaction_id;
        let head = u64::from_ne_bytes(head);
        if !self.ids.insert(head) {
            return false;
        }
        if self.order.len() >= SEEN_CHECKS
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.order.push_back(head);
        true
    }
}

/// A check whose MESSAGE-INTEGRITY was right.
#[derive(Clone, Copy)]
pub struct ValidCheck<'a> {
    pub ufrag: &'a str,
    pub transaction_id: TransactionId,
    pub path: Path,
    pub use_candidate: bool,
}

pub struct Ice {
    current: Credentials,
    previous: Option<Credentials>,
    path: Option<Path>,
    nominated: bool,
    /// The path was nominated with `current`.
    path_is_current: bool,
    remotes: Vec<(SocketAddr, u64)>,
    last_check_us: Option<u64>,
    seen: SeenChecks,
}

impl Ice {
    pub fn new(credentials: Credentials) -> Self {
        Self {
            current: credentials,
            previous: None,
            path: None,
            nominated: false,
            path_is_current: false,
            remotes: Vec::new(),
            last_check_us: None,
            seen: SeenChecks::default(),
        }
    }

    /// Returns the user name fragment that is no longer valid, if any.
    pub fn restart(&mut self, credentials: Credentials) -> Option<String> {
        let current = std::mem::replace(&mut self.current, credentials);
        self.path_is_current = false;
        self.previous.replace(current).map(|forgotten| forgotten.ufrag)
    }

    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(&self.previous).map(|credentials| credentials.ufrag.as_str())
    }

    pub fn password(&self, ufrag: &str) -> Option<&str> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|credentials| credentials.ufrag == ufrag)
            .map(|credentials| credentials.pwd.as_str())
    }

    /// Takes a valid check in. `None`: it was sent before, from another address, and must not even be answered.
    pub fn checked(&mut self, check: &ValidCheck<'_>, now_us: u64) -> Option<Outcome> {
        let mut outcome = Outcome { change: PathChange::Same, removed: None };
        if !self.seen.note(&check.transaction_id) {
            // From an address of its own the peer may repeat a check whose answer was lost.
            return self.remotes().any(|known| known == check.path.remote).then_some(outcome);
        }
        self.last_check_us = Some(now_us);
        outcome.removed = self.note_remote(check.path.remote, now_us);
        outcome.change = self.choose(check.ufrag, check.path, check.use_candidate);
        Some(outcome)
    }

    fn choose(&mut self, ufrag: &str, path: Path, use_candidate: bool) -> PathChange {
        let is_current = ufrag == self.current.ufrag;
        let take = match self.path {
            None => true,
            Some(_) if !use_candidate => false,
            // Once the restart has its path, what the old credentials nominate comes too late.
            Some(_) => is_current || !self.path_is_current || !self.nominated,
        };
        if !take {
            return PathChange::Same;
        }
        self.nominated |= use_candidate;
        self.path_is_current = is_current && (use_candidate || self.path.is_none());
        match self.path.replace(path) {
            None => PathChange::First,
            Some(old) if old == path => PathChange::Same,
            Some(_) => PathChange::Moved,
        }
    }

    fn note_remote(&mut self, remote: SocketAddr, now_us: u64) -> Option<SocketAddr> {
        if let Some(known) = self.remotes.iter_mut().find(|known| known.0 == remote) {
            known.1 = now_us;
            return None;
        }
        let mut removed = None;
        if self.remotes.len() >= MAX_REMOTES {
            let in_use = self.path.map(|path| path.remote);
            let oldest = (0..self.remotes.len())
                .filter(|&at| Some(self.remotes[at].0) != in_use)
                .min_by_key(|&at| self.remotes[at].1);
            removed = oldest.map(|at| self.remotes.swap_remove(at).0);
        }
        self.remotes.push((remote, now_us));
        removed
    }

    /// Whether a valid check came from this address at or after a time.
    pub fn heard_from(&self, remote: &SocketAddr, since_us: u64) -> bool {
        self.remotes.iter().any(|known| known.0 == *remote && known.1 >= since_us)
    }

    pub fn path(&self) -> Option<Path> {
        self.path
    }

    pub fn remotes(&self) -> impl Iterator<Item = SocketAddr> {
        self.remotes.iter().map(|known| known.0)
    }

    /// When consent runs out (RFC 7675 §5.1, judged by the peer's checks since a lite agent sends none).
    pub fn consent_ends_us(&self, timeout_us: u64) -> Option<u64> {
        self.path?;
        self.last_check_us.map(|last| last + timeout_us)
    }

    /// Consent is gone: nothing may be sent until the peer checks again.
    pub fn expire(&mut self) {
        self.path = None;
        self.nominated = false;
        self.path_is_current = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(ufrag: &str) -> Credentials {
        Credentials { ufrag: ufrag.into(), pwd: "p".repeat(24) }
    }

    fn path(port: u16) -> Path {
        Path { remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
    }

    /// A check with a transaction id of its own.
    fn check(ice: &mut Ice, ufrag: &str, path: Path, use_candidate: bool, now_us: u64) -> Outcome {
        let mut transaction_id = [0; 12];
        transaction_id[..8].copy_from_slice(&now_us.to_ne_bytes());
        ice.checked(&ValidCheck { ufrag, transaction_id, path, use_candidate }, now_us).expect("a fresh check")
    }

    #[test]
    fn the_first_valid_check_gives_a_path_without_nomination() {
        let mut ice = Ice::new(credentials("a"));
        assert_eq!(check(&mut ice, "a", path(1), false, 0).change, PathChange::First);
        assert_eq!(check(&mut ice, "a", path(2), false, 1).change, PathChange::Same);
        assert_eq!(ice.path(), Some(path(1)));
    }

    #[test]
    fn the_latest_nominated_path_is_used() {
        let mut ice = Ice::new(credentials("a"));
        check(&mut ice, "a", path(1), false, 0);
        assert_eq!(check(&mut ice, "a", path(2), true, 1).change, PathChange::Moved);
        assert_eq!(check(&mut ice, "a", path(2), true, 2).change, PathChange::Same);
        assert_eq!(check(&mut ice, "a", path(3), true, 3).change, PathChange::Moved, "a NAT gave a new port");
    }

    #[test]
    fn after_a_restart_the_old_path_stays_until_a_new_one_is_nominated() {
        let mut ice = Ice::new(credentials("a"));
        check(&mut ice, "a", path(1), true, 0);
        assert_eq!(ice.restart(credentials("b")), None);
        assert_eq!(check(&mut ice, "b", path(2), false, 1).change, PathChange::Same);
        assert_eq!(check(&mut ice, "a", path(1), true, 2).change, PathChange::Same);
        assert_eq!(ice.path(), Some(path(1)));
        assert_eq!(check(&mut ice, "b", path(2), true, 3).change, PathChange::Moved);
        assert_eq!(check(&mut ice, "a", path(1), true, 4).change, PathChange::Same, "too late");
        assert_eq!(ice.path(), Some(path(2)));
    }

    #[test]
    fn only_the_last_two_sets_of_credentials_are_valid() {
        let mut ice = Ice::new(credentials("a"));
        ice.restart(credentials("b"));
        assert_eq!(ice.restart(credentials("c")), Some("a".into()));
        assert!(ice.password("a").is_none() && ice.password("b").is_some() && ice.password("c").is_some());
    }

    #[test]
    fn sources_are_limited_and_the_used_one_is_never_forgotten() {
        let mut ice = Ice::new(credentials("a"));
        check(&mut ice, "a", path(1), true, 0);
        let removed: Vec<_> =
            (2..=12).filter_map(|port| check(&mut ice, "a", path(port), false, u64::from(port)).removed).collect();
        assert_eq!(removed.len(), 4);
        assert!(ice.remotes().any(|remote| remote == path(1).remote));
    }

    #[test]
    fn consent_lasts_from_the_last_check_and_a_new_one_revives_it() {
        let mut ice = Ice::new(credentials("a"));
        assert_eq!(ice.consent_ends_us(30), None);
        check(&mut ice, "a", path(1), true, 100);
        assert_eq!(ice.consent_ends_us(30), Some(130));
        ice.expire();
        assert_eq!(ice.path(), None);
        assert_eq!(check(&mut ice, "a", path(1), true, 200).change, PathChange::First);
    }

    #[test]
    fn a_check_that_was_overheard_and_sent_again_from_elsewhere_moves_nothing() {
        let mut ice = Ice::new(credentials("a"));
        let overheard = ValidCheck { ufrag: "a", transaction_id: [9; 12], path: path(1), use_candidate: true };
        assert!(ice.checked(&overheard, 0).is_some());
        assert_eq!(ice.checked(&ValidCheck { path: path(66), ..overheard }, 1_000), None);
        let repeated = ice.checked(&overheard, 20_000_000).expect("a retransmission is answered");
        assert_eq!(repeated, Outcome { change: PathChange::Same, removed: None });
        assert_eq!(ice.consent_ends_us(30_000_000), Some(30_000_000), "and does not prolong consent");
        assert_eq!(ice.path(), Some(path(1)));
    }

    #[test]
    fn checks_are_remembered_for_long_and_not_without_end() {
        let mut ice = Ice::new(credentials("a"));
        for n in 0..2 * SEEN_CHECKS as u64 {
            check(&mut ice, "a", path(1), true, n);
        }
        assert_eq!((ice.seen.ids.len(), ice.seen.order.len()), (SEEN_CHECKS, SEEN_CHECKS));
    }
}
