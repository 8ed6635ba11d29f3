"""What nodes, Redis and networks do to calls, with the real parts. Each returns figures, or raises NotHeld.

Their sizes are arguments: the tests run them short, `make chaos` long. Rooms go where the fewest are:
who says that one node has all calls begins with one node, and leaves two or one.
"""

import asyncio
import contextlib
import random
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from loadtest.events import Relayed
from loadtest.lean import LeanParticipant
from loadtest.patience import pauses
from loadtest.server_process import ServerProcess, dying_with_parent
from loadtest.session import Session
from loadtest.staying import StayingParticipant
from loadtest.stays import GetTicket
from loadtest.tickets import Ticket
from loadtest.wire import Encoding
from signalling.redis_connection import open_redis
from signalling.redis_waiting import RedisWaiting
from signalling.waiting import Waiting, WaitingId
from tests.e2e.tcp_proxy import TcpProxy
from tests.nodes.cluster import PATIENCE_S, TRAFFIC, Call, Cluster, until
from tests.recording.rig import Place
from tests.redis_server import RedisServer, running_redis

Figures = dict[str, float]

# Between what a busy machine does to a call that nothing happened to, and the least that a lost one costs.
UNDISTURBED_S = 1.0
SILENCE_S = 0.5
SETTLE_S = 2.0
LOOK_S = 0.02


class NotHeld(AssertionError):
    """A promise was broken; the figures say by how much."""

    def __init__(self, what: str, figures: Figures) -> None:
        super().__init__(f"{what}: {figures}")
        self.figures = figures


def hold(true: bool, what: str, figures: Mapping[str, float]) -> None:
    if not true:
        raise NotHeld(what, dict(figures))


def recording(custodian: str) -> dict[str, str]:
    """The settings with which a cluster can record."""
    return {"POLICY": "consented-recording", "RECORDING_CUSTODIANS": custodian}


async def node_killed(cluster: Cluster, calls: int) -> Figures:
    """kill -9 of the node that has all calls; another one is there. The cluster can record."""
    (old,) = cluster.living()
    async with cluster.calls(calls, "killed") as held:
        for call in held:
            for person in call.people:
                await person.stay.consent("recording", "granted")
        heir = await cluster.start_node()
        await asyncio.sleep(SETTLE_S)
        before = [_who_and_what(call) for call in held]
        for call in held:
            call.measure()
        old.process.kill()
        for call in held:
            await call.until_heard(at=heir.signal_url)
        silences = [silence for call in held for silence in call.silences_s()]
        figures = {
            "calls": calls,
            "media_again_p50_s": round(statistics.median(silences), 3),
            "media_again_max_s": round(max(silences), 3),
        }
        hold(figures["media_again_max_s"] < 8, "all have media again in 8 s", figures)
        hold(figures["media_again_p50_s"] < 5, "half of them in 5 s", figures)
        hold([_who_and_what(call) for call in held] == before, "same rooms, people, consents", figures)
        return figures


async def node_drained(cluster: Cluster, calls: int, silence_s: float = SILENCE_S) -> Figures:
    """SIGTERM of the node that has all calls; another one is there."""
    (old,) = cluster.living()
    async with cluster.calls(calls, "drained") as held:
        heir = await cluster.start_node()
        await asyncio.sleep(SETTLE_S)
        for call in held:
            call.measure()
        began = time.monotonic()
        old.process.terminate()
        for call in held:
            await call.until_heard(at=heir.signal_url)
        await old.process.wait()
        drained_s = time.monotonic() - began
        figures = {
            "calls": calls,
            "longest_silence_s": round(max(silence for call in held for silence in call.silences_s()), 3),
            "drained_s": round(drained_s, 3),
            "connections_lost": sum(call.cuts() for call in held),
        }
        hold(figures["longest_silence_s"] <= silence_s, f"nobody is silent for {silence_s} s", figures)
        hold(figures["connections_lost"] == 0, "everybody moved before the node went", figures)
        hold(old.process.returncode == 0, "the node ended well", figures)
        return figures


async def recording_moved(cluster: Cluster, custodian: str) -> Figures:
    """A node that records is drained: the recording goes on at the other one, in a second part."""
    (old,) = cluster.living()
    async with cluster.calls(1, "recorded") as (call,):
        new = await cluster.start_node()
        for person in call.people:
            await person.stay.consent("recording", "granted")
        await call.doctor.stay.recording("start")
        await _recording_is(call, "on")
        await asyncio.sleep(SETTLE_S)
        old.process.terminate()
        await call.until_heard(at=new.signal_url)
        await old.process.wait()
        await _recording_is(call, "on")
        await asyncio.sleep(SETTLE_S)
        await call.doctor.stay.recording("stop")
        await _recording_is(call, "off")
        places = [Place(node.data_dir, node.data_dir / "none", custodian) for node in (old, new)]
        ids = [await asyncio.to_thread(place.recordings) for place in places]
        sound = 0
        for place, (id_,) in zip(places, ids, strict=True):
            sound += (await asyncio.to_thread(place.teleconsult, "recordings", "verify", id_)).returncode == 0
        first, second = [
            [track for segment in place.segments(id_) for track in segment.tracks if track.packets]
            for place, (id_,) in zip(places, ids, strict=True)
        ]
        overlap_us = max(track.last_us for track in first) - min(track.first_us for track in second)
        figures: Figures = {
            "parts": len(ids),
            "sound": sound,
            "overlap_s": round(overlap_us / 1e6, 3),
        }
        hold(sound == 2, "both parts verify", figures)
        hold(ids[1][0] == f"{ids[0][0]}.2", "it is the same recording", figures)
        hold(overlap_us > 0, "nothing is missing between them", figures)
        return figures


async def _recording_is(call: Call, state: str) -> None:
    await until(lambda: all(person.room.recording == state for person in call.people))


async def redis_restarted(cluster: Cluster, calls: int, away_s: float) -> Figures:
    """Redis is stopped, and comes back empty."""
    return await _redis_away(cluster, calls, away_s, stopped=True)


async def redis_stalled(cluster: Cluster, calls: int, away_s: float) -> Figures:
    """Redis takes connections and answers nobody (SIGSTOP), then goes on."""
    return await _redis_away(cluster, calls, away_s, stopped=False)


async def _redis_away(cluster: Cluster, calls: int, away_s: float, *, stopped: bool) -> Figures:
    fenced_before = _fenced(cluster)
    async with cluster.calls(calls, "redis-away") as held:
        guest = cluster.tickets_of("guest", held[0].room)
        here = held[0].doctor.url
        ticket_of_a_guest = await guest("join")
        for call in held:
            call.measure()
        if stopped:
            cluster.redis.stop()
        else:
            cluster.redis.pause()
        went = time.monotonic()
        # A join to a room that is on its node needs nobody else.
        began = time.monotonic()
        async with LeanParticipant(here, ticket_of_a_guest.ticket, traffic=None):
            joined_meanwhile_s = time.monotonic() - began
        await asyncio.sleep(max(0, away_s - (time.monotonic() - went)))
        if stopped:
            cluster.redis.start()
        else:
            cluster.redis.go_on()
        back = time.monotonic()
        await _join_a_new_room(cluster, "redis-back")
        new_room_s = time.monotonic() - back
        await asyncio.sleep(SETTLE_S)
        fenced = _fenced(cluster) - fenced_before
        figures = {
            "calls": calls,
            "away_s": away_s,
            "longest_silence_s": round(max(silence for call in held for silence in call.silences_s()), 3),
            "connections_lost": sum(call.cuts() for call in held),
            "rooms_lost": fenced,
            "join_while_away_s": round(joined_meanwhile_s, 3),
            "new_room_after_s": round(new_room_s, 3),
        }
        hold(figures["connections_lost"] == 0, "no connection is lost", figures)
        hold(figures["longest_silence_s"] <= UNDISTURBED_S, "no call is interrupted", figures)
        hold(fenced == 0, "no room is lost", figures)
        hold(new_room_s < 5, "new rooms can be joined within 5 s of its return", figures)
        return figures


def _fenced(cluster: Cluster) -> int:
    return sum(len(cluster.said(node, "room.fenced")) for node in cluster.nodes)


async def _join_a_new_room(cluster: Cluster, room: str) -> None:
    """As a client does that is told to try again."""
    get_ticket = cluster.tickets_of("doctor", room)
    async with asyncio.timeout(PATIENCE_S):
        for pause_s in pauses(random.random):
            with contextlib.suppress(Exception):
                async with StayingParticipant(get_ticket, traffic=TRAFFIC):
                    return
            await asyncio.sleep(min(pause_s, 0.25))


async def queue_claimed(patients: int) -> Figures:
    """Two doctors at two nodes take from one queue; one node dies midway, its doctor goes to the other."""
    with running_redis() as redis_server:
        return await _queue_claimed(redis_server, patients)


async def _queue_claimed(redis_server: RedisServer, patients: int) -> Figures:
    async with open_redis(redis_server.url) as redis:
        queue = RedisWaiting(redis)
        for n in range(patients):
            waiting = Waiting(WaitingId(f"patient-{n:05}"), ("nl", "fr")[n % 2], priority=int(n % 10 == 0))
            await queue.push(waiting, 3600.0)
    first, second = await _claimer(redis_server, "ann"), await _claimer(redis_server, "bob")
    began = time.monotonic()
    _go(first, second)
    anns = [await _line(first) for _ in range(patients // 8)]
    first.kill()
    anns += await _lines(first)
    again = await _claimer(redis_server, "ann")
    _go(again)
    later, bobs = await _lines(again), await _lines(second)
    await asyncio.gather(*(process.wait() for process in (first, second, again)))
    elapsed_s = time.monotonic() - began
    # What ann had when the node died she has again.
    repeated = len(set(anns) & set(later))
    taken = list(dict.fromkeys(anns + later)) + bobs
    figures: Figures = {
        "patients": patients,
        "taken": len(set(taken)),
        "twice": len(taken) - len(set(taken)),
        "same_again": repeated,
        "claims_per_s": round(patients / elapsed_s),
    }
    hold(figures["taken"] == patients, "nobody is lost", figures)
    hold(figures["twice"] == 0 and repeated <= 1, "nobody is taken twice", figures)
    for lines in (list(dict.fromkeys(anns + later)), bobs):
        ranks = [(-int(priority), name) for name, priority in map(str.split, lines)]
        hold(ranks == sorted(ranks), "equals keep their order, the urgent go first", figures)
    return figures


async def _claimer(redis_server: RedisServer, doctor: str) -> asyncio.subprocess.Process:
    """Ready to go."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.nodes.claimer",
        redis_server.url,
        doctor,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=dying_with_parent(),
    )
    assert await _line(process) == "ready\n"
    return process


def _go(*processes: asyncio.subprocess.Process) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode()


async def _lines(process: asyncio.subprocess.Process) -> list[str]:
    """All that are left. A last one that was not written to its end is none."""
    assert process.stdout is not None
    rest = (await process.stdout.read()).decode()
    return rest.splitlines(keepends=True)[: rest.count("\n")]


async def websocket_cut(cluster: Cluster, cut_s: float) -> Figures:
    """One participant's WebSocket is gone for so long; the others go on, and say so to it."""
    async with TcpProxy() as proxy:
        (node,) = cluster.living()
        proxy.server = ("127.0.0.1", node.http_port)
        async with cluster.calls(1, "cut") as (call,), _through(proxy, cluster, call.room) as (guest, heard):
            call.measure()
            guest_packets = guest.counters.received
            proxy.cut(refuse=True)
            for n in range(50):
                await call.doctor.stay.relay(None, f"note-{n}", b"")
                await asyncio.sleep(cut_s / 50)
            during = guest.counters.received - guest_packets
            proxy.heal()
            await until(lambda: len(heard) >= 50)
            figures = {
                "cut_s": cut_s,
                "longest_silence_s": round(max(call.silences_s()), 3),
                "packets_meanwhile": during,
                "events": len(heard),
            }
            hold(heard == [f"note-{n}" for n in range(50)], "every event comes once, in order", figures)
            hold(figures["longest_silence_s"] <= UNDISTURBED_S, "media goes on", figures)
            hold(during > 50 * cut_s, "media goes on for the one that is cut off", figures)
            return figures


@asynccontextmanager
async def _through(
    proxy: TcpProxy, cluster: Cluster, room: str
) -> AsyncIterator[tuple[LeanParticipant, list[str]]]:
    """A guest whose WebSocket goes through the proxy, and the relayed words it hears."""
    ticket = await cluster.tickets_of("guest", room)("join")
    host, port = proxy.address
    heard: list[str] = []
    guest = LeanParticipant(
        f"ws://{host}:{port}/v1/signal",
        ticket.ticket,
        traffic=None,
        on_event=lambda event: heard.append(event.kind) if isinstance(event, Relayed) else None,
    )
    async with guest:
        await guest.first_packet()
        yield guest, heard


async def split_brain(cluster: Cluster, calls: int, paused_s: float) -> Figures:
    """The node that has all calls is paused for longer than its lease, and somebody joins each of them at
    another; then it goes on.
    """
    (old,) = cluster.living()
    fenced_before = len(cluster.said(old, "room.fenced"))
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(cluster.calls(calls, "split"))
        new = await cluster.start_node()
        await asyncio.sleep(SETTLE_S)
        old.process.send_signal(signal.SIGSTOP)
        paused = time.monotonic()
        for call in held:
            await stack.enter_async_context(
                StayingParticipant(_patiently(cluster.tickets_of("guest", call.room), new.signal_url))
            )
        await asyncio.sleep(max(0, paused + paused_s - time.monotonic()))
        old.process.send_signal(signal.SIGCONT)
        woke = time.monotonic()
        await until(lambda: len(cluster.said(old, "room.fenced")) - fenced_before >= calls)
        fenced_s = time.monotonic() - woke
        while (await old.metrics())["teleconsult_transports"]:  # noqa: ASYNC110  asking is the waiting
            await asyncio.sleep(LOOK_S)
        closed_s = time.monotonic() - woke
        hold(closed_s < 1, "the fence closes all transports at once", {"closed_s": closed_s})
        forwarded = await _packets_sent(old)
        for call in held:
            await call.until_heard(at=new.signal_url)
        again_s = time.monotonic() - woke
        after_fence = await _packets_sent(old) - forwarded
        figures = {
            "calls": calls,
            "paused_s": paused_s,
            "fenced_after_s": round(fenced_s, 3),
            "transports_closed_after_s": round(closed_s, 3),
            "packets_of_the_old_after_the_fence": after_fence,
            "all_at_the_new_after_s": round(again_s, 3),
        }
        lost = sorted(line["epoch"] for line in cluster.said(old, "room.fenced")[fenced_before:])
        won = sorted(line["epoch"] for line in cluster.said(new, "room.taken"))
        hold(after_fence == 0, "the old node forwards nothing after the fence", figures)
        hold(len(won) == calls and max(lost) < min(won), "each room has a higher epoch than before", figures)
        return figures


def _patiently(get_ticket: GetTicket, url: str) -> GetTicket:
    """Ask until the ticket leads there."""

    async def get(why: str) -> Ticket:
        async with asyncio.timeout(PATIENCE_S):
            while (ticket := await get_ticket(why)).url != url:  # noqa: ASYNC110  no node tells
                await asyncio.sleep(0.25)
            return ticket

    return get


async def _packets_sent(node: ServerProcess) -> float:
    figures = await node.metrics()
    name = 'teleconsult_media_packets_total{direction="out"'
    return sum(value for key, value in figures.items() if key.startswith(name))


async def redis_load(cluster: Cluster, joins: int) -> Figures:
    """What joins cost one Redis, and how fast two nodes take them."""
    client: Redis = Redis.from_url(cluster.redis.url)
    try:
        idle = await _asked(client)
        await asyncio.sleep(SETTLE_S)
        idle_per_s = (await _asked(client) - idle) / SETTLE_S
        before, began = await _asked(client), time.monotonic()
        times = await _join_many(cluster, joins)
        elapsed_s = time.monotonic() - began
        asked, done = await _asked(client) - before - idle_per_s * elapsed_s
    finally:
        await client.aclose()
    return {
        "joins": joins,
        "joins_per_s": round(joins / elapsed_s, 1),
        "redis_round_trips_per_join": round(asked / joins, 2),
        "redis_commands_per_join": round(done / joins, 2),
        "redis_commands_per_s_idle": round(idle_per_s[1], 1),
        "ticket_to_joined_p50_ms": round(statistics.median(times) * 1000, 1),
        "ticket_to_joined_p95_ms": round(sorted(times)[int(0.95 * len(times))] * 1000, 1),
    }


async def _asked(client: Redis) -> NDArray[np.float64]:
    """How often it was asked for something, and how many commands it did, those within scripts included."""
    info = await client.info("stats")
    return np.array([info["total_reads_processed"], info["total_commands_processed"]], np.float64)


async def _join_many(cluster: Cluster, joins: int) -> list[float]:
    """Two to a room, ten at a time; no media. Seconds from asking for a ticket to being joined."""
    gate = asyncio.Semaphore(10)

    async def join(number: int) -> float:
        role = "doctor" if number % 2 else "patient"
        async with gate:
            began = time.monotonic()
            ticket = await cluster.tickets_of(role, f"many-{number // 2}")("join")
            session = Session(ticket.url, ticket.ticket, Encoding.MSGPACK, lambda _: None)
            try:
                await session.open()
                return time.monotonic() - began
            finally:
                await session.close()

    return list(await asyncio.gather(*(join(number) for number in range(joins))))


def _who_and_what(call: Call) -> object:
    return [
        (person.room.id, sorted(person.room.participants), sorted(person.room.granted))
        for person in call.people
    ]
