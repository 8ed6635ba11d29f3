"""The consultation of a node, wired together: records, ledger, queue, sessions, login, endpoints, reports.

It stands on the signalling server and is closed before it. Where nobody can log in there are no routes to it;
consents and their ledger are there all the same, for rooms.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain

from aiohttp import web
from sqlalchemy import Engine

import signalling
from auth import KeyRing, PersonId, Private, Role, SessionKind, TicketIssuer, csrf_token
from media_server.api import Api, Endpoint, Idempotency, openapi_document
from media_server.consents import ConsentKind, Ledger
from media_server.consultations import (
    ConsultationStore,
    Desk,
    DutyDesk,
    Guests,
    NoSuchConsultation,
    PresenceKeeper,
    QueueKeeper,
    RoomFacts,
    RoomNews,
    participant_id,
)
from media_server.development_files import write_test_files
from media_server.development_registry import has_test_doctors, register_test_doctors
from media_server.endpoints import Services, all_endpoints
from media_server.endpoints.third_parties import ThirdParties
from media_server.errors import CannotStart
from media_server.login.described import login_paths
from media_server.login.handlers import Login
from media_server.login.service import open_login
from media_server.login.settings import ItsmeEnvironment
from media_server.medical_file import FolderMedicalFile, MedicalFile
from media_server.metric_rows import Row
from media_server.people import Doctors, Patients
from media_server.problems import answer_to
from media_server.purge import PurgeJob
from media_server.recording.catalogue import Catalogue
from media_server.recording.signing import KeySigner, manifest_keys, newest_signer
from media_server.records import FieldKeys, open_records
from media_server.report_outbox import SqlOutbox
from media_server.report_watch import ReportWatch
from media_server.reports import (
    FolderDelivery,
    Outbox,
    Report,
    ReportDelivery,
    open_webhook,
)
from media_server.sessions import (
    Housekeeping,
    LiveLogins,
    LoginSessions,
    SessionCallers,
    SessionStore,
    add_logout_route,
    set_session_cookie,
)
from media_server.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Records:
    """What a node keeps, opened before its rooms are."""

    engine: Engine
    keys: FieldKeys
    signer: KeySigner
    ledger: Ledger
    store: ConsultationStore
    third_parties: ThirdParties


def open_node_records(settings: Settings, clock_us: Callable[[], int]) -> Records:
    """Blocking. Raises RecordsUnusable, FieldKeysUnusable, AuthError."""
    engine = open_records(settings.records_url)
    keys = FieldKeys.open(settings.field_keys_folder)
    signer = newest_signer(manifest_keys(settings.manifest_keys_folder))
    Catalogue(engine).register_key(signer.kid, signer.public_key, settings.node_id)
    ledger = Ledger(engine, signer, settings.policy.value, clock_us)
    store = ConsultationStore(engine, keys, clock_us)
    return Records(engine, keys, signer, ledger, store, ThirdParties(store, Guests(engine, ledger)))


@dataclass(frozen=True, slots=True)
class Consulting:
    """`add_routes` adds all but logging in to the node's HTTP application; that is `login`'s. `rows`: for the
    metrics page.
    """

    login: Login
    add_routes: Callable[[web.UrlDispatcher], None]
    rows: Callable[[], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Node:
    """What the consultation needs of the node that it is part of. `redis` None: it is alone."""

    settings: Settings
    records: Records
    rooms: signalling.SignallingServer
    keys: KeyRing
    issuer: TicketIssuer
    redis: signalling.RedisConnection | None
    http_port: int
    clock_us: Callable[[], int]


@asynccontextmanager
async def open_consulting(node: Node) -> AsyncIterator[Consulting | None]:
    """None where nobody can log in. Raises KeysUnusable, BadDelivery."""
    settings, records, clock_us = node.settings, node.records, node.clock_us
    if settings.itsme_environment is ItsmeEnvironment.NONE:
        yield None
        return
    if settings.itsme_environment is ItsmeEnvironment.DEVELOPMENT:
        await asyncio.to_thread(register_test_doctors, records.engine, records.keys, clock_us())
    elif await asyncio.to_thread(has_test_doctors, records.engine):
        raise CannotStart(
            "ITSME_ENVIRONMENT: these records have the development provider's doctors, whose numbers may be"
            " real people's; use another DATA_DIR or DATABASE_URL"
        )
    patients = Patients(records.engine, records.keys, clock_us)
    doctors = Doctors(records.engine, records.keys, clock_us)
    sessions = SessionStore(records.engine, node.keys, records.keys, clock_us)
    async with AsyncExitStack() as stack:
        login = await stack.enter_async_context(
            open_login(settings, node.http_port, LoginSessions(sessions, patients, doctors), node.redis)
        )
        assert login is not None, "somebody can log in"
        delivery = await _delivery(stack, node)
        watch = ReportWatch(records.engine)
        services, outbox = _services(node, patients, doctors, delivery, watch)
        endpoints = all_endpoints(
            services,
            GuestSessions(sessions, settings.secure),
            await asyncio.to_thread(_medical_file, settings, records.keys),
            Catalogue(records.engine),
            records.signer,
        )
        callers = SessionCallers(settings, sessions)
        api = Api(callers, records.store, Idempotency(records.engine, records.keys, clock_us, answer_to))
        purge = PurgeJob(records.engine, clock_us, reports_kept_us=int(settings.report_kept_days * 86_400e6))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            group.create_task(work, name=name)
            for work, name in (
                (services.keeper.run(), "queue-keeper"),
                (
                    PresenceKeeper(records.store, node.rooms, clock_us, settings.doctor_absence_s).run(),
                    "presence-keeper",
                ),
                (services.news.run(), "room-news"),
                (LiveLogins(sessions, node.rooms).run(), "live-logins"),
                (outbox.run(), "report-outbox"),
                (watch.run(), "report-watch"),
                (Housekeeping(records.engine, sessions, doctors).run(), "housekeeping"),
                (purge.run(), "purge"),
            )
        ]

        def add_routes(router: web.UrlDispatcher) -> None:
            api.add_routes(router, endpoints)
            add_logout_route(router, callers, sessions, doctors, secure=settings.secure)
            _add_openapi(router, endpoints)

        try:
            yield Consulting(
                login, add_routes, lambda: chain(purge.rows(), watch.rows(), services.keeper.rows())
            )
        finally:
            for task in tasks:
                task.cancel()


class GuestSessions:
    """Implements `endpoints.guest_endpoints.GuestSessions`."""

    def __init__(self, sessions: SessionStore, secure: bool) -> None:
        self._sessions = sessions
        self._secure = secure

    async def begin_guest(self, guest: str, consultation: str) -> tuple[Private[str], str, int]:
        begun = await asyncio.to_thread(
            self._sessions.begin, PersonId(guest), Role.GUEST, SessionKind.PAGE, consultation
        )
        assert begun.cookie is not None, "a page's"
        return begun.cookie, csrf_token(begun.cookie.reveal()), begun.life_s

    def set_cookie(self, response: web.Response, cookie: Private[str], life_s: int) -> None:
        set_session_cookie(response, cookie, life_s, secure=self._secure)


def _services(
    node: Node, patients: Patients, doctors: Doctors, delivery: ReportDelivery, watch: ReportWatch
) -> tuple[Services, Outbox]:
    settings, records, clock_us = node.settings, node.records, node.clock_us
    queue: signalling.WaitingQueue
    news: signalling.News
    if node.redis is None:
        queue, news = signalling.MemoryWaiting(lambda: clock_us() / 1e6), signalling.LocalNews()
    else:
        queue, news = signalling.RedisWaiting(node.redis), signalling.RedisNews(node.redis)
    guests = Guests(records.engine, records.ledger)
    room_news = RoomNews(news, node.rooms, records.ledger, RoomFacts(records.store, records.keys), guests)
    desk = Desk(
        records.store,
        records.ledger,
        records.keys,
        queue,
        room_news,
        clock_us,
        settings.fair_use_per_month,
        settings.purge_after_s,
        settings.doctor_absence_s,
    )
    duty_desk = DutyDesk(records.store, records.keys, queue, room_news, desk, settings.claim_absence_s)
    sql_outbox = SqlOutbox(records.engine, records.keys)
    outbox = Outbox(
        sql_outbox,
        delivery,
        clock_us,
        _may_send(records),
        owner=settings.node_id,
        observe=watch.observe,
    )
    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(outbox.wake)

    services = Services(
        settings=settings,
        origin=settings.origin(node.http_port),
        engine=records.engine,
        keys=records.keys,
        clock_us=clock_us,
        store=records.store,
        ledger=records.ledger,
        desk=desk,
        duty_desk=duty_desk,
        keeper=QueueKeeper(
            records.store,
            desk,
            duty_desk,
            queue,
            node.rooms,
            doctors,
            clock_us,
            settings.open_consultation_days,
            settings.claim_absence_s,
        ),
        news=room_news,
        guests=guests,
        rooms=node.rooms,
        patients=patients,
        doctors=doctors,
        issuer=node.issuer,
        outbox=sql_outbox,
        wake_outbox=wake,
        place=lambda room: node.rooms.place(signalling.RoomId(room)),
    )
    return services, outbox


def _may_send(records: Records) -> Callable[[Report], Awaitable[bool]]:
    """Whether the patient lets this report go to this GP, asked of the ledger at the moment of sending."""

    def granted(report: Report) -> bool:
        try:
            consultation = records.store.get(report.consultation)
        except NoSuchConsultation:
            return False
        patient = participant_id(records.keys, consultation.id, consultation.patient)
        entry = records.ledger.grant(consultation.id, ConsentKind.REPORT_TO_GP, patient)
        return entry is not None and entry.word.recipient == report.recipient.reveal()

    return lambda report: asyncio.to_thread(granted, report)


async def _delivery(stack: AsyncExitStack, node: Node) -> ReportDelivery:
    settings = node.settings
    if settings.report_webhook is None:
        return FolderDelivery(settings.reports_folder)
    return await stack.enter_async_context(
        open_webhook(settings.report_webhook, lambda: node.records.signer, lambda: node.clock_us() / 1e6)
    )


def _medical_file(settings: Settings, keys: FieldKeys) -> MedicalFile | None:
    """Test persons have files of their own, unless a folder is set. Raises CannotStart."""
    folder, key = settings.medical_files_dir, medical_file_key(keys)
    if folder is None and settings.itsme_environment is ItsmeEnvironment.DEVELOPMENT:
        folder = settings.data_dir / "medical-files"
        try:
            write_test_files(folder, key)
        except OSError as error:
            raise CannotStart(f"DATA_DIR: cannot write to {folder}: {error.strerror}") from error
    return None if folder is None else FolderMedicalFile(folder, key)


def medical_file_key(keys: FieldKeys) -> bytes:
    """Of the names of files in MEDICAL_FILES_DIR."""
    return keys.index("medical-file", "name")


def _add_openapi(router: web.UrlDispatcher, endpoints: tuple[Endpoint, ...]) -> None:
    @cache
    def document() -> str:
        return json.dumps(openapi_document(endpoints, _version(), login_paths()))

    async def openapi(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(document)  # takes long, the first time
        headers = {"Cache-Control": "no-cache"}
        return web.Response(text=text, content_type="application/json", headers=headers)

    router.add_get("/v1/openapi.json", openapi)


def _version() -> str:
    try:
        return version("teleconsult")
    except PackageNotFoundError:
        return "0"
