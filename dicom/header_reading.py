"""Headers of DICOM files: the attributes that are kept, read without the pixel data.

Whatever the bytes are, the outcome is a header or an `UnreadableObjectError`.
"""

import errno
import struct
import zlib
from datetime import datetime, time
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from dicom.deflated import open_inflated
from dicom.headers import PhotoHeader
from dicom.moments import parse_date, parse_moment, parse_time
from dicom.uids import is_uid
from grading.errors import PermanentError


class UnreadableObjectError(PermanentError):
    """The bytes are not a DICOM object, miss an identifying UID, or end before the object does."""

    code = "dicom.unreadable"


class TruncatedObjectError(UnreadableObjectError):
    """The file ends inside an element."""

    def __init__(self) -> None:
        super().__init__("The object is cut short: send it again.")


_UIDS = {
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "study_uid": "StudyInstanceUID",
}
_TEXTS = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "patient_name": "PatientName",
    "sex": "PatientSex",
    "accession_number": "AccessionNumber",
    "study_id": "StudyID",
    "study_description": "StudyDescription",
    "referring_physician": "ReferringPhysicianName",
    "series_description": "SeriesDescription",
    "protocol_name": "ProtocolName",
    "modality": "Modality",
    "image_comments": "ImageComments",
    "context_description": "AcquisitionContextDescription",
    "image_laterality": "ImageLaterality",
    "patient_orientation": "PatientOrientation",
    "document_title": "DocumentTitle",
    "mime_type": "MIMETypeOfEncapsulatedDocument",
    "timepoint_id": "ClinicalTrialTimePointID",
    "event_type": "LongitudinalTemporalEventType",
}
_NUMBERS = {
    "instance_number": "InstanceNumber",
    "rows": "Rows",
    "columns": "Columns",
    "number_of_frames": "NumberOfFrames",
    "bits_stored": "BitsStored",
}
_OTHERS = (
    "LongitudinalTemporalOffsetFromEvent",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "SeriesDate",
    "SeriesTime",
    "ContentDate",
    "ContentTime",
    "AcquisitionDateTime",
    "ViewCodeSequence",
    "AcquisitionContextSequence",
)
_TAGS: list[BaseTag | int] = [
    Tag(keyword) for keyword in (*_UIDS.values(), *_TEXTS.values(), *_NUMBERS.values(), *_OTHERS)
]
_IN_ITEMS = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator")
_TAG_OF = {
    keyword: Tag(keyword)
    for keyword in (*_UIDS.values(), *_TEXTS.values(), *_NUMBERS.values(), *_OTHERS, *_IN_ITEMS)
}
_VR_OF = {tag: dictionary_VR(tag) for tag in _TAG_OF.values()}
_TEXT_VRS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"))
_UNTRIMMED_VRS = frozenset(("LT", "PN", "ST", "UT"))
"""Of these a backslash parts no values that pydicom would trim."""
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_UNDEFINED = 0xFFFFFFFF
_MAX_INT = 2**31 - 1
_MAX_DAYS = 100_000.0

# What pydicom is seen to raise on bytes that are no DICOM object, and on values that belie their VR.
_ODD = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_header(path: Path) -> PhotoHeader:
    """Read a DICOM file's header; pixel data are skipped, though it is checked that they end before the file.

    Raises `UnreadableObjectError` when the file is no DICOM object (PS3.10), lacks a valid SOP Class, SOP
    Instance, Series or Study UID, or is cut short, and `UnpackedTooLargeError` for a deflated one over the
    limit. Any other odd value becomes None or "". Raises `OSError` when the file cannot be opened.
    """
    # A parser's error is not passed on as the cause: its message may quote a value.
    try:
        meta = read_file_meta_info(path)
        syntax = str(meta.TransferSyntaxUID)
        with open_inflated(path, meta) as file:
            dataset, has_pixel_data = _read_dataset(file)
    except _ODD:
        raise UnreadableObjectError("The bytes are not a DICOM object: export the photo again.") from None
    except OSError as error:
        # A length that leads to nowhere in the file, or pydicom's own words, not a disk that fails.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise UnreadableObjectError("The bytes are not a DICOM object: export the photo again.") from None
    uids: dict[str, Any] = {name: _text(dataset, keyword) for name, keyword in _UIDS.items()}
    texts: dict[str, Any] = {name: _text(dataset, keyword) for name, keyword in _TEXTS.items()}
    numbers: dict[str, Any] = {name: _number(dataset, keyword) for name, keyword in _NUMBERS.items()}
    for name, uid in uids.items():
        if not is_uid(uid):
            raise UnreadableObjectError(f"The object has no valid {_UIDS[name]}: the sender has to set one.")
    return PhotoHeader(
        **uids,
        **texts,
        **numbers,
        transfer_syntax_uid=syntax,
        birth_date=parse_date(_text(dataset, "PatientBirthDate")),
        study_date=parse_date(_text(dataset, "StudyDate")),
        study_time=parse_time(_text(dataset, "StudyTime")),
        acquired_at=_acquired_at(dataset),
        event_offset_days=_days(dataset, "LongitudinalTemporalOffsetFromEvent"),
        view_codes=_codes(dataset, "ViewCodeSequence"),
        view_modifier_codes=_nested_codes(dataset, "ViewCodeSequence", "ViewModifierCodeSequence"),
        context_codes=_nested_codes(dataset, "AcquisitionContextSequence", "ConceptCodeSequence"),
        has_pixel_data=has_pixel_data,
    )


def _read_dataset(file: BinaryIO) -> tuple[Dataset, bool]:
    """The wanted attributes, and whether pixel data follow. Raises `TruncatedObjectError`."""
    size = file.seek(0, 2)
    file.seek(0)
    start = length = tag = 0

    def stop(element: BaseTag, vr: str | None, element_length: int) -> bool:
        nonlocal start, length, tag
        start, length, tag = file.tell(), element_length, int(element)
        if length != _UNDEFINED and start + length > size:
            raise TruncatedObjectError
        return tag >= _PIXEL_TAGS[0]

    dataset = read_partial(file, stop_when=stop, specific_tags=_TAGS)
    if length == _UNDEFINED:
        _check_delimited(file, start if tag in _PIXEL_TAGS else size - 8)
    elif tag < _PIXEL_TAGS[0] and start + length != size:
        raise TruncatedObjectError
    return dataset, tag in _PIXEL_TAGS


def _check_delimited(file: BinaryIO, start: int) -> None:
    """Raise `TruncatedObjectError` unless a delimiter ends the items from ``start`` on (PS3.5 A.4)."""
    file.seek(start)
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == (0xFFFE, 0xE0DD):
            return
        if (group, element) != (0xFFFE, 0xE000):
            break
        file.seek(length, 1)
    raise TruncatedObjectError


def _text(dataset: Dataset, keyword: str) -> str:
    """An attribute as text without control characters (a NUL would be refused by the database)."""
    tag = _TAG_OF[keyword]
    try:
        element = dataset.get_item(tag)
        if element is None:
            return ""
        text = _plain(element)
        if text is None:
            value = dataset[tag].value
            text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
    except _ODD:
        return ""
    if not text.isprintable():
        text = "".join(sign for sign in text if sign.isprintable() or sign == "\n")
    return text.strip()


def _plain(element: DataElement | RawDataElement) -> str | None:
    """The text of an element whose bytes say the same in every character set, which nearly all do."""
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return None
    vr = _VR_OF[element.tag]
    if vr not in _TEXT_VRS or element.VR not in (vr, None) or not element.value.isascii():
        return None
    if b"\x1b" in element.value or b"=" in element.value:
        return None
    text = element.value.decode("ascii")
    if vr in _UNTRIMMED_VRS:
        return text.strip(" \0")
    return "\\".join(part.strip(" \0") for part in text.split("\\"))


def _number(dataset: Dataset, keyword: str) -> int | None:
    try:
        number = int(_text(dataset, keyword))
    except ValueError:
        return None
    return number if -_MAX_INT <= number <= _MAX_INT else None


def _days(dataset: Dataset, keyword: str) -> float | None:
    """A number of days within three lifetimes, which leaves out infinities and what is no number."""
    try:
        days = float(_text(dataset, keyword))
    except ValueError:
        return None
    return days if abs(days) <= _MAX_DAYS else None


def _acquired_at(dataset: Dataset) -> datetime | None:
    moment = parse_moment(_text(dataset, "AcquisitionDateTime"))
    if moment is not None:
        return moment
    for level in ("Content", "Series", "Study"):
        day = parse_date(_text(dataset, f"{level}Date"))
        if day is not None:
            return datetime.combine(day, parse_time(_text(dataset, f"{level}Time")) or time.min)
    return None


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    try:
        return [item for item in dataset.get(keyword) or () if isinstance(item, Dataset)]
    except _ODD:
        return []


def _codes(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The codes of a code sequence (PS3.3 8.8), whose value may stand in any of three attributes."""
    codes = []
    for item in _items(dataset, keyword):
        value = _text(item, "CodeValue") or _text(item, "LongCodeValue") or _text(item, "URNCodeValue")
        if value:
            codes.append(f"{_text(item, 'CodingSchemeDesignator')}:{value}")
    return tuple(codes)


def _nested_codes(dataset: Dataset, outer: str, inner: str) -> tuple[str, ...]:
    return tuple(code for item in _items(dataset, outer) for code in _codes(item, inner))
