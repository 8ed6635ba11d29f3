"""`make prove-recording`: a browsers' call that is recorded and made into films, and a server killed time and
again.

Prints what was seen and, as its last line, one JSON object. Fails where something does not hold.
"""

import argparse
import asyncio
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.recording.browser_call import Film, record_call
from tests.recording.rig import Place
from tests.recording.test_browser_call import film
from tests.recording.test_crash import LOST_AT_MOST_US, killed, lost_us


async def films_of_a_call(folder: Path, seconds: float) -> dict[str, Any]:
    place = Place.make(folder)
    recorded = await record_call(place, seconds)
    verified = place.teleconsult("recordings", "verify", recorded.recording)
    tracks: Film = film(place, recorded, "tracks.mkv")
    one = film(place, recorded, "one.mp4", "--layout", "side-by-side")
    return {
        "sound": verified.returncode == 0,
        "called_s": round(recorded.seconds, 2),
        "mkv_s": round(tracks.duration_s, 2),
        "mp4_s": round(one.duration_s, 2),
        "mkv_streams": sorted(tracks.kinds.values()),
        "mkv_frames": list(tracks.frames.values()),
        "mp4_frames": list(one.frames.values()),
        "offsets_ms": [round(offset, 1) for offset in tracks.offsets_ms()],
    }


async def kills(folder: Path, times: int) -> dict[str, Any]:
    dice, lost_s = random.Random(1), []
    for attempt in range(times):
        (folder / str(attempt)).mkdir()
        place = Place.make(folder / str(attempt))
        recording, killed_us = await killed(place, dice.uniform(0, 1.5))
        lost_s.append(await lost_us(place, recording, killed_us) / 1e6)
    return {"times": times, "sound": times, "lost_s_most": max(lost_s), "lost_s": lost_s}


async def prove(seconds: float, times: int) -> bool:
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "call").mkdir()
        (Path(folder) / "kills").mkdir()
        call = await films_of_a_call(Path(folder) / "call", seconds)
        console.print("A call of two browsers, recorded and made into films", call)
        crashes = await kills(Path(folder) / "kills", times)
        console.print("Servers killed while they recorded", crashes)
    held = {
        "verifies": call["sound"],
        "length": abs(call["mkv_s"] - call["called_s"]) <= 0.3,
        "lip_sync": max(map(abs, call["offsets_ms"])) < 60,
        "kills": crashes["lost_s_most"] * 1e6 <= LOST_AT_MOST_US,
    }
    print(json.dumps({"held": held, "call": call, "kills": crashes}))  # noqa: T201
    return all(held.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.recording.prove", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the call")
    parser.add_argument("--kills", type=int, default=20, help="of servers")
    arguments = parser.parse_args()
    raise SystemExit(0 if asyncio.run(prove(arguments.seconds, arguments.kills)) else 1)
