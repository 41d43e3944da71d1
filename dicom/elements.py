"""The wanted elements of a data set, as text: plain bytes directly, all others by way of pydicom."""

import struct
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import Self

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from dicom.element_walk import UnusualError, walk_items

IDENTIFYING = {
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "study_uid": "StudyInstanceUID",
}
TEXTS = {
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
NUMBERS = {
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
_IN_ITEMS = (
    "CodeValue",
    "LongCodeValue",
    "URNCodeValue",
    "CodingSchemeDesignator",
    "ViewModifierCodeSequence",
    "ConceptCodeSequence",
)
CHARACTER_SET = BaseTag(0x00080005)
WANTED = frozenset(
    (CHARACTER_SET, *map(Tag, (*IDENTIFYING.values(), *TEXTS.values(), *NUMBERS.values(), *_OTHERS)))
)
_WANTED_IN_ITEMS = frozenset((CHARACTER_SET, *map(Tag, _IN_ITEMS)))
_TAG_OF = {
    keyword: Tag(keyword)
    for keyword in (*IDENTIFYING.values(), *TEXTS.values(), *NUMBERS.values(), *_OTHERS, *_IN_ITEMS)
}
_VR_OF = {tag: dictionary_VR(tag) for tag in _TAG_OF.values()}
_TEXT_VRS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"))
_UNTRIMMED_VRS = frozenset(("LT", "PN", "ST", "UT"))
"""Of these a backslash parts no values that pydicom would trim."""

ODD = (
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
"""What pydicom is seen to raise on bytes that are no DICOM object, and on values that belie their VR."""


class Elements:
    """Elements by tag, of a data set that pydicom has read or of one that was walked."""

    def __init__(
        self,
        found: Mapping[BaseTag, DataElement | RawDataElement],
        *,
        walked: bool = True,
        implicit: bool = False,
        parent: "Elements | None" = None,
    ) -> None:
        self._found = found
        self._walked = walked
        self._implicit = implicit
        self._parent = parent

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """The elements of what pydicom has read."""
        tags = dataset.keys()
        elements = cls({tag: dataset.get_item(tag) for tag in tags}, walked=False)
        elements.dataset = dataset
        return elements

    @cached_property
    def dataset(self) -> Dataset:
        """The elements for pydicom to decode."""
        dataset = Dataset(dict(self._found))
        dataset.set_original_encoding(self._implicit, True, self._encoding)
        return dataset

    @cached_property
    def _encoding(self) -> str | list[str]:
        stated = self._found.get(CHARACTER_SET)
        if isinstance(stated, RawDataElement):
            return convert_encodings(convert_raw_data_element(stated).value)
        return self._parent._encoding if self._parent else default_encoding

    def text(self, keyword: str) -> str:
        """An attribute as text without control characters (a NUL would be refused by the database)."""
        tag = _TAG_OF[keyword]
        element = self._found.get(tag)
        if element is None:
            return ""
        text = _plain(element)
        if text is None:
            try:
                value = self.dataset[tag].value
                text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
            except ODD:
                return ""
        if not text.isprintable():
            text = "".join(sign for sign in text if sign.isprintable() or sign == "\n")
        return text.strip()

    def items(self, keyword: str) -> list["Elements"]:
        """The items of a sequence; none where the value is no sequence."""
        element = self._found.get(_TAG_OF[keyword])
        if element is None:
            return []
        try:
            if (
                self._walked
                and isinstance(element, RawDataElement)
                and element.VR in ("SQ", None)
                and element.value
            ):
                found = walk_items(element.value, self._implicit, _WANTED_IN_ITEMS)
                return [Elements(one, implicit=self._implicit, parent=self) for one in found]
        except UnusualError:
            pass
        try:
            items = self.dataset.get(keyword) or ()
            return [Elements.of(item) for item in items if isinstance(item, Dataset)]
        # The bytes are in memory: an error of the operating system's kind is pydicom's word for a cut item.
        except (*ODD, OSError):
            return []


def _plain(element: DataElement | RawDataElement) -> str | None:
    """The text of an element whose bytes say the same in every character set, which nearly all do."""
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return None
    value, vr = element.value, _VR_OF[element.tag]
    if element.VR not in (vr, None):
        return None
    if vr == "US":
        return str(int.from_bytes(value, "little")) if len(value) == 2 else None
    if vr == "IS":
        digits = value.strip(b" \0")
        return digits.decode() if digits.isdigit() else None
    if vr not in _TEXT_VRS or not value.isascii() or b"\x1b" in value or b"=" in value:
        return None
    text = value.decode("ascii")
    if vr in _UNTRIMMED_VRS:
        return text.strip(" \0")
    return "\\".join(part.strip(" \0") for part in text.split("\\"))
