"""A JPEG photo as a VL Photographic Image (PS3.3 A.32.4), its pose in a code, its pixels as they came.

The pose stands in the Acquisition Context (130324, DCM, "Functional condition present during acquisition");
no published code set covers the poses, so the values are of the private scheme 99FACEPALSY.
"""

import io
from dataclasses import dataclass, field
from datetime import date, datetime

from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, VLPhotographicImageStorage

from dicom.building import add_jpeg_frames, code, declare_coding_scheme, new_object
from dicom.moments import format_date, format_time
from dicom.timepoints import Timepoint, add_timepoint
from dicom.uids import CODING_SCHEME
from grading.errors import PermanentError
from grading.protocols import Pose


class NotBaselineJpegError(PermanentError):
    """The bytes are not a JPEG that the transfer syntax JPEG Baseline can carry."""

    code = "photo.not_jpeg"


@dataclass(frozen=True)
class PatientIdentity:
    """Who is shown. ``name`` is in DICOM's form, ``Family^Given``; ``sex`` is M, F, O or empty."""

    id: str = field(repr=False)
    issuer: str = ""
    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = ""


def photographic_object(
    jpeg: bytes,
    *,
    patient: PatientIdentity,
    study_uid: str,
    series_uid: str,
    sop_instance_uid: str,
    pose: Pose,
    taken_at: datetime,
    device: str,
    study_started_at: datetime | None = None,
    accession_number: str = "",
    study_description: str = "Facial palsy photographs",
    timepoint: Timepoint | None = None,
) -> Dataset:
    """The photo as a data set with file meta, ready for `dicom.building.to_bytes`.

    ``taken_at`` is wall-clock time; ``study_started_at`` (the first photo's moment) is the same in all photos
    of a study and defaults to it. ``device`` names the camera. Raises `NotBaselineJpegError` unless ``jpeg``
    is a baseline JPEG in YCbCr or grey. The JPEG is carried as it is, with its EXIF data if it has any.
    """
    columns, rows, photometric = _read_jpeg(jpeg)
    started_at = study_started_at or taken_at
    dataset = new_object(VLPhotographicImageStorage, JPEGBaseline8Bit, sop_instance_uid, taken_at)
    dataset.PatientName = patient.name
    dataset.PatientID = patient.id
    if patient.issuer:
        dataset.IssuerOfPatientID = patient.issuer
    dataset.PatientBirthDate = format_date(patient.birth_date)
    dataset.PatientSex = patient.sex

    dataset.StudyInstanceUID = study_uid
    dataset.StudyDate = format_date(started_at.date())
    dataset.StudyTime = format_time(started_at.time())
    dataset.AccessionNumber = accession_number
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = ""
    dataset.StudyDescription = study_description
    add_timepoint(dataset, timepoint)

    dataset.Modality = "XC"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = 1
    dataset.SeriesDate = dataset.StudyDate
    dataset.SeriesTime = dataset.StudyTime
    dataset.SeriesDescription = "Facial palsy photo series"
    dataset.Manufacturer = ""
    dataset.ManufacturerModelName = device

    dataset.InstanceNumber = pose.number
    dataset.AcquisitionDateTime = f"{format_date(taken_at.date())}{format_time(taken_at.time())}"
    dataset.ContentDate = format_date(taken_at.date())
    dataset.ContentTime = format_time(taken_at.time())
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.ImageComments = pose.name
    dataset.ImageLaterality = "U"
    dataset.PatientOrientation = ["L", "F"]
    dataset.AnatomicRegionSequence = [code("89545001", "SCT", "Face")]
    dataset.BurnedInAnnotation = "NO"
    dataset.RecognizableVisualFeatures = "YES"
    dataset.AcquisitionContextSequence = [_pose_item(pose)]
    declare_coding_scheme(dataset)

    add_jpeg_frames(dataset, [jpeg], rows, columns, photometric)
    return dataset


def _read_jpeg(jpeg: bytes) -> tuple[int, int, str]:
    """Columns, rows and photometric interpretation (PS3.5 8.2.1)."""
    try:
        image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
    except OSError:
        raise NotBaselineJpegError("The photo is not a JPEG: convert it.") from None
    if image.mode not in ("RGB", "L") or "progressive" in image.info:
        raise NotBaselineJpegError("The photo is not a baseline JPEG in colour or grey: save it as one.")
    photometric = "YBR_FULL_422" if image.mode == "RGB" else "MONOCHROME2"
    return image.width, image.height, photometric


def _pose_item(pose: Pose) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = [code("130324", "DCM", "Functional condition present during acquisition")]
    item.ConceptCodeSequence = [code(pose.code, CODING_SCHEME, pose.name)]
    return item
