"""The ends of streams: what was sent and never came, and how long a picture has stood still."""

from loadtest.events import TrackId
from loadtest.participant import ParticipantFigures, ReceivedTrack, SentTrack
from loadtest.tool.tails import STILL_S, Counted, Seen, Tails

TRACK = ReceivedTrack(TrackId("t"), "video")
PER_S = 50


def alive(at_s: float, *, on_the_way: int = 0) -> Seen:
    """All that was sent has come, but for what is on its way; half of it are frames."""
    came = max(0, round(at_s * PER_S) - on_the_way)
    return Seen(at_s, sent=round(at_s * PER_S), expected=came, packets=came, frames=came // 2)


def silent_since(died_s: float, at_s: float, *, on_the_way: int = 0) -> Seen:
    last = alive(died_s, on_the_way=on_the_way)
    return Seen(at_s, round(at_s * PER_S), last.expected, last.packets, last.frames)


def after(*looks: Seen) -> ReceivedTrack:
    tails = Tails()
    return [tails.with_tail(TRACK, look) for look in looks][-1]


def test_while_packets_come_nothing_is_added() -> None:
    for on_the_way in (0, 20):
        assert after(*(alive(n, on_the_way=on_the_way) for n in range(5))) == TRACK


def test_all_that_was_sent_since_the_last_packet_is_lost_once_it_is_silent_for_long() -> None:
    assert after(alive(0), alive(1), silent_since(1.5, 2)).lost == 0
    assert after(alive(0), alive(1), silent_since(1.5, 2), silent_since(1.5, 2.5)).lost == 0
    track = after(alive(0), alive(1), *(silent_since(1.5, n) for n in (2, 3, 4)))
    assert (track.lost, track.expected) == (2.5 * PER_S, 2.5 * PER_S)


def test_what_usually_is_on_its_way_is_not_taken_for_lost() -> None:
    looks = [alive(n, on_the_way=20) for n in range(3)]
    track = after(*looks, *(silent_since(2.5, n, on_the_way=20) for n in (3, 4, 5)))
    assert track.lost == 2.5 * PER_S


def test_a_track_that_never_came_at_all_has_lost_everything() -> None:
    assert after(*(silent_since(0, n) for n in range(4))).lost == 3 * PER_S


def test_a_freeze_that_has_not_ended_counts_with_its_length_so_far() -> None:
    track = after(alive(0), alive(1), *(silent_since(1.5, n) for n in (2, 3, 4, 5)))
    assert (track.freezes, track.freeze_ms) == (1, 3000)


def test_a_picture_can_stand_still_while_its_packets_come() -> None:
    stuck = [Seen(n, n * PER_S, n * PER_S, n * PER_S, frames=10) for n in range(4)]
    track = after(*stuck)
    assert (track.lost, track.freezes, track.freeze_ms) == (0, 1, 3000)


def test_sound_and_a_camera_that_sends_nothing_do_not_freeze() -> None:
    sound = [Seen(n, n * PER_S, n * PER_S, n * PER_S) for n in range(4)]
    assert after(*sound).freezes == 0
    off = [Seen(n, 100, 100, 100, 10) for n in range(4)]
    assert after(*off) == TRACK


def test_when_it_comes_again_the_numbers_inside_tell_and_nothing_is_added() -> None:
    track = after(alive(0), alive(1), *(silent_since(1, n) for n in (2, 3)), alive(4), alive(5))
    assert track == TRACK


def test_frames_far_apart_are_waited_for() -> None:
    tails = Tails(still_s=3 * STILL_S)
    looks = (alive(0), alive(1), silent_since(1, 2), silent_since(1, 3))
    assert [tails.with_tail(TRACK, look) for look in looks] == [TRACK] * 4


def test_counts_go_on_where_figures_begin_anew() -> None:
    counted = Counted()
    received = ReceivedTrack(TrackId("t"), "video", packets=8, expected=9, frames=2)
    counted.add(ParticipantFigures((received,), (SentTrack("video", packets=7),)))
    assert counted.seen(received, 30, 1.0) == Seen(1.0, sent=30, expected=18, packets=16, frames=4)
    assert counted.sent["video"] == 7
