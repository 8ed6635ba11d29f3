"""One load test from its options to its report: everything is opened here, and closed here."""

import asyncio
import itertools
import math
import os
import platform
import random
import secrets
import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp

from loadtest.participant import MakeParticipant
from loadtest.results import (
    ClientFigures,
    Machine,
    Options,
    Phase,
    Progress,
    Report,
    ScenarioName,
    Server,
    TicketSource,
)
from loadtest.tool import client_watch, proc
from loadtest.tool.decoding import Decoding
from loadtest.tool.entrances import Command, Entrance, MakeMint, Minted, WalkIn
from loadtest.tool.errors import CannotTest, WrongUsage
from loadtest.tool.fleet import Fleet
from loadtest.tool.limits import check_room
from loadtest.tool.needs import allow_sockets, check_servers
from loadtest.tool.preflight import check_server, check_tickets
from loadtest.tool.reporting import counted, server_of
from loadtest.tool.run import Run
from loadtest.tool.sampler import Sampler
from loadtest.tool.scenarios import SCENARIOS, waiting_room
from loadtest.tool.scenarios.consultation_desk import ConsultationDesk
from loadtest.tool.scenarios.search import search
from loadtest.tool.server_watch import ServerWatch
from loadtest.tool.signals import Signals
from loadtest.tool.tally import Tally
from loadtest.tool.thresholds import check_told, parse_all
from loadtest.traffic import MOST_PARTICIPANTS, NativeEngine, NativeParticipant

MOST_THREADS = 64  # as --threads has it


@dataclass(frozen=True, slots=True)
class Plan:
    """A test, and what it needs that is not the report's business."""

    options: Options
    metrics: Sequence[str] = ()
    """Of each server in order; fewer, or none: the usual port is tried on this machine."""
    ticket_keys: Path | None = None
    ticket_command: str | None = None
    film: Path | None = None
    """What the bots send; None: the built-in film."""
    make_mint: MakeMint | None = None


async def run_test(plan: Plan, progress: Progress, signals: Signals | None = None) -> Report:
    """Raises CannotTest, WrongUsage; CancelledError for a signal before it has begun.

    Once it has begun, whatever happens is in the report. Later signals do nothing.
    """
    signals = signals or Signals()
    task = asyncio.current_task()
    assert task is not None
    signals.call(task.cancel)
    try:
        return await _tested(plan, progress, signals)
    finally:
        signals.keep()


async def _tested(plan: Plan, progress: Progress, signals: Signals) -> Report:
    parse_all(plan.options.thresholds, plan.options)
    check_room(plan.options)
    _check_threads(plan.options)
    progress.phase(Phase.CHECKING, None)
    check_servers(plan.options)
    allow_sockets(plan.options)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        entrances = [_entrance(plan, http, origin) for origin in plan.options.servers]
        name = f"loadtest-{secrets.token_hex(4)}"
        for number, (origin, entrance) in enumerate(zip(plan.options.servers, entrances, strict=True)):
            await check_server(http, origin)
            if plan.options.tickets is not TicketSource.TEST_LOGINS:
                room = f"{name}-check-{number}"
                await check_tickets(
                    entrance, plan.options.tickets, origin, room, recording=plan.options.recording
                )
        watches = [
            ServerWatch(http, origin, plan.metrics[number] if number < len(plan.metrics) else None)
            for number, origin in enumerate(plan.options.servers)
        ]
        for watch in watches:
            await watch.find()
        check_told(plan.options.thresholds, [watch.tells for watch in watches])
        if plan.options.scenario is ScenarioName.SOAK and not any(watch.tells for watch in watches):
            raise CannotTest("A soak looks for what grows on the server: say with --metrics where it tells.")
        draw = random.Random(plan.options.seed)
        make = _native(stack, plan.options)
        fleet = Fleet(entrances, make, plan.options, progress)
        sampler = Sampler(fleet, watches, progress, time.monotonic())
        run = Run(plan.options, fleet, sampler, progress, draw, http, name)
        started_at = datetime.now(UTC)
        run.snapshot = lambda: _report(plan.options, run, watches, started_at)
        if plan.options.bots:
            rooms = [run.new_room() for _ in range(plan.options.bots // 2)]
            run.decoding = await Decoding.open(stack, plan.film, fleet, rooms)
        body = await _scenario(stack, run)
        signals.call(lambda: run.told_to_end(f"{signals.why}."))
        await run.play(body, stack.pop_all())
    return _final(run)


def _check_threads(options: Options) -> None:
    """Raises WrongUsage."""
    needed = math.ceil(options.most_participants / MOST_PARTICIPANTS)
    if needed > MOST_THREADS:
        raise WrongUsage(
            f"--calls: {options.most_participants} participants at a time are more than one load tester "
            f"holds ({MOST_THREADS * MOST_PARTICIPANTS}); take several"
        )
    if needed > options.threads:
        raise WrongUsage(
            f"--threads: {options.most_participants} participants at a time take {needed}, "
            f"as one holds {MOST_PARTICIPANTS} at most"
        )


def _native(stack: AsyncExitStack, options: Options) -> MakeParticipant:
    """Participants in turn on so many media threads, which end with the stack."""
    engines = [NativeEngine(seed=options.seed + number) for number in range(options.threads)]
    for engine in engines:
        stack.callback(engine.close)
    turns = itertools.cycle(engines)
    return lambda joining: NativeParticipant(next(turns), joining)


async def _scenario(stack: AsyncExitStack, run: Run) -> Awaitable[None]:
    options = run.options
    if options.find_capacity:
        return search(run)
    if options.tickets is TicketSource.TEST_LOGINS:
        desk = await ConsultationDesk.open(stack, options.servers[0], options.calls, options.doctors)
        if desk is None:
            raise CannotTest(
                f"{options.servers[0]} has no test persons to log in as: "
                "start it with `teleconsult serve --development`."
            )
        return waiting_room.play(run, desk)
    return SCENARIOS[options.scenario](run)


def _final(run: Run) -> Report:
    """Of a search: the window that was found, with the time line of all of them."""
    report = run.snapshot()
    if run.best is None:
        return report
    ends = ("ended_at", "partial", "partial_reason", "timeline")
    return run.best.model_copy(update={name: getattr(report, name) for name in ends})


def _entrance(plan: Plan, http: aiohttp.ClientSession, origin: str) -> Entrance:
    match plan.options.tickets:
        case TicketSource.WALK_IN | TicketSource.TEST_LOGINS:
            return WalkIn(http, origin)
        case TicketSource.COMMAND:
            try:
                return Command(plan.ticket_command or "", origin)
            except ValueError as error:
                raise WrongUsage(f"--ticket-command: {error}") from None
        case TicketSource.KEYS:
            assert plan.ticket_keys is not None
            if plan.make_mint is None:
                raise CannotTest("Here is nothing that could sign tickets.")
            try:
                return Minted(plan.make_mint(plan.ticket_keys), origin)
            except ValueError as error:
                raise WrongUsage(f"--ticket-keys: {error}") from None


def _report(options: Options, run: Run, watches: Sequence[ServerWatch], started_at: datetime) -> Report:
    tally, sampler = run.fleet.tally, run.sampler
    report = Report.model_validate(
        {
            "tool": version("teleconsult"),
            "options": options,
            "machine": this_machine(),
            "servers": tuple(
                Server(origin=watch.origin, version=watch.version, same_host=watch.same_host)
                for watch in watches
            ),
            "started_at": started_at,
            "ended_at": datetime.now(UTC),
            "measured_from_s": run.window_began_s,
            "measured_s": run.window_s,
            "partial": run.stopped_for is not None,
            "partial_reason": run.stopped_for,
            "server": server_of(sampler.looks, [watch.tells for watch in watches]),
            "client": _client(sampler, tally),
            "trends": run.trends,
            "fidelity": run.decoding.fidelity if run.decoding is not None else None,
            "timeline": tuple(sampler.seconds),
            **counted(tally),
        }
    )
    results = tuple(threshold.judge(report) for threshold in parse_all(options.thresholds, options))
    return report.model_copy(update={"thresholds": results})


def _client(sampler: Sampler, tally: Tally) -> ClientFigures | None:
    if len(sampler.client_looks) < 2:
        return None
    before, after = sampler.client_looks[:2]
    cost = client_watch.cost_between(before, after, os.cpu_count() or 1)
    late = tally.media["video"].late.copy()
    late.merge(tally.media["audio"].late)
    return client_watch.judged(
        cost,
        cpu_max=max((second.client_cpu for second in sampler.seconds if second.measured), default=cost.cpu),
        cpus=len(os.sched_getaffinity(0)),
        late_p99_ms=late.percentile_ms(0.99),
    )


def this_machine() -> Machine:
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        cpu_model=proc.cpu_model(),
        memory_mb=proc.memory_mb(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )
