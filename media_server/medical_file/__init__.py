"""Patients' medical files, read through a port: FHIR Bundles kept elsewhere, never copied into our records.

Knows no consents, which are asked for by whoever reads, no pages and no database.
"""

from media_server.medical_file.errors import BadKey, Fault, MedicalFileError, NotFound, Unavailable
from media_server.medical_file.folder_file import FolderMedicalFile, file_name
from media_server.medical_file.port import FileRead, MedicalFile

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "MedicalFile",
    "FileRead",
    "FolderMedicalFile",
    "file_name",
    "MedicalFileError",
    "NotFound",
    "Unavailable",
    "Fault",
    "BadKey",
]
