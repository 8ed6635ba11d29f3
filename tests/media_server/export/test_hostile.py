"""Publishers who send what they like: the film is made, no longer than the call, and says what was wrong."""

import random
from pathlib import Path

import pytest

from media_server.recording.export import Summary, export_matroska, export_side_by_side
from media_server.recording.export.opening import Opened
from media_server.recording.format import RtpPacket, SenderReport
from tests.media_server.export.films import Film, decoded
from tests.media_server.export.media import tone, video
from tests.media_server.export.publishing import START_US, Computer, Sent, recorded

HOURS = 3 * 3600


def honest() -> tuple[Sent, Sent]:
    """Another participant, whose film must not suffer."""
    computer = Computer("p-2", "doctor")
    return (
        Sent(11, "vp8", computer).send(video("vp8", 3)).report(0, 3),
        Sent(12, "opus", computer).send(tone(3)).report(0, 3),
    )


def film_of(recording: Opened, folder: Path) -> tuple[Film, Summary]:
    out = folder / "out.mkv"
    summary = export_matroska(recording, out, lambda share: None)
    assert out.stat().st_size < 1_000_000
    return decoded(out), summary


def whole(film: Film) -> bool:
    picture, sound = film.of("video")[-1], film.of("audio")[-1]
    return (
        abs(film.duration_s - 3.0) < 0.1
        and len(picture.at_s) == 75
        and picture.longest_hole_s < 0.05
        and sound.longest_hole_s < 0.022
    )


@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9", "av1"])
def test_garbage_between_pictures_is_counted_and_shown_to_nobody(codec: str, tmp_path: Path) -> None:
    chance = random.Random(codec)
    bad = Sent(1, codec, Computer()).report(0, 3)
    for frame in video(codec, 3):
        bad.send([frame])
        if chance.random() < 0.3:
            bad.packets(
                [chance.randbytes(chance.randrange(1, 60))], bad.ticks(frame.at_s + 0.01), frame.at_s + 0.01
            )
    film, summary = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert summary.tracks[0].malformed + summary.tracks[0].dropped > 5
    assert "malformed" in summary.lines()[1]
    assert len(film.of("video")[0].at_s) <= 75 + 30
    assert whole(film)


def test_empty_and_broken_sound_leaves_silence(tmp_path: Path) -> None:
    bad = Sent(1, "opus", Computer()).report(0, 3)
    for place, frame in enumerate(tone(3)):
        payload = (frame.data, b"", b"\x03", b"\x02\xff")[place % 4]
        bad.packets([payload], bad.ticks(frame.at_s), frame.at_s)
    film, summary = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert summary.tracks[0].malformed == 112
    assert film.of("audio")[0].longest_hole_s < 0.022
    assert whole(film)


@pytest.mark.parametrize("jump_s", [HOURS, -HOURS, 20, -20])
@pytest.mark.parametrize("codec", ["opus", "vp8"])
def test_timestamps_that_jump_make_no_film_longer(codec: str, jump_s: int, tmp_path: Path) -> None:
    bad = Sent(1, codec, Computer()).report(0, 3)
    for place, frame in enumerate(video("vp8", 3) if codec == "vp8" else tone(3)):
        honest_zero = bad.timestamp
        if place % 10 == 5:
            bad.timestamp = (bad.timestamp + jump_s * bad.rate) % (1 << 32)
        bad.send([frame])
        bad.timestamp = honest_zero
    film, summary = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert whole(film)
    assert summary.tracks[0].mistimed > 0
    assert "impossible times" in summary.lines()[1]
    assert film.streams[0].longest_hole_s < 0.2, "the others stand where they were"


def test_reports_of_another_century_make_no_film_longer(tmp_path: Path) -> None:
    bad = Sent(1, "vp8", Computer()).send(video("vp8", 3))
    for place in range(300):
        bad.report_at(place / 100, ntp=random.Random(place).randrange(1 << 64), timestamp=place)
    film, _ = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert whole(film)
    assert len(film.streams[0].at_s) == 75
    assert film.streams[0].longest_hole_s < 0.1


def test_a_key_frame_that_promises_a_huge_picture_takes_no_memory_for_it(tmp_path: Path) -> None:
    bad = Sent(1, "vp8", Computer()).report(0, 3)
    for frame in video("vp8", 3):
        huge = frame.data[:6] + b"\xff\x3f\xff\x3f" + frame.data[10:] if frame.key else frame.data
        bad.send([frame._replace(data=huge)])
    film, summary = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert summary.tracks[0].frames == 0
    assert whole(film)


def test_records_that_are_no_rtp_and_labels_that_nobody_declared_are_left_out(tmp_path: Path) -> None:
    bad = Sent(1, "opus", Computer()).send(tone(3)).report(0, 3)
    bad.records += [RtpPacket(1, 5000 + n, START_US + n, bytes([n % 256]) * (12 + n % 9)) for n in range(100)]
    bad.records += [RtpPacket(99, 1, START_US, bytes(20)), SenderReport(99, START_US, 1, 1, 1, 1, 1)]
    film, _ = film_of(recorded(tmp_path / "r", bad, *honest(), seconds=3), tmp_path)
    assert whole(film)


def test_bits_that_pass_for_pictures_do_not_stop_the_one_picture_either(tmp_path: Path) -> None:
    """Whole, well framed, and nothing a decoder could use: with everything that comes through the muxer."""
    chance = random.Random(4)
    bad = Sent(1, "vp8", Computer()).report(0, 3)
    for frame in video("vp8", 3):
        spoilt = bytearray(frame.data)
        for _ in range(20):
            spoilt[chance.randrange(10, len(spoilt))] ^= 1 << chance.randrange(8)
        bad.send([frame._replace(data=bytes(spoilt))])
    bad_voice = Sent(2, "opus", Computer()).report(0, 3)
    for packet in tone(3):
        bad_voice.send([packet._replace(data=packet.data[:1] + chance.randbytes(len(packet.data)))])
    recording = recorded(tmp_path / "r", bad, bad_voice, *honest(), seconds=3)
    export_side_by_side(recording, tmp_path / "one.mp4", lambda share: None)
    film = decoded(tmp_path / "one.mp4")
    assert film.duration_s == pytest.approx(3, abs=0.1)
    assert len(film.of("video")[0].at_s) == 75
