"""Medical files in a folder: one FHIR Bundle for each patient, under a name that gives nobody away.

The name is an HMAC-SHA256 of the national number (RFC 2104), so that a listing of the folder names nobody,
and whoever has no key cannot try all numbers, of which there are only some tens of millions. `file_name`
gives it to whoever fills the folder.
"""

import asyncio
import errno
import hmac
import os
import re
import stat
from pathlib import Path
from typing import Final

from media_server.medical_file.bundle import checked_bundle
from media_server.medical_file.errors import BadKey, Fault, NotFound, Unavailable
from media_server.medical_file.port import FileRead
from signalling import Private

LARGEST: Final = 5 << 20
"""Bytes of a file, unless told otherwise."""
SHORTEST_KEY: Final = 32
SOURCE: Final = "folder"

_NUMBER: Final = re.compile(r"[0-9]{11}")


def file_name(key: bytes, patient: Private[str]) -> str:
    """Where the file of a national number is looked for. Raises BadKey; ValueError for what is no number."""
    if len(key) < SHORTEST_KEY:
        raise BadKey(f"the key of file names needs {SHORTEST_KEY} bytes or more")
    number = patient.reveal()
    if not _NUMBER.fullmatch(number):
        raise ValueError("not a national number of 11 digits")
    return hmac.digest(key, b"teleconsult medical file\0" + number.encode("ascii"), "sha256").hex() + ".json"


class FolderMedicalFile:
    """A `MedicalFile`. Opens plain files right in the folder only: no links, no file that has two names."""

    def __init__(self, root: Path, key: bytes, largest: int = LARGEST) -> None:
        """Touches nothing yet. Raises BadKey."""
        if len(key) < SHORTEST_KEY:
            raise BadKey(f"the key of file names needs {SHORTEST_KEY} bytes or more")
        self._root = root
        self._key = key
        self._largest = largest

    async def read(self, patient: Private[str]) -> FileRead:
        try:
            name = file_name(self._key, patient)
        except ValueError:
            raise NotFound("there is no file of this patient") from None
        return await asyncio.to_thread(self._read, name, patient.reveal())

    def _read(self, name: str, ssin: str) -> FileRead:
        return FileRead(checked_bundle(self._bytes(name), ssin), SOURCE)

    def _bytes(self, name: str) -> bytes:
        try:
            folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # also when it is not there: that is no news about a patient
            raise Unavailable(Fault.STORAGE) from None
        try:
            # A pipe in its place must not hold us up.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            raise NotFound("there is no file of this patient") from None
        except OSError as error:
            raise Unavailable(Fault.NOT_A_FILE if error.errno == errno.ELOOP else Fault.STORAGE) from None
        finally:
            os.close(folder)
        try:
            return self._content(handle)
        except OSError:
            raise Unavailable(Fault.STORAGE) from None
        finally:
            os.close(handle)

    def _content(self, handle: int) -> bytes:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise Unavailable(Fault.NOT_A_FILE)
        with os.fdopen(handle, "rb", closefd=False) as file:
            body = file.read(self._largest + 1)
        if len(body) > self._largest:
            raise Unavailable(Fault.TOO_LARGE)
        return body
