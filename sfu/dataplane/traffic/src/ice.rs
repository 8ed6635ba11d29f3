//! The controlling side of ICE towards a lite agent (RFC 8445 §2.5, §7.2): checks until one is answered, then those
//! that keep consent fresh (RFC 7675). One pair: where we send from, and the server's candidate.

use std::net::SocketAddr;

use dataplane_core::stun::{self, Request, TransactionId};

use crate::random::Random;

const CHECK_US: u64 = 50_000;
/// RFC 7675 §5.1: about 5 s, varied by a fifth so that many do not fall into step.
const CONSENT_US: (u64, u64) = (4_000_000, 6_000_000);
const CONSENT_ENDS_US: u64 = 30_000_000;
/// How long the first checks may go unanswered.
const PATIENCE_US: u64 = 10_000_000;
/// A host candidate's as a peer-reflexive one (RFC 8445 §5.1.2).
const PRIORITY: u32 = 0x6E7F_1EFF;
/// Checks that may still be answered; the oldest goes first.
const MAX_PENDING: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub local_ufrag: String,
    pub local_pwd: String,
    pub remote_ufrag: String,
    pub remote_pwd: String,
}

/// What a STUN datagram brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    /// The pair works, for the first time or again after a move.
    Connected,
    /// An answer to the other's check is in the caller's buffer.
    Answer,
}

#[derive(Debug)]
pub struct Agent {
    credentials: Credentials,
    username: String,
    tie_breaker: u64,
    random: Random,
    began_us: u64,
    pending: Vec<(TransactionId, u64)>,
    next_us: u64,
    answered_us: Option<u64>,
    /// The pair in use was answered for.
    valid: bool,
    last_error: Option<u16>,
    rtt_us: Option<u64>,
}

impl Agent {
    #[must_use]
    pub fn new(credentials: Credentials, mut random: Random, now_us: u64) -> Self {
        let username = format!("{}:{}", credentials.remote_ufrag, credentials.local_ufrag);
        Self {
            credentials,
            username,
            tie_breaker: random.draw(),
            random,
            began_us: now_us,
            pending: Vec::with_capacity(MAX_PENDING),
            next_us: now_us,
            answered_us: None,
            valid: false,
            last_error: None,
            rtt_us: None,
        }
    }

    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.next_us
    }

    #[must_use]
    pub fn connected(&self) -> bool {
        self.answered_us.is_some()
    }

    /// Round trip of the last answered check.
    #[must_use]
    pub fn rtt_us(&self) -> Option<u64> {
        self.rtt_us
    }

    /// The next datagrams leave from elsewhere; the server learns it by a check.
    pub fn moved(&mut self, now_us: u64) {
        self.valid = false;
        self.next_us = now_us;
    }

    /// Why we may not send any more.
    #[must_use]
    pub fn failure(&self, now_us: u64) -> Option<&'static str> {
        match (self.answered_us, self.last_error) {
            (Some(answered), _) => {
                (now_us.saturating_sub(answered) >= CONSENT_ENDS_US).then_some("consent ran out (RFC 7675)")
            }
            (None, _) if now_us.saturating_sub(self.began_us) < PATIENCE_US => None,
            (None, Some(_)) => Some("ICE checks were refused"),
            (None, None) => Some("ICE checks were not answered"),
        }
    }

    /// Writes the check that is due.
    pub fn check(&mut self, now_us: u64, out: &mut Vec<u8>) {
        let (head, tail) = (self.random.draw().to_be_bytes(), self.random.draw().to_be_bytes());
        let mut transaction_id = [0; 12];
        transaction_id[..8].copy_from_slice(&head);
        transaction_id[8..].copy_from_slice(&tail[..4]);
        if self.pending.len() == MAX_PENDING {
            self.pending.remove(0);
        }
        self.pending.push((transaction_id, now_us));
        let request = Request {
            transaction_id,
            username: &self.username,
            priority: PRIORITY,
            use_candidate: true,
            controlling: Some(self.tie_breaker),
            controlled: None,
        };
        stun::write_request(out, &request, self.credentials.remote_pwd.as_bytes());
        let wait = if self.valid { self.random.between(CONSENT_US.0, CONSENT_US.1) } else { CHECK_US };
        self.next_us = now_us + wait;
    }

    /// Takes a STUN datagram; `out` holds what to send back when it says so.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now_us: u64, out: &mut Vec<u8>) -> Outcome {
        if let Ok(request) = stun::parse_request(datagram) {
            let ours = request.ufrags().is_some_and(|(ours, _)| ours == self.credentials.local_ufrag);
            let key = self.credentials.local_pwd.as_bytes();
            if ours && stun::verify_integrity(datagram, &request, key) {
                stun::write_success(out, &request.transaction_id, from, key);
                return Outcome::Answer;
            }
            return Outcome::Nothing;
        }
        let Ok(response) = stun::parse_response(datagram, self.credentials.remote_pwd.as_bytes()) else {
            return Outcome::Nothing;
        };
        let Some(at) = self.pending.iter().position(|(id, _)| *id == response.transaction_id) else {
            return Outcome::Nothing;
        };
        if let Err(code) = response.outcome {
            // Refusals are not authenticated (RFC 8489 §9.1.4): told at the end, never believed at once.
            self.last_error = Some(code);
            return Outcome::Nothing;
        }
        if !response.authentic {
            return Outcome::Nothing;
        }
        let (_, sent_us) = self.pending.remove(at);
        self.rtt_us = Some(now_us.saturating_sub(sent_us));
        self.answered_us = Some(now_us);
        if std::mem::replace(&mut self.valid, true) {
            return Outcome::Nothing;
        }
        self.next_us = now_us + self.random.between(CONSENT_US.0, CONSENT_US.1);
        Outcome::Connected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    fn agent() -> Agent {
        let credentials = Credentials {
            local_ufrag: "local".into(),
            local_pwd: "l".repeat(24),
            remote_ufrag: "remote".into(),
            remote_pwd: "r".repeat(24),
        };
        Agent::new(credentials, Random::new(3), 0)
    }

    /// The server's answer to a check.
    fn answer(check: &[u8], key: &str) -> Vec<u8> {
        let request = stun::parse_request(check).unwrap();
        assert_eq!(request.username, "remote:local");
        let mut out = Vec::new();
        stun::write_success(&mut out, &request.transaction_id, HERE, key.as_bytes());
        out
    }

    #[test]
    fn it_is_connected_by_an_authentic_answer_to_its_own_check() {
        let (mut agent, mut out, mut check) = (agent(), Vec::new(), Vec::new());
        agent.check(0, &mut check);
        assert_eq!(agent.receive(&answer(&check, "wrong"), HERE, 1, &mut out), Outcome::Nothing);
        let good = answer(&check, &"r".repeat(24));
        assert_eq!(agent.receive(&good, HERE, 700, &mut out), Outcome::Connected);
        assert_eq!(agent.receive(&good, HERE, 800, &mut out), Outcome::Nothing, "an answer counts once");
        assert_eq!(agent.rtt_us(), Some(700));
        assert!(agent.due_us() >= CONSENT_US.0);
    }

    #[test]
    fn unanswered_it_checks_20_times_a_second_and_gives_up_after_10_s() {
        let (mut agent, mut out, mut checks) = (agent(), Vec::new(), 0);
        while agent.failure(agent.due_us()).is_none() {
            agent.check(agent.due_us(), &mut out);
            checks += 1;
        }
        assert_eq!(checks, 200);
        assert_eq!(agent.failure(PATIENCE_US), Some("ICE checks were not answered"));
    }

    #[test]
    fn consent_runs_out_30_s_after_the_last_answer() {
        let (mut agent, mut out, mut check) = (agent(), Vec::new(), Vec::new());
        agent.check(0, &mut check);
        agent.receive(&answer(&check, &"r".repeat(24)), HERE, 1_000, &mut out);
        assert_eq!(agent.failure(30_000_000), None);
        assert_eq!(agent.failure(30_001_000), Some("consent ran out (RFC 7675)"));
    }

    #[test]
    fn it_answers_a_check_made_with_its_password() {
        let (mut agent, mut out, mut check) = (agent(), Vec::new(), Vec::new());
        let request = Request {
            transaction_id: [4; 12],
            username: "local:remote",
            priority: 1,
            use_candidate: false,
            controlling: None,
            controlled: Some(1),
        };
        stun::write_request(&mut check, &request, b"guessed");
        assert_eq!(agent.receive(&check, HERE, 0, &mut out), Outcome::Nothing);
        stun::write_request(&mut check, &request, "l".repeat(24).as_bytes());
        assert_eq!(agent.receive(&check, HERE, 0, &mut out), Outcome::Answer);
        assert!(stun::parse_response(&out, "l".repeat(24).as_bytes()).unwrap().authentic);
    }

    #[test]
    fn after_a_move_it_checks_at_once() {
        let (mut agent, mut out, mut check) = (agent(), Vec::new(), Vec::new());
        agent.check(0, &mut check);
        agent.receive(&answer(&check, &"r".repeat(24)), HERE, 1_000, &mut out);
        agent.moved(5_000);
        assert_eq!(agent.due_us(), 5_000);
        agent.check(5_000, &mut check);
        let outcome = agent.receive(&answer(&check, &"r".repeat(24)), HERE, 6_000, &mut out);
        assert_eq!(outcome, Outcome::Connected);
    }
}
