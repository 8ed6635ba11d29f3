"""Verification finds whatever was changed in a recording, and names its place; without the private key."""

import json
import random
import shutil
import tracemalloc
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server.recording import GapCause
from media_server.recording.folder_store import FolderStore
from media_server.recording.lines import Gap
from media_server.recording.verification import END, MAX_FINDINGS, Finding, Report, State, verify
from tests.media_server.recording.builders import (
    BEGAN_US,
    Made,
    a_batch,
    a_signer,
    a_whole_one,
    begun,
    keys_of,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, str]:
    return a_whole_one(tmp_path_factory.mktemp("whole"))


def report_on(made: Made, folder: Path | None = None, head: str | None = None) -> Report:
    store = made.store if folder is None else FolderStore(folder)
    return verify(store, made.id, keys_of(made.signer), closed_head=head)


def places(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.place for finding in findings}


class Copy:
    """Of a recording, to be spoilt."""

    def __init__(self, made: Made, root: Path) -> None:
        shutil.copytree(made.folder, root / made.id)
        self.root = root
        self.folder = root / made.id
        self.manifest = self.folder / "manifest.jsonl"

    def lines(self) -> list[bytes]:
        return self.manifest.read_bytes().split(b"\n")[:-1]

    def put(self, lines: list[bytes]) -> None:
        self.manifest.write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.fixture
def copy(whole: tuple[Made, str], tmp_path: Path) -> Copy:
    return Copy(whole[0], tmp_path)


def a_copy(made: Made) -> Iterator[Copy]:
    with TemporaryDirectory() as root:
        yield Copy(made, Path(root))


def test_what_nobody_touched_is_sound(whole: tuple[Made, str]) -> None:
    made, head = whole
    report = report_on(made, head=head)
    assert report.findings == ()
    assert (report.state, report.reason, report.head) == (State.CLOSED, "stopped", head)
    assert (report.segments, report.packets) == (4, 35)
    assert [gap.cause for gap in report.gaps] == [GapCause.MUTE]
    assert (report.first_us, report.last_us) == (BEGAN_US, BEGAN_US + 3_000_004)


@settings(max_examples=120, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_flipped_bit_of_any_segment_is_found_in_that_segment(
    whole: tuple[Made, str], dice: random.Random
) -> None:
    for copy in a_copy(whole[0]):
        segment = dice.choice(sorted(copy.folder.glob("*.age")))
        content = bytearray(segment.read_bytes())
        bit = dice.randrange(len(content) * 8)
        content[bit // 8] ^= 1 << bit % 8
        segment.write_bytes(content)
        assert places(report_on(whole[0], copy.root, whole[1]).findings) == {f"segment {segment.name}"}


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_flipped_bit_of_any_line_is_found_in_that_line(
    whole: tuple[Made, str], dice: random.Random
) -> None:
    for copy in a_copy(whole[0]):
        content = bytearray(copy.manifest.read_bytes())
        bit = dice.randrange(len(content) * 8)
        number = 1 + content[: bit // 8].count(b"\n")
        content[bit // 8] ^= 1 << bit % 8
        copy.manifest.write_bytes(content)
        assert f"manifest line {number}" in places(report_on(whole[0], copy.root, whole[1]).findings)


@pytest.mark.parametrize("known_head", [True, False])
def test_every_line_that_is_dropped_is_missed(whole: tuple[Made, str], copy: Copy, known_head: bool) -> None:
    made, head = whole
    lines = copy.lines()
    for index in range(len(lines)):
        copy.put(lines[:index] + lines[index + 1 :])
        report = report_on(made, copy.root, head if known_head else None)
        if index < len(lines) - 1:
            assert f"manifest line {index + 1}" in places(report.findings)
        elif known_head:
            assert END in places(report.findings)
        else:
            assert report.state is State.OPEN  # which no recording is that has ended


def test_every_pair_of_lines_that_is_exchanged_is_found(whole: tuple[Made, str], copy: Copy) -> None:
    lines = copy.lines()
    for index in range(len(lines) - 1):
        changed = [*lines]
        changed[index], changed[index + 1] = changed[index + 1], changed[index]
        copy.put(changed)
        assert f"manifest line {index + 1}" in places(report_on(whole[0], copy.root, whole[1]).findings)


def test_every_line_that_is_there_twice_is_found(whole: tuple[Made, str], copy: Copy) -> None:
    lines = copy.lines()
    for index in range(len(lines)):
        copy.put([*lines[: index + 1], *lines[index:]])
        assert f"manifest line {index + 2}" in places(report_on(whole[0], copy.root, whole[1]).findings)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_manifest_cut_off_anywhere_is_found(whole: tuple[Made, str], dice: random.Random) -> None:
    for copy in a_copy(whole[0]):
        content = copy.manifest.read_bytes()
        cut = dice.randrange(len(content))
        copy.manifest.write_bytes(content[:cut])
        report = report_on(whole[0], copy.root, whole[1])
        place = f"manifest line {1 + content[:cut].count(10)}"
        at_a_line = cut == 0 or content[cut - 1] == 10
        assert (END if at_a_line and cut else place) in places(report.findings)
        # Also where nobody kept the head: it is open at best.
        assert report_on(whole[0], copy.root).state is State.OPEN


def test_a_segment_that_is_gone_cut_exchanged_or_added_is_found(whole: tuple[Made, str], copy: Copy) -> None:
    made, head = whole
    first, second, third, *_ = sorted(copy.folder.glob("*.age"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    third.write_bytes(third.read_bytes() + b"\0")
    (copy.folder / "000009.age").write_bytes(b"planted")
    found = {f.place: f.problem for f in report_on(made, copy.root, head).findings}
    assert set(found) == {
        "segment 000001.age",
        "segment 000002.age",
        "segment 000003.age",
        "segment 000009.age",
    }
    assert found["segment 000001.age"] == "missing"
    assert "longer" in found["segment 000003.age"]


def test_every_two_segments_that_are_exchanged_are_both_found(whole: tuple[Made, str], copy: Copy) -> None:
    segments = sorted(copy.folder.glob("*.age"))
    for first, second in combinations(segments, 2):
        contents = first.read_bytes(), second.read_bytes()
        first.write_bytes(contents[1])
        second.write_bytes(contents[0])
        found = places(report_on(whole[0], copy.root, whole[1]).findings)
        assert found == {f"segment {first.name}", f"segment {second.name}"}
        first.write_bytes(contents[0])
        second.write_bytes(contents[1])


def test_an_order_of_lines_of_any_kind_is_found(whole: tuple[Made, str], copy: Copy) -> None:
    made, head = whole
    lines = copy.lines()
    dice = random.Random(7)
    for _ in range(30):
        shuffled = [*lines]
        dice.shuffle(shuffled)
        copy.put(shuffled)
        first = next(index for index, line in enumerate(shuffled, 1) if line != lines[index - 1])
        assert f"manifest line {first}" in places(report_on(made, copy.root, head).findings)


def test_the_chain_is_held_even_where_no_key_is_known(whole: tuple[Made, str], copy: Copy) -> None:
    lines = copy.lines()
    lines[3] = lines[3].replace(b'"at_us":1', b'"at_us":2')
    copy.put(lines)
    report = verify(FolderStore(copy.root), whole[0].id, {}, closed_head=whole[1])
    assert places(report.findings) == {"manifest line 1", "manifest line 5"}


def test_a_flood_of_findings_ends(whole: tuple[Made, str], copy: Copy) -> None:
    copy.put([*copy.lines(), *[b"{}"] * 5000])
    findings = report_on(whole[0], copy.root, whole[1]).findings
    assert len(findings) == MAX_FINDINGS + 1
    assert "left out" in findings[-1].problem


def test_a_file_s_name_is_not_for_anybody_s_terminal(whole: tuple[Made, str], copy: Copy) -> None:
    (copy.folder / "\x1b[2J.age").write_bytes(b"planted")
    (finding,) = report_on(whole[0], copy.root, whole[1]).findings
    assert finding == Finding("segments", "a file that is not one")


def test_neither_a_huge_segment_nor_a_huge_line_is_held_in_memory(
    whole: tuple[Made, str], copy: Copy
) -> None:
    with (copy.folder / "000002.age").open("ab") as segment:
        segment.truncate(1 << 30)
    with copy.manifest.open("ab") as manifest:
        manifest.truncate(32 << 20)
    tracemalloc.start()
    try:
        report = report_on(whole[0], copy.root, whole[1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "segment 000002.age" in places(report.findings)
    assert peak < 24 << 20


def test_another_recording_s_manifest_is_no_substitute(whole: tuple[Made, str], tmp_path: Path) -> None:
    other, _ = a_whole_one(tmp_path / "other")
    copy = Copy(whole[0], tmp_path / "copy")
    copy.manifest.write_bytes(other.manifest.read_bytes())
    report = verify(
        FolderStore(copy.root), whole[0].id, keys_of(whole[0].signer, other.signer), closed_head=whole[1]
    )
    assert "manifest line 1" in places(report.findings)


def test_a_manifest_that_somebody_else_signed_is_not_believed(tmp_path: Path) -> None:
    made, head = a_whole_one(tmp_path)
    report = verify(made.store, made.id, keys_of(a_signer()), closed_head=head)
    assert report.findings[0].place == "manifest line 1"
    assert "key" in report.findings[0].problem


def test_packets_that_no_line_accounts_for_are_missed(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    made.segment(2)  # five numbers of each label went by unmentioned
    head = made.stop()
    stop = len(made.manifest.read_bytes().splitlines())
    assert places(report_on(made, head=head).findings) == {f"manifest line {stop}"}


def test_packets_that_a_gap_names_are_accounted_for(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0, a_batch(0, packets=5, lost=3))
    made.segment(1, a_batch(1, packets=5, lost=3))
    head = made.stop()
    report = report_on(made, head=head)
    assert report.findings == ()
    assert sum(gap.packets or 0 for gap in report.gaps if gap.cause is GapCause.NETWORK_LOSS) == 12


def test_a_gap_whose_numbers_do_not_add_up_is_found(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.lines(
        Gap(cause=GapCause.SLOW_DISK, label=1, from_us=1, until_us=2, packets=7, ranges=((1, 3),)), second=1
    )
    assert "manifest line 4" in places(report_on(made).findings)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[1,2]",
        b"\xff\xfe",
        b"{" * 5000,
        b'{"line":NaN}',
        b'{"line":1e400,"type":"start"}',
        b'{"type":"segment","line":99999999999999999999999}',
        b'{"type":"from-the-future","line":1}',
        json.dumps({"type": ["start"], "line": {"a": 1}}).encode(),
        b"x" * (5 << 20),
    ],
    ids=lambda line: line[:20].decode("latin-1"),
)
def test_whatever_stands_in_a_manifest_is_a_finding_and_no_crash(
    whole: tuple[Made, str], copy: Copy, line: bytes
) -> None:
    lines = copy.lines()
    copy.put([lines[0], line, *lines[1:]])
    found = report_on(whole[0], copy.root, whole[1]).findings
    assert "manifest line 2" in places(found)
    assert all(len(finding.problem) < 200 for finding in found)


def test_a_recording_without_folder_or_manifest_is_a_finding(whole: tuple[Made, str], tmp_path: Path) -> None:
    assert "manifest" in places(report_on(whole[0], tmp_path).findings)
