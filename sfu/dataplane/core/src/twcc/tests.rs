use super::*;
use crate::rtcp::{self, Packet};

const MS: u64 = 1_000;

/// A message: its base sequence, and each packet with its arrival in µs.
type Told = (u16, Vec<(u16, Option<i64>)>);

/// All feedback that is due.
fn feedback(recorder: &mut Recorder) -> Vec<Told> {
    let mut messages = Vec::new();
    loop {
        let mut out = Vec::new();
        let more = recorder.write_feedback(&mut out, 1, 2);
        if out.is_empty() {
            return messages;
        }
        assert!(out.len() <= MAX_PACKET_LEN && out.len() % 4 == 0);
        let mut packets = rtcp::packets(&out);
        let Some(Ok(Packet::TransportCc { sender: 1, media: 2, fci })) = packets.next() else { panic!() };
        assert!(packets.next().is_none());
        let feedback = Feedback::parse(fci).unwrap();
        messages.push((feedback.base_seq, feedback.packets().collect()));
        if !more {
            assert_eq!(recorder.pending(), 0);
            return messages;
        }
    }
}

fn recorded(arrivals: impl IntoIterator<Item = (u16, u64)>) -> Recorder {
    let mut recorder = Recorder::new();
    for (seq, arrival_us) in arrivals {
        recorder.record(seq, arrival_us);
    }
    recorder
}

#[test]
fn arrivals_and_losses_are_told_of() {
    let mut recorder = recorded([(10, 70 * MS), (11, 71 * MS), (13, 75 * MS)]);
    assert_eq!(recorder.pending(), 3);
    let expected = vec![(10, Some(70_000)), (11, Some(71_000)), (12, None), (13, Some(75_000))];
    assert_eq!(feedback(&mut recorder), [(10, expected)]);
    assert_eq!(feedback(&mut recorder), []);
}

#[test]
fn the_packet_is_laid_out_as_the_draft_says() {
    let mut out = Vec::new();
    recorded([(5, 64 * MS), (6, 64 * MS + 250), (8, 200 * MS)]).write_feedback(&mut out, 1, 2);
    let header = [0xAF, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2];
    let fci = [0, 5, 0, 4, 0, 0, 1, 0, 0b1101_0100, 0b1000_0000, 0, 1, 0x02, 0x1F, 0, 2];
    assert_eq!(out[..12], header);
    assert_eq!(out[12..], fci);
}

#[test]
fn losses_between_two_feedbacks_belong_to_the_second() {
    let mut recorder = recorded([(1, 0)]);
    feedback(&mut recorder);
    recorder.record(4, MS);
    assert_eq!(feedback(&mut recorder), [(2, vec![(2, None), (3, None), (4, Some(1_000))])]);
}

#[test]
fn a_packet_out_of_order_has_a_negative_delta() {
    let mut recorder = recorded([(1, 100 * MS), (3, 101 * MS), (2, 105 * MS)]);
    let expected = vec![(1, Some(100_000)), (2, Some(105_000)), (3, Some(101_000))];
    assert_eq!(feedback(&mut recorder), [(1, expected)]);
}

#[test]
fn one_that_was_told_of_as_lost_is_told_of_again() {
    let mut recorder = recorded([(1, 0), (3, MS)]);
    feedback(&mut recorder);
    recorder.record(2, 2 * MS);
    recorder.record(4, 3 * MS);
    let expected = vec![(2, Some(2_000)), (3, Some(1_000)), (4, Some(3_000))];
    assert_eq!(feedback(&mut recorder), [(2, expected)]);
}

#[test]
fn of_two_arrivals_the_first_counts() {
    let mut recorder = recorded([(1, 0), (2, MS), (1, 9 * MS)]);
    assert_eq!(recorder.pending(), 2);
    assert_eq!(feedback(&mut recorder), [(1, vec![(1, Some(0)), (2, Some(1_000))])]);
}

#[test]
fn it_begins_anywhere_and_goes_on_across_the_wrap() {
    let mut recorder = recorded([(65_535, 0), (0, MS), (65_534, 2 * MS)]);
    let expected = vec![(65_534, Some(2_000)), (65_535, Some(0)), (0, Some(1_000))];
    assert_eq!(feedback(&mut recorder), [(65_534, expected)]);
}

#[test]
fn a_pause_too_long_for_a_delta_splits_the_feedback() {
    let mut recorder = recorded([(1, 0), (3, 60_000 * MS)]);
    let expected = [(1, vec![(1, Some(0)), (2, None)]), (3, vec![(3, Some(60_000_000))])];
    assert_eq!(feedback(&mut recorder), expected);
}

#[test]
fn many_packets_are_split_by_size_and_none_is_left_out() {
    // Alternating between 0 and 100 ms ahead makes every delta a large one.
    let arrivals: Vec<_> =
        (0..CAPACITY as u16).map(|seq| (seq, u64::from(seq) * MS + u64::from(seq % 2) * 100 * MS)).collect();
    let messages = feedback(&mut recorded(arrivals.clone()));
    assert!(messages.len() > 1);
    let told: Vec<_> = messages.into_iter().flat_map(|(_, packets)| packets).collect();
    let expected: Vec<_> = arrivals.into_iter().map(|(seq, us)| (seq, Some(us as i64))).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_jump_beyond_the_memory_keeps_only_what_it_holds() {
    let mut recorder = recorded([(1, 0), (2, 0), (20_000, MS)]);
    let messages = feedback(&mut recorder);
    let told: Vec<_> = messages.into_iter().flat_map(|(_, packets)| packets).collect();
    assert_eq!(
        (told.len(), told[0], *told.last().unwrap()),
        (CAPACITY, (20_001 - CAPACITY as u16, None), (20_000, Some(1_000)))
    );
    recorder.record(2, 2 * MS);
    assert_eq!(recorder.pending(), 0, "too old");
}

#[test]
fn feedback_messages_are_counted() {
    let mut recorder = Recorder::new();
    for count in 0..300_u16 {
        recorder.record(count, 0);
        let mut out = Vec::new();
        recorder.write_feedback(&mut out, 1, 2);
        assert_eq!(Feedback::parse(&out[12..]).unwrap().feedback_count, count as u8);
    }
}

#[test]
fn long_runs_take_one_chunk() {
    let mut out = Vec::new();
    recorded([(0, 0), (1_000, MS)]).write_feedback(&mut out, 1, 2);
    // A vector for the arrival and the losses behind it, one run, and what is left with the last arrival.
    assert!(out.len() <= HEADER_LEN + 3 * 2 + 2 + 2, "{}", out.len());
}

#[test]
fn the_reserved_status_and_missing_parts_are_refused() {
    let run = |symbol: u16, len: u16| (symbol << 13 | len).to_be_bytes();
    let message = |count: u16, rest: &[u8]| {
        let mut fci = vec![0, 1];
        fci.extend(count.to_be_bytes());
        fci.extend([0, 0, 0, 0]);
        fci.extend(rest);
        Feedback::parse(&fci).map(|feedback| feedback.packets().count())
    };
    assert_eq!(message(2, &[&run(1, 2)[..], &[0, 0]].concat()), Ok(2));
    assert_eq!(message(2, &[&run(1, 2)[..], &[0]].concat()), Err(FeedbackError));
    assert_eq!(message(3, &[&run(1, 2)[..], &[0, 0]].concat()), Err(FeedbackError));
    assert_eq!(message(1, &run(3, 1)), Err(FeedbackError));
    assert_eq!(message(1, &[]), Err(FeedbackError));
    assert_eq!(Feedback::parse(&[0; 7]), Err(FeedbackError));
}
