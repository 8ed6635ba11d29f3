"""A data folder's recordings as the commands see them: catalogue, store and keys together. Blocking."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from media_server.recording.catalogue import Catalogue, Entry
from media_server.recording.erasure import Erased, erase
from media_server.recording.errors import RecordingError, UnknownRecording
from media_server.recording.folder_store import FolderStore
from media_server.recording.identity import load_identity
from media_server.recording.ids import RecordingId, is_recording_id
from media_server.recording.manifest import SignedLine, parse_manifest
from media_server.recording.sealing import RecordingIdentity, open_key
from media_server.recording.signing import manifest_keys, newest_signer
from media_server.recording.store import RecordingStore
from media_server.recording.verification import Report, State, verify
from media_server.records import open_records
from media_server.settings import Settings


def recorded(settings: Settings) -> tuple[Entry, ...]:
    """All that was ever recorded there, oldest first."""
    if _nothing_kept(settings):
        return ()
    with Vault.opened(settings) as vault:
        return vault.catalogue.list()


def _nothing_kept(settings: Settings) -> bool:
    """Looking must not make a database."""
    return settings.database_url is None and not settings.records_file.exists()


class NotSound(RecordingError):
    """A recording that does not verify is not exported."""


class Erasure(RecordingError):
    """It was erased: nobody can open it any more."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Made by `Vault.opened`. Methods raise RecordingError."""

    settings: Settings
    store: RecordingStore
    catalogue: Catalogue

    @staticmethod
    @contextmanager
    def opened(settings: Settings) -> "Iterator[Vault]":
        """Raises RecordsUnusable; UnknownRecording where nothing was ever recorded."""
        if _nothing_kept(settings):
            raise UnknownRecording(f"nothing has been recorded in {settings.data_dir}")
        engine = open_records(settings.records_url)
        try:
            yield Vault(settings, FolderStore(settings.recordings_folder), Catalogue(engine))
        finally:
            engine.dispose()

    def entry(self, text: str) -> Entry:
        """Raises UnknownRecording, also for what cannot be an id."""
        if not is_recording_id(text):
            raise UnknownRecording("that is no recording's id; `teleconsult recordings list` shows them")
        return self.catalogue.get(RecordingId(text))

    def is_empty(self, entry: Entry) -> bool:
        """Whether nothing of it was ever written."""
        if entry.id not in self.store.recordings():
            return True
        return not (self.store.manifest(entry.id) or self.store.segments(entry.id))

    def report(self, entry: Entry) -> Report:
        keys = self.catalogue.verifying_keys()
        return verify(self.store, entry.id, keys, closed_head=entry.manifest_head)

    def sound_lines(self, entry: Entry) -> list[SignedLine]:
        """The manifest of a recording that has ended and verifies. Raises NotSound with what is wrong."""
        report = self.report(entry)
        if report.findings:
            first = report.findings[0]
            more = f", and {len(report.findings) - 1} more" if len(report.findings) > 1 else ""
            raise NotSound(f"the recording does not verify: {first.place}: {first.problem}{more}")
        if report.state is State.OPEN:
            raise NotSound("the recording has no end yet: it runs, or its server has not started again")
        return parse_manifest(self.store.manifest(entry.id))

    def sealed_key(self, entry: Entry) -> bytes:
        """Raises Erasure."""
        if entry.sealed_key is None:
            raise Erasure(f"recording {entry.id} was erased; nobody can open it any more")
        return entry.sealed_key

    def identity(self, entry: Entry, file: Path) -> RecordingIdentity:
        """The recording's own, opened with a custodian's. Raises BadIdentity, WrongIdentity, Erasure."""
        return open_key(self.sealed_key(entry), load_identity(file))

    def erase(self, entry: Entry, now_us: int) -> Erased:
        signer = newest_signer(manifest_keys(self.settings.manifest_keys_folder))
        self.catalogue.register_key(signer.kid, signer.public_key, self.settings.node_id)
        return erase(self.catalogue, signer, entry.id, now_us)
