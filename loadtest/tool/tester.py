"""One load test from its options to its report: everything is opened here, and closed here."""

import asyncio
import itertools
import math
import os
import platform
import random
import resource
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
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
from loadtest.tool.preflight import check_server, check_tickets
from loadtest.tool.reporting import counted, server_of
from loadtest.tool.run import Run
from loadtest.tool.sampler import Sampler
from loadtest.tool.scenarios import SCENARIOS, waiting_room
from loadtest.tool.scenarios.consultation_desk import ConsultationDesk
from loadtest.tool.scenarios.search import search
from loadtest.tool.server_watch import ServerWatch
from loadtest.tool.tally import Tally
from loadtest.tool.thresholds import parse_all
from loadtest.traffic import MOST_PARTICIPANTS, NativeEngine, NativeParticipant


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


async def run_test(plan: Plan, progress: Progress) -> Report:
    """Raises CannotTest, WrongUsage; once it has begun, whatever happens is in the report."""
    parse_all(plan.options.thresholds, plan.options)
    _check_threads(plan.options)
    progress.phase(Phase.CHECKING, None)
    _allow_many_sockets()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        entrances = [_entrance(plan, http, origin) for origin in plan.options.servers]
        name = f"loadtest-{secrets.token_hex(4)}"
        for number, (origin, entrance) in enumerate(zip(plan.options.servers, entrances, strict=True)):
            await check_server(http, origin)
            if plan.options.tickets is not TicketSource.TEST_LOGINS:
                await check_tickets(entrance, plan.options.tickets, origin, f"{name}-check-{number}")
        watches = [
            ServerWatch(http, origin, plan.metrics[number] if number < len(plan.metrics) else None)
            for number, origin in enumerate(plan.options.servers)
        ]
        for watch in watches:
            await watch.find()
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
        with _stopping(run):
            await run.play(body)
        return _final(run)


def _check_threads(options: Options) -> None:
    """Raises WrongUsage."""
    needed = math.ceil(options.most_participants / MOST_PARTICIPANTS)
    if needed > options.threads:
        raise WrongUsage(
            f"--threads: {options.most_participants} participants at a time take {needed}, "
            f"as one holds {MOST_PARTICIPANTS} at most"
        )


def _allow_many_sockets() -> None:
    """Two for each participant; most systems allow a thousand unless asked."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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


@contextmanager
def _stopping(run: Run) -> Iterator[None]:
    """Ctrl-C ends the test and keeps what was measured; a second one ends the program."""
    loop = asyncio.get_running_loop()
    signals: dict[signal.Signals, str] = {
        signal.SIGINT: "It was stopped by Ctrl-C.",
        signal.SIGTERM: "It was told to stop.",
    }

    def stop(reason: str) -> None:
        restore()
        run.stop(reason)

    def restore() -> None:
        for each in signals:
            loop.remove_signal_handler(each)

    def stopping(reason: str) -> Callable[[], None]:
        return lambda: stop(reason)

    for each, reason in signals.items():
        loop.add_signal_handler(each, stopping(reason))
    try:
        yield
    finally:
        restore()


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
