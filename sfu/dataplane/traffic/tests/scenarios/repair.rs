use dataplane_core::rtcp::Packet;

use crate::stage::{AUDIO, MS, Stage, VIDEO, VIDEO_RTX};

const S: u64 = 1_000 * MS;

#[test]
fn a_lost_packet_is_asked_for_and_restored() {
    for open_one_in in [1, 8] {
        let mut stage = Stage::new(open_one_in);
        stage.run(5 * S, |header, count| header.ssrc == VIDEO && count % 50 == 49);
        let video = stage.video();
        assert!(video.mended > 5, "{}", video.mended);
        assert_eq!((video.lost, video.plis, video.key_frames), (0, 0, 1));
        assert!((145..=150).contains(&video.frames), "{}", video.frames);
        assert_eq!(stage.sent(VIDEO).retransmitted, video.mended);
        assert_eq!(stage.sent(VIDEO).nacks, video.nacks);
    }
}

#[test]
fn it_asks_once_it_has_waited_for_what_may_be_out_of_order() {
    let mut stage = Stage::new(8);
    stage.run(S, |_, _| false);
    let mut lost = None;
    let mut waited_us = 0;
    while stage.asked(|packet| matches!(packet, Packet::Nack { .. })) == 0 {
        stage.run(MS, |header, _| {
            let first = header.ssrc == VIDEO && lost.is_none();
            if first {
                lost = Some(header.seq);
            }
            first
        });
        waited_us += if lost.is_some() { MS } else { 0 };
    }
    // The link both ways is 10 ms, the wait another 10, and the next packet comes within a frame.
    assert!((20 * MS..60 * MS).contains(&waited_us), "{waited_us}");
}

#[test]
fn a_packet_that_never_comes_is_asked_for_ten_times_then_a_key_frame() {
    let mut stage = Stage::new(8);
    stage.run(S, |_, _| false);
    let mut lost = None;
    let mut never = |header: &dataplane_core::rtp::Header, _| {
        if header.ssrc == VIDEO && lost.is_none() {
            lost = Some(header.seq);
            return true;
        }
        // And no retransmission comes through.
        header.ssrc == VIDEO_RTX
    };
    stage.run(3 * S, &mut never);
    let video = stage.video();
    assert!((8..=10).contains(&video.nacks), "{}", video.nacks);
    assert_eq!((video.lost, video.plis, video.key_frames, video.freezes), (1, 1, 2, 1));
    assert!(video.freeze_us > 200 * MS);
    assert_eq!(stage.sent(VIDEO).plis, 1);
    assert!(video.frames > 80, "it goes on behind the key frame: {}", video.frames);
}

#[test]
fn sound_is_never_asked_for_again() {
    let mut stage = Stage::new(8);
    stage.run(5 * S, |header, count| header.ssrc == AUDIO && count % 5 == 0);
    let audio = stage.received(AUDIO);
    assert!(audio.lost > 20);
    assert_eq!((audio.nacks, audio.expected), (0, audio.packets + audio.lost));
    assert_eq!(stage.asked(|packet| matches!(packet, Packet::Nack { .. })), 0);
}

#[test]
fn who_comes_in_between_asks_for_a_key_frame() {
    let mut stage = Stage::new(8);
    stage.run(S, |_, _| true);
    stage.run(2 * S, |_, _| false);
    let video = stage.video();
    assert_eq!((video.plis, video.key_frames), (1, 1));
    assert!(video.frames > 40);
}

#[test]
fn duplicates_count_once() {
    let mut stage = Stage::new(8);
    stage.run(S, |_, _| false);
    let before = stage.video();
    stage.receiver.reset_window(stage.now_us);
    assert_eq!(stage.video().packets, 0);
    stage.run(S, |_, _| false);
    let after = stage.video();
    assert_eq!((after.duplicates, after.lost, before.lost), (0, 0, 0));
}
