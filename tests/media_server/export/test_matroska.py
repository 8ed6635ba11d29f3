"""Every track as it was sent, in one Matroska file that plays from start to end."""

import os
import stat
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from media_server.recording import Gap, GapCause
from media_server.recording.errors import OutputRefused, SealBroken
from media_server.recording.export import EndToEndEncrypted, NothingToExport, Summary, export_matroska
from media_server.recording.export.opening import Opened
from tests.media_server.export.films import Film, decoded
from tests.media_server.export.media import tone, video, voice
from tests.media_server.export.publishing import START_US, Computer, Sent, recorded
from tests.recording.lip_sync import beeps_s, flashes_s, offset_ms

VIDEO_CODECS = ("vp8", "h264", "vp9", "av1")
# A frame and a packet of the synthetic source, and what measuring them by the frame adds.
IN_STEP_MS = 20


def film_of(recording: Opened, folder: Path) -> tuple[Film, Summary, Path]:
    out = folder / "out.mkv"
    shares: list[float] = []
    summary = export_matroska(recording, out, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return decoded(out), summary, out


@pytest.mark.parametrize("codec", VIDEO_CODECS)
def test_every_codec_is_kept_and_plays_in_step_with_the_voice(codec: str, tmp_path: Path) -> None:
    computer = Computer(ahead_s=-300)
    picture = Sent(1, codec, computer, delay_s=0.06).send(video(codec, 4)).report(0, 4)
    sound = Sent(2, "opus", computer).send(voice(4)).report(0.3, 4)

    film, summary, out = film_of(recorded(tmp_path / "r", picture, sound, seconds=4.2), tmp_path)

    assert [stream.kind for stream in film.streams] == ["video", "audio"]
    assert len(film.streams[0].at_s) == 100
    assert film.duration_s == pytest.approx(4.2, abs=0.05)
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS
    assert film.streams[0].metadata["PARTICIPANT"] == "p-1"
    assert film.streams[0].metadata["ROLE"] == "patient"
    for track in summary.tracks:
        assert (track.dropped, track.malformed, track.late, track.mistimed) == (0, 0, 0, 0)


def test_publishers_whose_clocks_differ_by_minutes_stand_at_the_same_time(tmp_path: Path) -> None:
    one, other = Computer("p-1", ahead_s=240.0), Computer("p-2", "doctor", ahead_s=-3600.0)
    sent = [
        Sent(1, "vp8", one, delay_s=0.1).send(video("vp8", 4)).report(0, 4),
        Sent(2, "opus", one).send(voice(4)).report(0.2, 4),
        Sent(3, "vp8", other, delay_s=0.02).send(video("vp8", 4)).report(0.4, 4),
        Sent(4, "opus", other).send(voice(4)).report(0.6, 4),
    ]
    _, _, out = film_of(recorded(tmp_path / "r", *sent, seconds=4), tmp_path)
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS
    assert abs(offset_ms(out, 2, 3)) < IN_STEP_MS
    assert abs(offset_ms(out, 0, 3)) < IN_STEP_MS


def test_clocks_and_numbers_that_wrap_are_no_break(tmp_path: Path) -> None:
    computer = Computer()
    picture = Sent(1, "vp8", computer, seq=65_500, timestamp=(1 << 32) - 90_000)
    sound = Sent(2, "opus", computer, seq=65_500, timestamp=(1 << 32) - 100_000)
    picture.send(video("vp8", 4)).report(0, 4)
    sound.send(voice(4)).report(0, 4)
    film, _, out = film_of(recorded(tmp_path / "r", picture, sound, seconds=4), tmp_path)
    assert len(film.streams[0].at_s) == 100
    assert film.streams[0].longest_hole_s < 0.05
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS


def test_without_a_single_report_tracks_are_placed_by_their_arrival(tmp_path: Path) -> None:
    computer = Computer()
    sent = [Sent(1, "vp8", computer).send(video("vp8", 4)), Sent(2, "opus", computer).send(voice(4))]
    sent[0].delay(lambda place: 0.25 if place == 0 else 0.0)
    _, _, out = film_of(recorded(tmp_path / "r", *sent, seconds=4), tmp_path)
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS


@pytest.mark.parametrize("codec", VIDEO_CODECS)
def test_a_lost_packet_freezes_the_picture_until_the_next_key_frame(codec: str, tmp_path: Path) -> None:
    picture = Sent(1, codec, Computer()).send(video(codec, 3, gop=25)).report(0, 3)
    hit = next(r for r in picture.records if r.arrival_us - picture.records[0].arrival_us > 1_300_000)
    sound = Sent(2, "opus", Computer()).send(voice(3)).report(0, 3)
    place = getattr(hit, "seq", 0) - picture.seq
    assert place > 0

    film, summary, _ = film_of(
        recorded(tmp_path / "r", picture.lose(lambda number: number == place), sound, seconds=3), tmp_path
    )

    shown = film.streams[0].at_s
    assert film.streams[0].longest_hole_s == pytest.approx(2.0 - 1.3, abs=0.1)
    frozen_until_s = max(after for before, after in pairwise(shown) if after - before > 0.1)
    assert frozen_until_s == pytest.approx(2.0, abs=0.1)
    assert summary.tracks[0].freezes == 1
    # One whose only packet was lost is not known of.
    assert 75 - len(shown) - summary.tracks[0].dropped in (0, 1)
    # Nothing is garbage: every picture shown is as light or as dark as it was sent.
    assert all(light > 190 or light < 60 for light in film.streams[0].light)


def test_packets_that_come_late_take_their_place_though_in_another_segment(tmp_path: Path) -> None:
    picture = Sent(1, "vp8", Computer()).send(video("vp8", 3)).report(0, 3)
    sound = Sent(2, "opus", Computer()).send(voice(3)).report(0, 3)
    picture.delay(lambda place: 1.5 if place % 7 == 3 else 0.0)
    sound.delay(lambda place: 1.2 if place % 5 == 2 else 0.0)
    film, summary, out = film_of(recorded(tmp_path / "r", picture, sound, seconds=3), tmp_path)
    assert len(film.streams[0].at_s) == 75
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS
    assert [track.late for track in summary.tracks] == [0, 0]
    assert summary.tracks[1].silence_s < 0.05


def test_holes_in_a_voice_are_silent_and_as_long_as_they_were(tmp_path: Path) -> None:
    """Loss at 1 s, half a second of a full buffer at 2 s, and a mute without packets from 3 to 4 s."""
    lost = {50, *range(100, 125), *range(150, 200)}
    sound = Sent(1, "opus", Computer()).send(tone(5)).report(0, 5).lose(lost.__contains__)
    film, summary, _ = film_of(recorded(tmp_path / "r", sound, seconds=5), tmp_path)
    heard = film.streams[0].sound
    assert heard.size / 48_000 == pytest.approx(5.0, abs=0.03)
    assert film.streams[0].longest_hole_s < 0.022
    assert summary.tracks[0].silence_s == pytest.approx(0.02 * len(lost), abs=0.06)
    # In the middle of each second, by what was lost of it.
    loudness = [
        float(abs(heard[round((at - 0.05) * 48_000) : round((at + 0.05) * 48_000)]).max())
        for at in (0.5, 1.5, 2.25, 2.75, 3.5, 4.5)
    ]
    assert [level > 0.3 for level in loudness] == [True, True, False, True, False, True]


def test_a_voice_with_dtx_goes_on_without_holes(tmp_path: Path) -> None:
    """RFC 7587 §3.1.3: in silence one packet every 400 ms, with no number left out."""
    sound = Sent(1, "opus", Computer()).report(0, 4)
    for frame in voice(4):
        place = round(frame.at_s * 50)
        if place < 50 or place >= 150 or place % 20 == 0:
            sound.send([frame])
    film, _, _ = film_of(recorded(tmp_path / "r", sound, seconds=4), tmp_path)
    assert film.streams[0].longest_hole_s < 0.022
    assert film.duration_s == pytest.approx(4, abs=0.03)


@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9"])
def test_a_change_of_resolution_survives(codec: str, tmp_path: Path) -> None:
    picture = Sent(1, codec, Computer()).send(video(codec, 1)).send(video(codec, 1, 320, 240), from_s=1)
    film, _, _ = film_of(recorded(tmp_path / "r", picture.report(0, 2), seconds=2), tmp_path)
    assert film.streams[0].sizes == [(160, 120)] * 25 + [(320, 240)] * 25


def test_a_new_ssrc_goes_on_where_the_old_one_ended(tmp_path: Path) -> None:
    computer = Computer()
    picture = Sent(1, "vp8", computer).send(video("vp8", 2)).report(0, 2)
    picture.ssrc, picture.timestamp = 77, 3_000_000_000
    picture.send(video("vp8", 2), from_s=2).report(2.5, 4)
    sound = Sent(2, "opus", computer).send(voice(4)).report(0, 4)
    film, _, out = film_of(recorded(tmp_path / "r", picture, sound, seconds=4), tmp_path)
    assert len(film.streams[0].at_s) == 100
    assert film.streams[0].longest_hole_s < 0.06
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS


def test_whoever_comes_later_is_seen_later_and_heard_at_the_right_time(tmp_path: Path) -> None:
    early, late = Computer("p-1"), Computer("p-2", "doctor")
    sent = [
        Sent(1, "opus", early).send(voice(6)).report(0, 6),
        Sent(2, "opus", late).send(voice(4), from_s=2).report(2, 6),
        Sent(3, "vp8", late).send(video("vp8", 4), from_s=2).report(2, 6),
    ]
    film, _, out = film_of(recorded(tmp_path / "r", *sent, seconds=6), tmp_path)
    assert film.streams[2].at_s[0] == pytest.approx(2, abs=0.05)
    assert film.streams[1].sound.size / 48_000 == pytest.approx(6, abs=0.03)
    assert flashes_s(out, 2) == pytest.approx([2.56, 3.56, 4.56, 5.56], abs=0.03)
    assert beeps_s(out, 1) == pytest.approx([2.56, 3.56, 4.56, 5.56], abs=0.03)


def test_the_last_picture_stands_until_the_end_and_a_long_freeze_disturbs_nobody(tmp_path: Path) -> None:
    """A camera that is off for half a minute, with the voice going on; then the film ends without sound."""
    picture = Sent(1, "vp8", Computer()).send(video("vp8", 1)).send(video("vp8", 1), from_s=35).report(0, 36)
    sound = Sent(2, "opus", Computer()).send(tone(40)).report(0, 40)
    film, _, _ = film_of(recorded(tmp_path / "r", picture, sound, seconds=40), tmp_path)
    assert film.streams[0].longest_hole_s == pytest.approx(34, abs=0.1)
    assert film.streams[1].longest_hole_s < 0.022
    alone = tmp_path / "alone"
    alone.mkdir()
    film, _, _ = film_of(
        recorded(alone / "r", Sent(1, "vp8", Computer()).send(video("vp8", 1)), seconds=30), alone
    )
    assert film.duration_s == pytest.approx(30, abs=0.01)


def test_nothing_is_written_over_and_a_film_is_its_owners_alone(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "r", Sent(1, "opus", Computer()).send(tone(1)), seconds=1)
    out = tmp_path / "out.mkv"
    export_matroska(recording, out, lambda share: None)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = out.read_bytes()
    with pytest.raises(OutputRefused, match="exists already"):
        export_matroska(recording, out, lambda share: None)
    assert out.read_bytes() == before
    with pytest.raises(OutputRefused, match="cannot write"):
        export_matroska(recording, tmp_path / "nowhere" / "out.mkv", lambda share: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "r"]


def test_what_only_the_participants_can_open_is_refused_by_name(tmp_path: Path) -> None:
    sound = Sent(3, "opus", Computer()).send(tone(1))
    with pytest.raises(EndToEndEncrypted, match="track 3"):
        recorded(tmp_path, sound, seconds=1, track_lines=[replace(sound.track(), encryption="sframe")])


def test_a_recording_without_a_frame_is_no_film(tmp_path: Path) -> None:
    endless = Sent(1, "vp8", Computer()).send(video("vp8", 2, gop=100))
    with pytest.raises(NothingToExport):
        film_of(recorded(tmp_path / "r", endless.lose(lambda place: place < 3), seconds=2), tmp_path)
    assert not (tmp_path / "out.mkv").exists()


def test_a_track_with_nothing_in_it_is_left_out_and_told(tmp_path: Path) -> None:
    sound, nothing = Sent(1, "opus", Computer()).send(tone(1)), Sent(2, "vp8", Computer())
    film, summary, _ = film_of(recorded(tmp_path / "r", sound, nothing, seconds=1), tmp_path)
    assert [stream.kind for stream in film.streams] == ["audio"]
    assert "left out" in summary.lines()[2]


def test_one_that_crashed_ends_with_its_last_packet_though_it_was_closed_hours_later(tmp_path: Path) -> None:
    """The manifest knew of the first two seconds; the segment of the third was found after the crash."""
    sound = Sent(1, "opus", Computer()).send(tone(3)).report(0, 3)
    crash = Gap(
        cause=GapCause.CRASH,
        label=None,
        from_us=START_US + 2_000_000,
        until_us=START_US + 7_200_000_000,
        packets=None,
        ranges=(),
    )
    film, _, _ = film_of(recorded(tmp_path / "r", sound, seconds=7200, events=[(7200, crash)]), tmp_path)
    assert film.duration_s == pytest.approx(3.04, abs=0.05)
    assert abs(film.streams[0].sound[round(2.5 * 48_000) :]).max() > 0.3


def test_where_there_are_no_hard_links_nothing_is_written_over_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the exFAT of a USB stick."""

    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    recording = recorded(tmp_path / "r", Sent(1, "opus", Computer()).send(tone(1)), seconds=1)
    film, _, out = film_of(recording, tmp_path)
    assert film.duration_s == pytest.approx(1, abs=0.03)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pytest.raises(OutputRefused):
        export_matroska(recording, out, lambda share: None)


def test_a_segment_that_is_damaged_leaves_no_half_film(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "r", Sent(1, "opus", Computer()).send(tone(3)), seconds=3)
    damaged = next(tmp_path.rglob("000002.age"))
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(SealBroken):
        export_matroska(recording, tmp_path / "out.mkv", lambda share: None)
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
