"""Calls whose connections are cut: the WebSocket alone, or the network with the media's path, too."""

import asyncio
import time

from loadtest.results import CutKind
from loadtest.tool.fleet import Member
from loadtest.tool.run import Run
from loadtest.tool.scenarios.calls import Calls

RESUME_S = 30.0
AFTERWARDS_S = 1.0  # after the resume: so long a silence would still be the cut's


async def play(run: Run) -> None:
    calls = Calls(run)
    await calls.hold(run.options.calls)
    await run.warm_up()
    await run.measure(lambda: _cut_everywhere(run, calls))


async def _cut_everywhere(run: Run, calls: Calls) -> None:
    async with asyncio.TaskGroup() as rooms:
        for number, room in enumerate(calls.rooms):
            rooms.create_task(_cut_again_and_again(run, room, number), name="cuts")


async def _cut_again_and_again(run: Run, room: str, number: int) -> None:
    """Both kinds in turn, somebody of the room each time, at moments that no two rooms share. The next one is
    due so long after the beginning of the last, and waits until that is over.
    """
    kinds = tuple(CutKind)
    turn, began_s = number, time.monotonic()
    while True:
        due_s = began_s + run.options.cut_every_s * run.draw.uniform(0.5, 1.5)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        members = [member for member in run.fleet.room(room) if member.participant.over is None]
        if members:
            await cut(run, run.draw.choice(members), kinds[turn % len(kinds)])
        turn += 1


async def cut(run: Run, member: Member, kind: CutKind) -> None:
    """Cut one, wait until it is back, see how long anything was silent. An unfinished cut does not count."""
    others = [other for other in run.fleet.room(member.room) if other is not member]
    for each in (member, *others):
        run.fleet.count(each)  # so that their longest gaps are this cut's
    resumes, began_s = member.resumes, time.monotonic()
    await member.participant.cut_websocket()
    if kind is CutKind.NETWORK:
        member.participant.move()
    resumed = await member.until(lambda m: m.resumes > resumes, RESUME_S)
    after_s = time.monotonic() - began_s
    await asyncio.sleep(AFTERWARDS_S)
    tally = run.fleet.tally.cut(kind)
    tally.made += 1
    if resumed:
        tally.resumed += 1
        tally.resumed_after.record(1e6 * after_s)
    else:
        tally.lost += 1
    gaps_ms = [track.longest_gap_ms for track in member.participant.figures().received]
    gaps_ms += [gap for other in others for gap in _gaps_of(member, other)]
    if gaps_ms:
        tally.gap.record(1000 * max(gaps_ms))


def _gaps_of(sender: Member, receiver: Member) -> list[float]:
    """How long a sender's tracks were silent for a receiver."""
    tracks = receiver.participant.room.tracks
    return [
        track.longest_gap_ms
        for track in receiver.participant.figures().received
        if track.track in tracks and tracks[track.track].participant == sender.participant.room.me
    ]
