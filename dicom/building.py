"""The parts that every object made here shares: identity, equipment, codes, bytes."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from dicom.moments import format_date, format_time
from dicom.uids import CODING_SCHEME, CODING_SCHEME_UID, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def new_object(sop_class: UID, syntax: UID, sop_instance_uid: str, created_at: datetime) -> Dataset:
    """A data set with file meta, SOP Common and its moment of creation (PS3.3 C.12.1); texts are UTF-8."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.InstanceCreationDate = format_date(created_at.date())
    dataset.InstanceCreationTime = format_time(created_at.time())
    return dataset


def declare_coding_scheme(dataset: Dataset) -> None:
    """Say what the private coding scheme is (PS3.3 C.12.1.1.5)."""
    scheme = Dataset()
    scheme.CodingSchemeDesignator = CODING_SCHEME
    scheme.CodingSchemeUID = CODING_SCHEME_UID
    scheme.CodingSchemeName = "Poses, scores and flags of facial palsy grading"
    scheme.CodingSchemeResponsibleOrganization = "Facialis"
    dataset.CodingSchemeIdentificationSequence = [scheme]


def add_jpeg_frames(
    dataset: Dataset, frames: Sequence[bytes], rows: int, columns: int, photometric: str
) -> None:
    """The image pixel module of baseline JPEGs of one size (PS3.3 C.7.6.3), with their lossy compression."""
    samples = 1 if photometric == "MONOCHROME2" else 3
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = photometric
    if samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.Rows = rows
    dataset.Columns = columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "01"
    size = rows * columns * samples * len(frames)
    dataset.LossyImageCompressionRatio = round(size / sum(map(len, frames)), 2)
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.add_new("PixelData", "OB", encapsulate(list(frames)))
    dataset["PixelData"].is_undefined_length = True


def to_bytes(dataset: Dataset) -> bytes:
    """The object as a DICOM file (PS3.10). The same object gives the same bytes."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
