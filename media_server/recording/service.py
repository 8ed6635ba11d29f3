"""The recorder of a node as its settings want it, with what a crash left open closed first."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from media_server.recording.catalogue import NEVER_BEGUN, Catalogue
from media_server.recording.errors import RecordingError
from media_server.recording.folder_store import FolderStore
from media_server.recording.ids import RecordingId
from media_server.recording.live_recording import Taps
from media_server.recording.manifest import Signer
from media_server.recording.recorder import Recorder, RecorderSettings
from media_server.recording.recovery import NeverBegun, Unrecoverable, recover
from media_server.recording.signing import manifest_keys, newest_signer
from media_server.recording.store import RecordingStore
from media_server.records import open_records
from media_server.settings import Policy, Settings

log = logging.getLogger(__name__)


# As the data plane's times of arrival: wall time once, then a clock that nobody sets.
_BEGAN_US = time.time_ns() // 1000 - time.monotonic_ns() // 1000


def unix_us() -> int:
    """Unix microseconds, which never go back."""
    return _BEGAN_US + time.monotonic_ns() // 1000


@asynccontextmanager
async def open_recorder(settings: Settings, taps: Taps) -> AsyncIterator[Recorder | None]:
    """None where recording is refused: by the policy, or because nobody holds a key that could open it.

    Raises RecordingError, RecordsUnusable, AuthError when folder, records or keys cannot be used.
    """
    if settings.recording_refused is not None:
        if settings.policy is Policy.CONSENTED_RECORDING:
            log.warning("recording.refused", extra={"setting": "RECORDING_CUSTODIANS"})
        yield None
        return
    store = FolderStore(settings.recordings_folder)
    # Another server on the same folder would take our open recordings for crashed ones.
    with store.lock():
        signer = newest_signer(manifest_keys(settings.manifest_keys_folder))
        catalogue = await asyncio.to_thread(_prepare, settings, store, signer)
        own = RecorderSettings(
            settings.node_id,
            settings.policy,
            settings.recording_custodians,
            settings.recording_segment_s,
            settings.max_recordings,
        )
        async with Recorder(taps, store, catalogue, signer, own, unix_us) as recorder:
            yield recorder


def _prepare(settings: Settings, store: RecordingStore, signer: Signer) -> Catalogue:
    catalogue = Catalogue(open_records(settings.records_url))
    catalogue.register_key(signer.kid, signer.public_key, settings.node_id)
    # We hold the folder's lock: whatever is open in it, under whichever name of this node, nobody writes.
    kept = store.recordings()
    for entry in catalogue.list():
        if entry.ended_at_us is None and (entry.node == settings.node_id or entry.id in kept):
            _close_after_crash(store, catalogue, signer, entry.id)
    return catalogue


def _close_after_crash(
    store: RecordingStore, catalogue: Catalogue, signer: Signer, recording: RecordingId
) -> None:
    """One recording that cannot be closed does not keep the others, or the server, from it."""
    now_us = unix_us()
    try:
        try:
            found = recover(store, recording, signer, now_us)
        except NeverBegun:
            catalogue.close(recording, now_us, NEVER_BEGUN, None, 0, 0, 0)
        except Unrecoverable:
            log.error("recording.unrecoverable", extra={"recording": recording})
            catalogue.close(recording, now_us, "crash", None, 0, 0, 0)
        else:
            totals = (found.segments, found.packets, found.bytes)
            catalogue.close(recording, found.ended_at_us, found.reason, found.head, *totals)
            log.info("recording.recovered", extra={"recording": recording, "segments": found.segments})
    except RecordingError as error:
        log.error("recording.not_recovered", extra={"recording": recording, "error": type(error).__name__})
