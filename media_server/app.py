"""One running node: the parts wired together, from the first socket bound to the last one closed.

What is opened is put on a stack, so that whatever goes wrong, and in whatever order, all of it is closed
again. On SIGTERM the node says that it is not ready, lets signalling hand its rooms to other nodes, and ends
with status 0; a second signal ends the waiting for those who have not followed.
"""

import asyncio
import logging
import resource
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import uvloop
from aiohttp import web

import sfu
import signalling
from auth import (
    LONGEST_SESSION_S,
    LONGEST_TICKET_S,
    AuthError,
    KeyRing,
    Reentries,
    TicketIssuer,
    TicketVerifier,
)
from media_server.admission import Admissions
from media_server.consents import RoomConsents
from media_server.consulting import Node, open_consulting, open_node_records
from media_server.demo import Companion
from media_server.errors import ApplicationError, CannotStart, Failed
from media_server.health import Health, Phase
from media_server.http_api import Parts, build_http, build_metrics_http
from media_server.listening import cannot_bind, check_udp_port_free, listen, load_certificate, server_tls
from media_server.loop_lag import watch_loop_lag
from media_server.media import MediaPlane
from media_server.metric_rows import Kind, Row, plane_rows, signalling_rows
from media_server.metrics import Metrics
from media_server.pages import read_pages
from media_server.recording.recorder import Recorder
from media_server.recording.service import open_recorder, unix_us
from media_server.running import as_running
from media_server.settings import Policy, Settings
from media_server.walk_in import WalkIn

ENOUGH_FILES = 4096
# How long joins to an ended room are told so (close 4410) rather than given a new room of that name.
ENDED_ROOM_MEMORY_S = 120.0

log = logging.getLogger(__name__)

_PRUNE_KEYS_EVERY_S = 600.0
# A node that crashed is forgotten in less.
_TWIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Running:
    """A node that takes participants. `origin` has no trailing slash."""

    origin: str
    http_port: int
    metrics_port: int
    media_port: int
    issuer: TicketIssuer
    drain: Callable[[], Coroutine[None, None, None]]


def serve_until_stopped(
    settings: Settings, *, started: Callable[[str], None], companion: Companion | None = None
) -> None:
    """Run a node until SIGTERM or SIGINT, or until the companion has ended. `started` hears the origin.

    Raises CannotStart, AuthError when the keys cannot be used, and Failed.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, started, companion))
    except Exception as error:
        cause = _without_group(error)
        if isinstance(cause, ApplicationError | AuthError):
            raise cause from None
        # Python would print the words of the error, which may quote anything.
        log.exception("server.failed")
        raise Failed("the server failed; its log says where") from None


def _without_group(error: Exception) -> Exception:
    """What a task group wrapped, if it was one thing."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _serve(settings: Settings, started: Callable[[str], None], companion: Companion | None) -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told(name: str) -> None:
        log.info("server.told_to_stop", extra={"signal": name})
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number.name)
    async with node(settings) as running:
        started(running.origin)
        beside = [] if companion is None else [companion(settings, running.issuer, running.origin)]
        await _until_first(stop.wait(), *beside)
        await _until_first(running.drain(), hurry.wait())
    log.info("server.stopped")


@asynccontextmanager
async def node(settings: Settings) -> AsyncIterator[Running]:
    """A node, ready when entered and closed when left. Raises CannotStart, AuthError."""
    started = time.perf_counter()
    _raise_file_limit()
    async with AsyncExitStack() as stack:
        # Sockets first: that a port is taken should be said before half a second of other work.
        http_socket = stack.enter_context(listen(settings.http_host, settings.http_port, "HTTP_PORT"))
        metrics_socket = stack.enter_context(
            listen(settings.metrics_host, settings.metrics_port, "METRICS_PORT")
        )
        http_port, metrics_port = (each.getsockname()[1] for each in (http_socket, metrics_socket))
        stack.enter_context(as_running(settings.data_dir))
        tls = server_tls(settings)
        longest_s = max(LONGEST_TICKET_S, LONGEST_SESSION_S)
        keys = KeyRing.open(settings.keys_folder, longest_life_s=longest_s)
        keys.prune()
        issuer = TicketIssuer(keys)
        metrics = Metrics()
        health = Health(settings.node_id, metrics.ready)

        media = MediaPlane(metrics)
        plane = await stack.enter_async_context(_plane(settings, media))
        recorder = await stack.enter_async_context(open_recorder(settings, plane))
        records = await asyncio.to_thread(open_node_records, settings, unix_us)
        stack.callback(records.engine.dispose)
        redis, store = await stack.enter_async_context(_store(settings))
        rooms = signalling.SignallingServer(
            store,
            media,
            Admissions(TicketVerifier(keys), issuer),
            _signalling_settings(settings, http_port, plane.addresses),
            observe=lambda step, seconds: metrics.join_step(step.value, seconds),
            recorder=recorder,
            consents=RoomConsents(records.ledger),
            third_parties=records.third_parties,
        )
        await stack.enter_async_context(rooms)
        media.attach(plane, rooms)
        if recorder is not None:
            recorder.attach(rooms)
        metrics.add(lambda: _figures(plane, rooms, recorder))
        health.is_broken = lambda: plane.stats()["worker_panics"] > 0

        await stack.enter_async_context(
            _background(media.watch(), watch_loop_lag(metrics.loop_lag), _prune_keys(keys))
        )
        shared = settings.redis_url is not None
        place = (lambda room: rooms.place(signalling.RoomId(room))) if shared else None
        walk_in = WalkIn(settings, issuer, Reentries(keys), place) if settings.walk_in else None
        consulting = await stack.enter_async_context(
            open_consulting(Node(settings, records, rooms, keys, issuer, redis, http_port, unix_us))
        )
        if consulting is not None:
            metrics.add(consulting.rows)
        parts = Parts(
            rooms.handle,
            signalling.message_schema,
            read_pages(),
            health,
            metrics,
            walk_in,
            None if consulting is None else consulting.login,
            consulting,
        )
        await _site(stack, build_metrics_http(metrics), metrics_socket, None)
        await _site(stack, build_http(settings, parts, http_port), http_socket, tls)
        _reload_certificate_on_hangup(stack, settings, tls)

        async def drain() -> None:
            health.enter(Phase.DRAINING)
            await rooms.drain()

        health.enter(Phase.READY)
        log.info(
            "server.ready",
            extra={
                "node": settings.node_id,
                "policy": settings.policy,
                "http_port": http_port,
                "metrics_port": metrics_port,
                "media_port": plane.port,
                "walk_in": settings.walk_in,
                "recording": recorder is not None,
                "workers": settings.workers,
                "start_ms": round((time.perf_counter() - started) * 1000),
            },
        )
        yield Running(settings.origin(http_port), http_port, metrics_port, plane.port, issuer, drain)


@asynccontextmanager
async def _store(
    settings: Settings,
) -> AsyncIterator[tuple[signalling.RedisConnection | None, signalling.RoomStore]]:
    """Rooms in memory, or in the Redis that several nodes share. Raises CannotStart."""
    if settings.redis_url is None:
        yield None, signalling.MemoryRooms(time.monotonic)
        return
    try:
        async with signalling.open_redis(settings.redis_url.get_secret_value()) as redis:
            store = signalling.RedisRooms(redis)
            await store.until_settled()
            await _check_only_one(store, signalling.NodeId(settings.node_id))
            yield redis, store
    except signalling.BadStore as error:
        raise CannotStart(f"REDIS_URL: this Redis {error}") from error
    except signalling.StoreUnavailable as error:
        raise CannotStart("REDIS_URL: this Redis answered once, and then no more") from error


async def _check_only_one(store: signalling.RoomStore, node: signalling.NodeId) -> None:
    """Two nodes of one name would take each other's rooms for their own. Raises CannotStart."""
    try:
        async with asyncio.timeout(_TWIN_S):
            while any(record.node == node for record in await store.nodes()):  # noqa: ASYNC110  no event
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise CannotStart(f"NODE_ID: another node of this Redis is called {node}, too") from None


@asynccontextmanager
async def _plane(settings: Settings, media: MediaPlane) -> AsyncIterator[sfu.Sfu]:
    check_udp_port_free(settings.media_host, settings.media_port, "MEDIA_PORT")
    plane = sfu.Sfu(
        sfu.SfuSettings(
            port=settings.media_port,
            bind=settings.media_host,
            announced=settings.announced_addresses,
            workers=settings.workers,
            longest_wait_us=settings.media_longest_wait_us,
            consent_timeout_s=settings.consent_timeout_s,
            # Where recording is refused, the media plane could not record if it were asked to.
            max_taps=0 if settings.recording_refused else settings.max_recordings,
        ),
        media.on_event,
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(plane)
        except OSError as error:
            raise cannot_bind("MEDIA_PORT", settings.media_port, error) from error
        except sfu.BadSettings as error:
            raise CannotStart(f"MEDIA_HOST, MEDIA_PORT, ANNOUNCED_ADDRESSES, WORKERS: {error}") from error
        yield plane


def _figures(plane: sfu.Sfu, rooms: signalling.SignallingServer, recorder: Recorder | None) -> Iterator[Row]:
    """All that the metrics page shows of other parts."""
    yield from plane_rows(plane.stats())
    yield from signalling_rows(rooms.counters)
    gauges = (
        ("rooms", "Rooms on this node", rooms.rooms_now),
        ("sessions", "Participants' sessions, those awaiting a resume included", rooms.sessions_now),
        ("signal_connections_open", "WebSocket connections open", rooms.counters.connections_now),
        ("handshakes_in_flight", "DTLS handshakes that have begun", plane.handshakes_in_flight),
        ("tasks", "Tasks of the event loop", len(asyncio.all_tasks())),
        ("recordings_open", "Recordings that are not ended on disk", recorder.open_now if recorder else 0),
    )
    yield from (Row(name, text, value, kind=Kind.GAUGE) for name, text, value in gauges)
    if recorder is not None:
        for result, count in (("opened", recorder.counters.opened), ("failed", recorder.counters.failed)):
            yield Row("recordings", "Recordings that were begun, or could not be", count, {"result": result})
        troubles = recorder.counters.troubles
        yield Row("recording_troubles", "Times that the disk took no data of a recording", troubles)
    for queue, dropped in (
        ("signal-outbox", rooms.counters.outbox_overflows),
        ("handshakes", plane.handshakes_turned_away),
    ):
        yield Row("queue_drops", "Thrown away because a queue was full", dropped, {"queue": queue})


def _signalling_settings(
    settings: Settings, http_port: int, media: Sequence[tuple[str, int]]
) -> signalling.SignallingSettings:
    origin = settings.origin(http_port)
    here = settings.node_url or origin
    return signalling.SignallingSettings(
        node=signalling.NodeId(settings.node_id),
        node_url=f"{here.replace('http', 'ws', 1)}/v1/signal",
        allowed_origins=(origin, *settings.allowed_origins),
        policy=settings.policy.value,
        recording=settings.policy is Policy.CONSENTED_RECORDING,
        ice_servers=tuple(
            signalling.IceServer(
                urls=each.urls,
                username=each.username,
                credential=signalling.Private(each.credential.get_secret_value())
                if each.credential
                else None,
            )
            for each in settings.ice_servers
        ),
        media_addresses=tuple(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in media
        ),
        join_timeout_s=settings.join_timeout_s,
        resume_window_s=settings.resume_window_s,
        ping_interval_s=settings.ping_interval_s,
        room_empty_s=settings.room_empty_s,
        drain_s=settings.drain_s,
        behind_proxy=settings.behind_tls_proxy,
        # Whoever tries a call out on their own machine wants to try it again at once.
        # And who waits long, away from the page for a while, must find the room again: that a consultation is
        # over says its record.
        ended_room_memory_s=0.0 if settings.walk_in or settings.can_log_in else ENDED_ROOM_MEMORY_S,
    )


def _raise_file_limit() -> None:
    """Each participant's WebSocket is a file descriptor; the usual soft limit of 1024 would be the node's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES:
        log.warning("server.few_files", extra={"limit": hard, "was": soft})


async def _site(
    stack: AsyncExitStack, app: web.Application, listener: socket.socket, tls: ssl.SSLContext | None
) -> None:
    """Serve an application until the stack is left."""
    # No access log: it is made of addresses. Handlers have ended before, by `drain`, or are ended now.
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener, ssl_context=tls).start()


def _reload_certificate_on_hangup(
    stack: AsyncExitStack, settings: Settings, tls: ssl.SSLContext | None
) -> None:
    """SIGHUP reads a renewed certificate; one that cannot be read leaves the old one in use."""
    loop = asyncio.get_running_loop()

    def reload() -> None:
        if tls is None:
            return
        try:
            load_certificate(tls, settings)
        except CannotStart:
            log.error("tls.reload_failed")
        else:
            log.info("tls.reloaded")

    loop.add_signal_handler(signal.SIGHUP, reload)
    stack.callback(loop.remove_signal_handler, signal.SIGHUP)


async def _prune_keys(keys: KeyRing) -> None:
    while True:
        await asyncio.sleep(_PRUNE_KEYS_EVERY_S)
        try:
            for kid in keys.prune():
                log.info("keys.pruned", extra={"kid": kid})
        except AuthError:
            log.error("keys.prune_failed")


@asynccontextmanager
async def _background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run until left. The end of one by a bug ends the node: half a server is worse than a restarted one."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _until_first(*work: Coroutine[None, None, object]) -> None:
    """Run all; when the first has ended, end the others. Raises what the first raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
