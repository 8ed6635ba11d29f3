"""Photos and documents that patient and doctor show each other: kept sealed, until the purge."""

import asyncio
import secrets

from aiohttp import web
from sqlalchemy import func, insert, select

from auth import Operation
from media_server.api import Answer, Call, Endpoint, Parameter, read_at_most
from media_server.consultations import BadAttachment, Consultation, NotInThisState, UnknownAttachment
from media_server.endpoints.models import AttachmentShown
from media_server.endpoints.services import Services, moment
from media_server.records import reading, tables, writing

MOST_BYTES = 10 * 1024 * 1024
_MOST_FILES = 20
_attachments = tables.attachments

# What each type's files begin with; what does not is something else under that name. Ciphertext has no look.
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),  # so do sound and films: see `_looks_like`
    "application/pdf": (b"%PDF-",),
    "application/octet-stream": (b"",),
}
TYPES = tuple(_BEGINNINGS)


class FileEndpoints:
    def __init__(self, services: Services) -> None:
        self._services = services

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}/attachments"
        return (
            Endpoint(
                "POST",
                at,
                Operation.POST_ATTACHMENT,
                "Hand in a photo or a document, or ciphertext of one",
                self._add,
                answer=AttachmentShown,
                status=201,
                raw_body=TYPES,
                most_bytes=MOST_BYTES,
                refusals={409: ("state",), 422: ("attachment",), 429: ("too-many-requests",)},
            ),
            Endpoint(
                "GET",
                f"{at}/{{attachment}}",
                Operation.GET_ATTACHMENT,
                "The file",
                self._get,
                path_parameters=(Parameter("attachment", "The attachment's id"),),
                media_types=TYPES,
            ),
        )

    async def _add(self, call: Call[None]) -> Answer:
        if call.about.state.over:
            raise NotInThisState("the consultation is over")
        content_type = call.request.content_type
        content = await read_at_most(call.request, MOST_BYTES)
        if not content or not _looks_like(content, content_type):
            raise BadAttachment("the file is empty, or not of the type that it is sent as")
        participant = self._services.participant(call.about, call.who.person)
        added = await asyncio.to_thread(self._write, call, participant, content_type, content)
        return Answer(added)

    def _write(
        self, call: Call[None], participant: str, content_type: str, content: bytes
    ) -> AttachmentShown:
        services, consultation = self._services, call.about
        id_, now = f"a-{secrets.token_hex(12)}", services.clock_us()
        with writing(services.engine) as connection:
            if services.store.get_within(connection, consultation.id, for_update=True).state.over:
                raise NotInThisState("the consultation is over")
            count = connection.execute(
                select(func.count())
                .select_from(_attachments)
                .where(_attachments.c.consultation == consultation.id)
            ).scalar_one()
            if count >= _MOST_FILES:
                raise BadAttachment(f"at most {_MOST_FILES} files in a consultation")
            connection.execute(
                insert(_attachments).values(
                    id=id_,
                    consultation=consultation.id,
                    participant=participant,
                    content_type=content_type,
                    bytes=len(content),
                    created_at_us=now,
                    sealed=services.keys.seal(_place(id_), content),
                )
            )
            services.store.note(
                connection, consultation, call.who.person, call.who.role.value, "attachment.added"
            )
        return AttachmentShown(
            id=id_,
            content_type=content_type,
            bytes=len(content),
            sender=participant,
            created_at=moment(now),
        )

    async def _get(self, call: Call[None]) -> web.Response:
        content_type, content = await asyncio.to_thread(self._read, call)
        return web.Response(
            body=content,
            content_type=content_type,
            headers={
                "Cache-Control": "no-store",
                # Whatever is in it, it is shown by nobody but who asked for it as a picture.
                "Content-Disposition": "attachment",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _read(self, call: Call[None]) -> tuple[str, bytes]:
        services, id_ = self._services, call.path["attachment"]
        with writing(services.engine) as connection:
            row = connection.execute(
                select(_attachments.c.content_type, _attachments.c.sealed).where(
                    _attachments.c.id == id_, _attachments.c.consultation == call.about.id
                )
            ).one_or_none()
            if row is None:
                raise UnknownAttachment("there is no such attachment")
            services.store.note(
                connection, call.about, call.who.person, call.who.role.value, "attachment.read"
            )
        return row.content_type, services.keys.open_sealed(_place(id_), row.sealed)


def attachments_of(services: Services, consultation: Consultation) -> list[AttachmentShown]:
    """In the order they came; blocking. Raises RecordsUnusable."""
    columns = [column for column in _attachments.c if column.name != "sealed"]
    with reading(services.engine) as connection:
        rows = connection.execute(
            select(*columns)
            .where(_attachments.c.consultation == consultation.id)
            .order_by(_attachments.c.created_at_us, _attachments.c.id)
        ).all()
    return [
        AttachmentShown(
            id=row.id,
            content_type=row.content_type,
            bytes=row.bytes,
            sender=row.participant,
            created_at=moment(row.created_at_us),
        )
        for row in rows
    ]


def _looks_like(content: bytes, content_type: str) -> bool:
    if content_type == "image/webp" and content[8:12] != b"WEBP":  # RFC 9649 §2.4
        return False
    return content.startswith(_BEGINNINGS[content_type])


def _place(id: str) -> str:
    return f"attachments/sealed/{id}"
