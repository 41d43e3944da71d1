"""A report as Encapsulated PDF (PS3.3 A.45.1), filed into the study of the photos that it is about."""

from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from dicom.building import code, new_object
from dicom.headers import PhotoHeader
from dicom.moments import format_date, format_time
from dicom.sources import Predecessor, check_sources, copy_patient_and_study, name_predecessor, reference
from dicom.timepoints import Timepoint, add_timepoint


def encapsulated_pdf(
    pdf: bytes,
    *,
    sources: Sequence[PhotoHeader],
    title: str,
    sop_instance_uid: str,
    series_uid: str,
    created_at: datetime,
    timepoint: Timepoint | None = None,
    predecessor: Predecessor | None = None,
    verified: bool = False,
    series_number: int = 902,
    series_description: str = "Facial palsy report",
    software_version: str = "",
) -> Dataset:
    """The report as a data set with file meta, ready for `dicom.building.to_bytes`.

    ``sources`` are the graded photos, all of one patient and study; their order is kept. ``created_at`` is
    wall-clock time; a retry passes the same moment and gets the same bytes. The document is marked UNVERIFIED
    unless a clinician has ``verified`` it. Raises `ReportSourcesError`.
    """
    first = check_sources(sources)
    dataset = new_object(EncapsulatedPDFStorage, ExplicitVRLittleEndian, sop_instance_uid, created_at)
    copy_patient_and_study(first, dataset)
    add_timepoint(dataset, timepoint)

    dataset.Modality = "DOC"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = series_number
    dataset.SeriesDescription = series_description
    dataset.SeriesDate = dataset.InstanceCreationDate
    dataset.SeriesTime = dataset.InstanceCreationTime
    dataset.Manufacturer = "Facialis"
    dataset.ManufacturerModelName = "Facialis"
    if software_version:
        dataset.SoftwareVersions = software_version
    dataset.ConversionType = "WSD"

    taken = [photo.acquired_at for photo in sources if photo.acquired_at is not None]
    dataset.InstanceNumber = 1
    dataset.ContentDate = format_date(created_at.date())
    dataset.ContentTime = format_time(created_at.time())
    dataset.AcquisitionDateTime = f"{min(taken):%Y%m%d%H%M%S}" if taken else ""
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "YES"
    dataset.SourceInstanceSequence = [reference(photo) for photo in sources]
    dataset.DocumentTitle = title
    dataset.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic Imaging Report")]
    dataset.VerificationFlag = "VERIFIED" if verified else "UNVERIFIED"
    name_predecessor(dataset, predecessor)
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.add_new("EncapsulatedDocument", "OB", pdf + b"\0" * (len(pdf) % 2))
    return dataset
