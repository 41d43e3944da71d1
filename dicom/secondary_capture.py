"""Pictures made from photos as one Multi-frame True Color Secondary Capture object (PS3.3 A.8.5)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, MultiFrameTrueColorSecondaryCaptureImageStorage

from dicom.building import add_jpeg_frames, new_object
from dicom.headers import PhotoHeader
from dicom.moments import format_date, format_time
from dicom.sources import check_sources, copy_patient_and_study, reference
from dicom.timepoints import Timepoint, add_timepoint

QUALITY = 90
_PAGE_NUMBER_VECTOR = 0x00182001


@dataclass(frozen=True, eq=False)
class Picture:
    """One frame, (H, W, 3) uint8 RGB, and what it shows in a few words."""

    pixels: NDArray[np.uint8]
    caption: str


def secondary_capture(
    pictures: Sequence[Picture],
    *,
    sources: Sequence[PhotoHeader],
    description: str,
    sop_instance_uid: str,
    series_uid: str,
    created_at: datetime,
    timepoint: Timepoint | None = None,
    series_number: int = 904,
    software_version: str = "",
) -> Dataset:
    """The pictures, all of one size, as the frames of a data set with file meta; as JPEG in colour.

    ``sources`` are the photos that they were made from, all of one patient and study; ``description`` names
    the series and says how the pictures were made. The captions stand in Image Comments by frame number. The
    pictures themselves show no name; a face can be recognised. Raises `ReportSourcesError`.
    """
    first = check_sources(sources)
    dataset = new_object(
        MultiFrameTrueColorSecondaryCaptureImageStorage, JPEGBaseline8Bit, sop_instance_uid, created_at
    )
    copy_patient_and_study(first, dataset)
    add_timepoint(dataset, timepoint)

    dataset.Modality = "OT"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = series_number
    dataset.SeriesDescription = description
    dataset.Manufacturer = "Facialis"
    dataset.ManufacturerModelName = "Facialis"
    if software_version:
        dataset.SoftwareVersions = software_version
    dataset.ConversionType = "SYN"

    dataset.InstanceNumber = 1
    dataset.ContentDate = format_date(created_at.date())
    dataset.ContentTime = format_time(created_at.time())
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = description
    dataset.SourceImageSequence = [reference(photo) for photo in sources]
    dataset.ImageComments = "; ".join(
        f"{number}: {picture.caption}" for number, picture in enumerate(pictures, 1)
    )
    dataset.ImageLaterality = "U"
    dataset.PatientOrientation = ["L", "F"]
    dataset.BurnedInAnnotation = "NO"
    dataset.RecognizableVisualFeatures = "YES"
    _add_frames(dataset, pictures)
    return dataset


def _add_frames(dataset: Dataset, pictures: Sequence[Picture]) -> None:
    frames = [_jpeg(picture) for picture in pictures]
    dataset.NumberOfFrames = len(frames)
    if len(frames) > 1:
        dataset.FrameIncrementPointer = _PAGE_NUMBER_VECTOR
        dataset.PageNumberVector = list(range(1, len(frames) + 1))
    rows, columns, _ = pictures[0].pixels.shape
    add_jpeg_frames(dataset, frames, rows, columns, "YBR_FULL_422")


def _jpeg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture.pixels).save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:2")
    return buffer.getvalue()
