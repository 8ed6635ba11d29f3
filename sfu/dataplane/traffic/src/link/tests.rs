use super::*;

const CLEAN: Conditions =
    Conditions { loss: 0.0, burst: None, delay_us: 0, jitter_us: 0, rate_bps: None, queue_us: 300_000 };

/// Whether each of so many datagrams, one a millisecond, was lost.
fn losses(conditions: Conditions, seed: u64, count: u64) -> Vec<bool> {
    let mut link = Link::new(conditions, seed);
    (0..count).map(|number| link.offer(1_000, number * 1_000).is_none()).collect()
}

fn share(lost: &[bool]) -> f64 {
    lost.iter().filter(|&&lost| lost).count() as f64 / lost.len() as f64
}

/// How many losses there are in a row, on average.
fn mean_burst(lost: &[bool]) -> f64 {
    let bursts = lost.chunk_by(|one, other| one == other).filter(|run| run[0]);
    let lens: Vec<_> = bursts.map(<[bool]>::len).collect();
    lens.iter().sum::<usize>() as f64 / lens.len() as f64
}

/// Delays of so many datagrams, one a millisecond; none may be lost.
fn delays(conditions: Conditions, count: u64) -> Vec<u64> {
    let mut link = Link::new(conditions, 7);
    let mut delay = |number| link.offer(1_000, number * 1_000).map(|comes| comes - number * 1_000);
    (0..count).map(|number| delay(number).unwrap_or(NEVER)).collect()
}

#[test]
fn without_conditions_all_comes_at_once() {
    assert!(delays(CLEAN, 1_000).iter().all(|&delay| delay == 0));
}

#[test]
fn about_the_wanted_share_is_lost_each_by_itself() {
    let lost = losses(Conditions { loss: 0.05, ..CLEAN }, 1, 100_000);
    assert!((0.047..0.053).contains(&share(&lost)), "{}", share(&lost));
    assert!((1.03..1.08).contains(&mean_burst(&lost)), "{}", mean_burst(&lost));
}

#[test]
fn in_bursts_the_same_share_is_lost_and_so_many_in_a_row() {
    for mean in [1.0, 3.0, 10.0] {
        let lost = losses(Conditions { loss: 0.05, burst: Some(mean), ..CLEAN }, 1, 200_000);
        assert!((0.045..0.055).contains(&share(&lost)), "{}", share(&lost));
        assert!((0.9 * mean..1.1 * mean).contains(&mean_burst(&lost)), "{}", mean_burst(&lost));
    }
}

#[test]
fn nothing_and_everything_are_lost_when_asked_for() {
    assert!(losses(CLEAN, 3, 10_000).iter().all(|&lost| !lost));
    assert!(losses(Conditions { loss: 1.0, ..CLEAN }, 3, 10_000).iter().all(|&lost| lost));
}

#[test]
fn in_bursts_one_at_least_comes_between_two_of_them_and_with_the_highest_share_just_one() {
    let lost = losses(Conditions { loss: 5.0 / 6.0, burst: Some(5.0), ..CLEAN }, 3, 100_000);
    assert!((0.828..0.839).contains(&share(&lost)), "{}", share(&lost));
    assert!((4.8..5.2).contains(&mean_burst(&lost)), "{}", mean_burst(&lost));
    assert!(lost.windows(2).all(|two| two[0] || two[1]));
}

#[test]
fn the_same_seed_loses_the_same_datagrams_whatever_else_happens_to_them() {
    let lossy = Conditions { loss: 0.1, ..CLEAN };
    assert_eq!(losses(lossy, 5, 1_000), losses(lossy, 5, 1_000));
    assert_ne!(losses(lossy, 5, 1_000), losses(lossy, 6, 1_000));
    let late = Conditions { delay_us: 50_000, jitter_us: 200_000, ..lossy };
    assert_eq!(losses(lossy, 5, 1_000), losses(late, 5, 1_000));
}

#[test]
fn jitter_lies_between_nothing_and_its_most_and_order_is_kept() {
    let delays = delays(Conditions { delay_us: 50_000, jitter_us: 200_000, ..CLEAN }, 60_000);
    assert!(delays.iter().all(|delay| (50_000..=250_000).contains(delay)));
    let mean = delays.iter().sum::<u64>() / delays.len() as u64;
    assert!((130_000..210_000).contains(&mean), "{mean}");
    assert!(*delays.iter().min().unwrap() < 60_000 && *delays.iter().max().unwrap() > 240_000);
    // One leaves each millisecond, so a delay that shrinks faster than that would be an overtaking.
    assert!(delays.windows(2).all(|two| two[1] + 1_000 >= two[0]));
}

#[test]
fn a_wire_takes_its_time_and_drops_what_would_wait_too_long() {
    // 1,000 bytes take 8 ms.
    let mut link = Link::new(Conditions { rate_bps: Some(1_000_000), queue_us: 20_000, ..CLEAN }, 1);
    let comes: Vec<_> = (0..5).map(|_| link.offer(1_000, 0)).collect();
    assert_eq!(comes, [Some(8_000), Some(16_000), Some(24_000), None, None]);
    assert_eq!(link.offer(1_000, 24_000), Some(32_000));
    assert_eq!(link.offer(1_000, 100_000), Some(108_000));
}

#[test]
fn a_line_hands_out_each_datagram_whole_in_order_at_its_time_by_both_clocks() {
    let mut line = Line::new(Conditions { delay_us: 10_000, ..CLEAN }, 1);
    let mut seen = Vec::new();
    // Long enough for its memory to be used round and round.
    for number in 0..2_000_u64 {
        let now_us = number * 5_000;
        let datagram = vec![number as u8; 1 + (number as usize * 37) % 1_400];
        line.offer(&datagram, Arrival { us: now_us, wall_ns: 1_000_000 + now_us * 1_000 });
        assert!(line.due_us() <= now_us + 10_000);
        while let Some((datagram, arrival)) = line.take(now_us) {
            let came = seen.len();
            assert!(datagram.iter().all(|&byte| byte == came as u8));
            assert_eq!(datagram.len(), 1 + (came * 37) % 1_400);
            assert_eq!(arrival.us, came as u64 * 5_000 + 10_000);
            assert_eq!(arrival.wall_ns, 1_000_000 + arrival.us * 1_000);
            seen.push(arrival.us);
        }
    }
    assert_eq!(seen.len(), 1_998);
}

#[test]
fn a_flood_is_held_within_limits_and_empty_datagrams_too() {
    let held = Conditions { delay_us: 5_000_000, ..CLEAN };
    for datagram in [&[0; 1_400][..], &[]] {
        let mut line = Line::new(held, 1);
        for _ in 0..200_000 {
            line.offer(datagram, Arrival::default());
        }
        assert!(line.bytes.len() <= MAX_WAITING_BYTES && line.waiting.len() <= MAX_WAITING);
        let mut count = 0;
        while line.take(NEVER).is_some() {
            count += 1;
        }
        assert!((10_000..=MAX_WAITING).contains(&count));
        assert!(line.bytes.is_empty());
    }
}

#[test]
fn both_directions_have_fates_of_their_own_and_end_with_the_network() {
    let mut network = Network::new(Conditions { loss: 0.5, ..CLEAN }, Conditions { loss: 0.5, ..CLEAN }, 9);
    for number in 0..200_u8 {
        for line in [&mut network.up, &mut network.down] {
            line.offer(&[number], Arrival::default());
        }
    }
    assert_ne!(network.up.bytes, network.down.bytes);
    assert_eq!(network.due_us(), 0);
    network.moved();
    assert_eq!(network.due_us(), NEVER);
    assert!(network.up.take(NEVER).is_none());
}
