"""What an archive is to us: series that can be searched for, and objects that can be retrieved from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from grading.errors import PermanentError, TransientError


class QueryRefusedError(PermanentError):
    """An archive does not answer a query or retrieve request, and will not do so later."""

    code = "archive.refused"


class QueryFailedError(TransientError):
    """An archive could not answer a query or retrieve request now."""

    code = "archive.failed"


@dataclass(frozen=True)
class SeriesRef:
    """A series of an archive."""

    study_uid: str
    series_uid: str


@dataclass(frozen=True)
class Fetched:
    """One retrieved object: its identity, and its data set's bytes in its transfer syntax, as they came."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: bytes


Take = Callable[[Fetched], bool]
"""Keeps an object; whether it could."""


class Archive(Protocol):
    """A PACS that can be searched. All methods raise `QueryRefusedError`, `QueryFailedError` and what opening
    a connection raises.
    """

    def series(self, first: date, last: date, modality: str) -> list[SeriesRef]:
        """The series of a modality in studies from ``first`` to ``last``, both included."""

    def instances(self, series: SeriesRef) -> list[str]:
        """SOP Instance UIDs of a series."""

    def retrieve(self, series: SeriesRef, uids: Sequence[str], take: Take) -> None:
        """Have objects of a series sent: to ``take``, or past it to our receiver."""


def as_file(fetched: Fetched) -> bytes:
    """The object as a DICOM file, its data set as it came."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(fetched.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(fetched.sop_instance_uid)
    meta.TransferSyntaxUID = UID(fetched.transfer_syntax_uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    head = DicomBytesIO()
    write_file_meta_info(head, meta)
    return b"\0" * 128 + b"DICM" + head.getvalue() + fetched.data
