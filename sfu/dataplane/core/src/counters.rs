//! Node-wide counters. Workers count privately during a round and add the sums once, so that they do not fight over
//! cache lines.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// What one worker counted in one round.
        #[derive(Default)]
        pub struct Tally { $(pub $name: u64,)* }

        /// The sums of all workers; they only grow.
        #[derive(Default)]
        pub struct Counters { $($name: AtomicU64,)* }

        impl Counters {
            pub fn add(&self, tally: &mut Tally) {
                $(if tally.$name != 0 {
                    self.$name.fetch_add(std::mem::take(&mut tally.$name), Ordering::Relaxed);
                })*
            }

            /// Name and value of each, in the order of their declaration.
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters!(
    packets_received,
    bytes_received,
    packets_sent,
    bytes_sent,
    audio_packets_received,
    video_packets_received,
    audio_packets_sent,
    video_packets_sent,
    packets_lost_upstream,
    stun_requests,
    stun_rejected,
    dtls_received,
    unknown_source,
    malformed,
    auth_failures,
    replays,
    unbound,
    nacks_sent,
    nacks_received,
    plis_sent,
    plis_received,
    rtx_received,
    rtx_sent,
    rate_limited,
    send_errors,
);
