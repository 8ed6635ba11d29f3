"""The web pages at the root and the JS client with its parts under /web/, as they are in `media_server/web`;
what pages have in common is put into them (`page_parts`).

Read once at start, by name: no request's path ever reaches the file system.
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from media_server.page_parts import is_part, with_parts

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "ico": "image/vnd.microsoft.icon",
    "woff2": "font/woff2",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "txt": "text/plain; charset=utf-8",
}
_FOR_DEVELOPERS = frozenset({"package.json", "package-lock.json", "tsconfig.json"})
_COMPRESSED = frozenset({"html", "js", "css", "json", "webmanifest", "svg", "txt"})


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent; `zipped` is None where compressing gains nothing."""

    content_type: str
    body: bytes
    zipped: bytes | None
    etag: str

    async def handle(self, request: web.Request) -> web.Response:
        """The file, or 304 when the browser has it (RFC 9110 §13.1.2)."""
        # Names carry no version, so a browser asks each time; an unchanged file costs it a 304.
        headers = {"ETag": f'"{self.etag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if any(each.value in (self.etag, "*") for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.content_type
        if self.zipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=self.zipped, headers=headers)
        return web.Response(body=self.body, headers=headers)


def read_pages(root: Traversable | None = None) -> dict[str, Page]:
    """URL path to file. `patient.html` is at /patient, `index.html` at its folder, the rest under their
    names.
    """
    root = files("media_server").joinpath("web") if root is None else root
    bodies = {name: file.read_bytes() for name, file in _walk(root, "") if _suffix(name) in _TYPES}
    texts = {name: body.decode() for name, body in bodies.items() if _suffix(name) in ("html", "js")}
    for name in texts:
        if _suffix(name) == "html":
            bodies[name] = with_parts(name, texts).encode()
    return {_path(name): _page(name, body) for name, body in bodies.items() if not is_part(name)}


def add_pages(router: web.UrlDispatcher, pages: Mapping[str, Page]) -> None:
    for path, page in pages.items():
        router.add_get(path, page.handle)


def pages_of(pages: Mapping[str, Page], *, can_log_in: bool) -> dict[str, Page]:
    """Where people can log in, the short addresses are the consultation's; bare calls are at longer ones."""
    if not can_log_in:
        return dict(pages)
    moved = dict(pages)
    for role in ("patient", "doctor", "guest"):
        moved[f"/walk-in-{role}"] = pages[f"/{role}"]
        moved[f"/{role}"] = pages[f"/consultation/{role}"]
    return moved


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _path(name: str) -> str:
    if not name.endswith(".html"):
        return f"/web/{name}"
    return "/" + name.removesuffix(".html").removesuffix("index")


def _page(name: str, body: bytes) -> Page:
    zipped = gzip.compress(body, mtime=0) if _suffix(name) in _COMPRESSED else None
    smaller = zipped if zipped is not None and len(zipped) < len(body) else None
    return Page(_TYPES[_suffix(name)], body, smaller, sha256(body).hexdigest()[:24])


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()
