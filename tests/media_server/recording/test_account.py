"""The account of a recording: what happened becomes lines, each gap with its cause."""

from media_server.recording import Gap, GapCause, Segment, Track, TrackEnd
from media_server.recording.account import MAX_MUTES_A_BATCH, Account, losses, segment_line
from media_server.recording.store import Sealed
from sfu import TapBatch, TappedTrack

SEALED = Sealed(sha256="ab" * 32, size=4096)


def a_track(label: int = 1, *, id: str = "t-1", muted: bool = False) -> Track:
    return Track(
        label=label,
        id=id,
        participant="p-1",
        kind="audio",
        source="microphone",
        codec="opus",
        clock_rate=48_000,
        encryption="none",
        muted=muted,
    )


def an_account(*, muted: bool = False) -> Account:
    account = Account()
    account.add_track(a_track(muted=muted), now_us=1_000)
    return account


def test_a_label_is_used_once() -> None:
    account = an_account()
    account.end_track("t-1", "unpublished", now_us=2_000)
    assert account.next_label == 2
    assert account.track_of(1) is None


def test_the_end_of_a_track_is_told_once() -> None:
    account = an_account()
    assert account.end_track("t-1", "unpublished", 2_000) == [TrackEnd(label=1, reason="unpublished")]
    assert account.end_track("t-1", "unpublished", 3_000) == []


def test_lost_and_dropped_packets_become_gaps_with_their_cause_and_numbers() -> None:
    batch = TapBatch(
        tracks=[
            TappedTrack(
                label=1,
                lost=[(5, 5), (9, 11)],
                lost_from_us=100,
                lost_until_us=200,
                dropped=[(20, 29)],
                dropped_from_us=300,
                dropped_until_us=400,
            )
        ]
    )
    assert losses(batch, GapCause.STORAGE_FAILED) == [
        Gap(
            cause=GapCause.NETWORK_LOSS,
            label=1,
            from_us=100,
            until_us=200,
            packets=4,
            ranges=((5, 5), (9, 11)),
        ),
        Gap(
            cause=GapCause.STORAGE_FAILED, label=1, from_us=300, until_us=400, packets=10, ranges=((20, 29),)
        ),
    ]


def mutes(lines: list[object]) -> list[tuple[int, int | None]]:
    return [
        (line.from_us, line.until_us)
        for line in lines
        if isinstance(line, Gap) and line.cause is GapCause.MUTE
    ]


def test_a_mute_is_told_once_it_is_over() -> None:
    account = an_account()
    account.mute("t-1", True, 2_000)
    assert mutes([*account.mutes()]) == []
    account.mute("t-1", False, 5_000)
    assert mutes([*account.mutes()]) == [(2_000, 5_000)]
    assert mutes([*account.mutes()]) == []


def test_a_track_that_comes_muted_is_a_gap_from_its_beginning() -> None:
    account = an_account(muted=True)
    account.mute("t-1", True, 1_500)  # says nothing new
    account.mute("t-1", False, 3_000)
    assert mutes([*account.mutes()]) == [(1_000, 3_000)]


def test_who_is_muted_at_the_end_of_track_or_recording_was_so_until_then() -> None:
    account = an_account(muted=True)
    assert mutes([*account.end_track("t-1", "unpublished", 9_000)]) == [(1_000, 9_000)]
    assert mutes([*an_account(muted=True).close("stopped", 8_000)]) == [(1_000, 8_000)]


def test_drumming_on_the_mute_button_makes_a_bounded_number_of_lines_that_cover_it() -> None:
    account = an_account()
    for time in range(10_000, 20_000, 10):
        account.mute("t-1", True, time)
        account.mute("t-1", False, time + 5)
    told = mutes([*account.mutes()])
    assert len(told) == MAX_MUTES_A_BATCH
    assert (told[0][0], told[-1][1]) == (10_000, 19_995)


def test_a_withdrawal_is_a_gap_to_the_end_and_no_other_end_is() -> None:
    assert an_account().close("consent-withdrawn", 7_000) == [
        Gap(cause=GapCause.WITHDRAWAL, label=None, from_us=7_000, until_us=None, packets=None, ranges=())
    ]
    assert an_account().close("stopped", 7_000) == []


def test_a_segment_says_what_it_holds_of_which_tracks() -> None:
    holding = TappedTrack(
        label=1, packets=3, bytes=300, first_seq=4, last_seq=6, first_us=10, last_us=30, ssrcs=[7]
    )
    batch = TapBatch(data=b"...", records=4, tracks=[holding, TappedTrack(label=2, lost=[(1, 2)])])
    line = segment_line(12, batch, SEALED)
    assert isinstance(line, Segment)
    assert (line.number, line.name, line.records, line.bytes) == (12, "000012.age", 4, 4096)
    assert [(track.label, track.packets, track.ssrcs) for track in line.tracks] == [(1, 3, (7,))]
