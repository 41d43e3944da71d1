"""The photos that a document is about: checked, named in it, and the origin of its patient and study.

The patient and study attributes of a document are the photos' own, or a PACS files it under another patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dicom.building import code
from dicom.headers import PhotoHeader
from dicom.moments import format_date, format_time
from grading.errors import PermanentError


class ReportSourcesError(PermanentError):
    """The photos of a report are none, or of several patients or studies."""

    code = "report.sources"


@dataclass(frozen=True)
class Predecessor:
    """A document that a new one replaces: of an earlier grading of the same recording, or a draft."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str


@dataclass(frozen=True)
class Verifier:
    """Who signed a document off, for which organization, and when (with a zone)."""

    name: str
    organization: str
    at: datetime


def check_sources(sources: Sequence[PhotoHeader]) -> PhotoHeader:
    """The first of the photos, which stands for the patient and study of all. Raises `ReportSourcesError`."""
    if len({(photo.study_uid, photo.patient_id, photo.issuer) for photo in sources}) != 1:
        raise ReportSourcesError("A report needs photos of exactly one patient and study: sort the photos.")
    return sources[0]


def copy_patient_and_study(photo: PhotoHeader, dataset: Dataset) -> None:
    """Write the photo's patient and study attributes (PS3.3 C.7.1.1, C.7.2.1) into a document."""
    dataset.PatientName = photo.patient_name
    dataset.PatientID = photo.patient_id
    if photo.issuer:
        dataset.IssuerOfPatientID = photo.issuer
    dataset.PatientBirthDate = format_date(photo.birth_date)
    dataset.PatientSex = photo.sex
    dataset.StudyInstanceUID = photo.study_uid
    dataset.StudyDate = format_date(photo.study_date)
    dataset.StudyTime = format_time(photo.study_time)
    dataset.AccessionNumber = photo.accession_number
    dataset.ReferringPhysicianName = photo.referring_physician
    dataset.StudyID = photo.study_id
    if photo.study_description:
        dataset.StudyDescription = photo.study_description


def reference(photo: PhotoHeader) -> Dataset:
    """An item that names the photo as one that the object was made from (PS3.3 10.3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = photo.sop_class_uid
    item.ReferencedSOPInstanceUID = photo.sop_instance_uid
    item.PurposeOfReferenceCodeSequence = [
        code("121322", "DCM", "Source image for image processing operation")
    ]
    return item


def name_predecessor(dataset: Dataset, predecessor: Predecessor | None) -> None:
    """Say which document this one replaces (Predecessor Documents Sequence); nothing for None."""
    if predecessor is None:
        return
    instance = Dataset()
    instance.ReferencedSOPClassUID = predecessor.sop_class_uid
    instance.ReferencedSOPInstanceUID = predecessor.sop_instance_uid
    series = Dataset()
    series.SeriesInstanceUID = predecessor.series_uid
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = predecessor.study_uid
    study.ReferencedSeriesSequence = [series]
    dataset.PredecessorDocumentsSequence = [study]
