"""The port through which a doctor reads a patient's medical file, wherever it is kept.

Whoever calls it has asked for the patient's consent right before; an adapter knows nothing of that.
"""

from dataclasses import dataclass, field
from typing import Protocol

from signalling import Private


@dataclass(frozen=True, slots=True)
class FileRead:
    """A FHIR R4 Bundle as it was kept (`application/fhir+json`), and where it comes from, in a word."""

    body: bytes = field(repr=False)
    source: str


class MedicalFile(Protocol):
    """Reads; never writes."""

    async def read(self, patient: Private[str]) -> FileRead:
        """`patient` is the national or BIS number, 11 digits. Raises NotFound, Unavailable."""
