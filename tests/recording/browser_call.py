"""A call between two Chromium pages that is recorded, and what becomes of it in films."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from tests.e2e.stand import Participant, a_stand
from tests.recording.lip_sync import offset_ms
from tests.recording.rig import Place

FLASH_AND_BEEP = Path(__file__).parent / "flash_and_beep.js"


@dataclass(frozen=True, slots=True)
class Recorded:
    """`seconds` is how long both pages said that it was on, `at_most_s` is from the last consent to the last
    word of it: on a busy machine pages are slow to say things.
    """

    recording: str
    seconds: float
    at_most_s: float


@dataclass(frozen=True, slots=True)
class Film:
    path: Path
    duration_s: float
    frames: Mapping[int, int]
    kinds: Mapping[int, str]

    @classmethod
    def decoded(cls, path: Path) -> "Film":
        """Every frame of every stream, decoded from start to end. Raises av.FFmpegError."""
        with av.open(str(path)) as container:
            duration_s = (container.duration or 0) / 1e6
            kinds = {stream.index: stream.type for stream in container.streams}
            frames = dict.fromkeys(kinds, 0)
            for packet in container.demux():
                frames[packet.stream.index] += len(packet.decode())
        return cls(path, duration_s, frames, kinds)

    def streams(self, kind: str) -> list[int]:
        return [index for index, is_kind in self.kinds.items() if is_kind == kind]

    def offsets_ms(self) -> list[float]:
        """Of each pair of picture and sound, in the order of the streams."""
        pairs = zip(self.streams("video"), self.streams("audio"), strict=True)
        return [offset_ms(self.path, video, audio) for video, audio in pairs]


async def record_call(place: Place, seconds: float, *, lip_sync: bool = True) -> Recorded:
    """Two pages call each other, agree, and are recorded for so long. Asserts what the pages show."""
    script = FLASH_AND_BEEP.read_text() if lip_sync else None
    async with a_stand(place.settings, through_proxy=False, init_script=script) as stand:
        patient, doctor = await stand.pair()
        await doctor.page.locator("[data-action=record]").click()
        await doctor.page.locator("[data-action=record-agree]").click()
        loop = asyncio.get_running_loop()
        agreed = loop.time()
        await patient.page.locator("[data-action=consent-allow]").click()
        await asyncio.gather(*(_until_marked(page, True) for page in (patient, doctor)))
        began = loop.time()
        await asyncio.sleep(seconds)  # the call's length is what is asked for
        lasted = loop.time() - began
        await doctor.page.locator("[data-action=recording-stop]").click()
        await asyncio.gather(*(_until_marked(page, False) for page in (patient, doctor)))
        at_most_s = loop.time() - agreed
        recording = place.recordings()[-1]
        await place.until_ended(recording)
        return Recorded(recording, lasted, at_most_s)


async def _until_marked(participant: Participant, on: bool) -> None:
    mark = participant.page.locator(".recording-bar .mark")
    await mark.wait_for(state="visible" if on else "hidden", timeout=60_000)
