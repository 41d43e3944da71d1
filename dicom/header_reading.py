"""Headers of DICOM files: the attributes that are kept, read without the pixel data.

Whatever the bytes are, the outcome is a header or an `UnreadableObjectError`.
"""

import errno
import os
import struct
from datetime import datetime, time
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import ImplicitVRLittleEndian

from dicom.deflated import open_inflated
from dicom.element_walk import PIXEL_TAGS, UNDEFINED, UnusualError, walk_file
from dicom.elements import IDENTIFYING, NUMBERS, ODD, TEXTS, WANTED, Elements
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


_HEAD_BYTES = 1 << 16
"""Room for all that stands before the pixel data, nearly always."""
_TAGS: list[BaseTag | int] = [*WANTED]
_MAX_INT = 2**31 - 1
_MAX_DAYS = 100_000.0


def read_header(path: Path) -> PhotoHeader:
    """Read a DICOM file's header; pixel data are skipped, though it is checked that they end before the file.

    Raises `UnreadableObjectError` when the file is no DICOM object (PS3.10), lacks a valid SOP Class, SOP
    Instance, Series or Study UID, or is cut short, and `UnpackedTooLargeError` for a deflated one over the
    limit. Any other odd value becomes None or "". Raises `OSError` when the file cannot be opened.
    """
    # A parser's error is not passed on as the cause: its message may quote a value.
    try:
        syntax, elements, has_pixel_data = _walk(path) or _read(path)
    except ODD:
        raise UnreadableObjectError("The bytes are not a DICOM object: export the photo again.") from None
    except OSError as error:
        # A length that leads to nowhere in the file, or pydicom's own words, not a disk that fails.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise UnreadableObjectError("The bytes are not a DICOM object: export the photo again.") from None
    uids: dict[str, Any] = {name: elements.text(keyword) for name, keyword in IDENTIFYING.items()}
    texts: dict[str, Any] = {name: elements.text(keyword) for name, keyword in TEXTS.items()}
    numbers: dict[str, Any] = {name: _number(elements, keyword) for name, keyword in NUMBERS.items()}
    for name, uid in uids.items():
        if not is_uid(uid):
            raise UnreadableObjectError(
                f"The object has no valid {IDENTIFYING[name]}: the sender has to set one."
            )
    return PhotoHeader(
        **uids,
        **texts,
        **numbers,
        transfer_syntax_uid=syntax,
        birth_date=parse_date(elements.text("PatientBirthDate")),
        study_date=parse_date(elements.text("StudyDate")),
        study_time=parse_time(elements.text("StudyTime")),
        acquired_at=_acquired_at(elements),
        event_offset_days=_days(elements, "LongitudinalTemporalOffsetFromEvent"),
        view_codes=_codes(elements, "ViewCodeSequence"),
        view_modifier_codes=_nested_codes(elements, "ViewCodeSequence", "ViewModifierCodeSequence"),
        context_codes=_nested_codes(elements, "AcquisitionContextSequence", "ConceptCodeSequence"),
        has_pixel_data=has_pixel_data,
    )


def _walk(path: Path) -> tuple[str, Elements, bool] | None:
    """Transfer syntax, the wanted elements, and whether pixel data follow; None if pydicom has to look.

    Raises `TruncatedObjectError`.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(_HEAD_BYTES)
        try:
            walked = walk_file(head, os.fstat(file.fileno()).st_size, WANTED)
        except UnusualError:
            return None
        if walked.length == UNDEFINED and walked.pixels is not None:
            _check_delimited(file, walked.pixels)
    implicit = walked.syntax == ImplicitVRLittleEndian
    return walked.syntax, Elements(walked.found, implicit=implicit), walked.pixels is not None


def _read(path: Path) -> tuple[str, Elements, bool]:
    """As `_walk`, by pydicom. Raises also what pydicom raises."""
    meta = read_file_meta_info(path)
    syntax = str(meta.TransferSyntaxUID)
    with open_inflated(path, meta) as file:
        dataset, has_pixel_data = _read_dataset(file)
    return syntax, Elements.of(dataset), has_pixel_data


def _read_dataset(file: BinaryIO) -> tuple[Dataset, bool]:
    """The wanted attributes, and whether pixel data follow. Raises `TruncatedObjectError`."""
    size = file.seek(0, 2)
    file.seek(0)
    start = length = tag = 0

    def stop(element: BaseTag, vr: str | None, element_length: int) -> bool:
        nonlocal start, length, tag
        start, length, tag = file.tell(), element_length, int(element)
        if length != UNDEFINED and start + length > size:
            raise TruncatedObjectError
        return tag >= PIXEL_TAGS[0]

    dataset = read_partial(file, stop_when=stop, specific_tags=_TAGS)
    if length == UNDEFINED:
        _check_delimited(file, start if tag in PIXEL_TAGS else size - 8)
    elif tag < PIXEL_TAGS[0] and start + length != size:
        raise TruncatedObjectError
    return dataset, tag in PIXEL_TAGS


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


def _number(elements: Elements, keyword: str) -> int | None:
    try:
        number = int(elements.text(keyword))
    except ValueError:
        return None
    return number if -_MAX_INT <= number <= _MAX_INT else None


def _days(elements: Elements, keyword: str) -> float | None:
    """A number of days within three lifetimes, which leaves out infinities and what is no number."""
    try:
        days = float(elements.text(keyword))
    except ValueError:
        return None
    return days if abs(days) <= _MAX_DAYS else None


def _acquired_at(elements: Elements) -> datetime | None:
    moment = parse_moment(elements.text("AcquisitionDateTime"))
    if moment is not None:
        return moment
    for level in ("Content", "Series", "Study"):
        day = parse_date(elements.text(f"{level}Date"))
        if day is not None:
            return datetime.combine(day, parse_time(elements.text(f"{level}Time")) or time.min)
    return None


def _codes(elements: Elements, keyword: str) -> tuple[str, ...]:
    """The codes of a code sequence (PS3.3 8.8), whose value may stand in any of three attributes."""
    codes = []
    for item in elements.items(keyword):
        value = item.text("CodeValue") or item.text("LongCodeValue") or item.text("URNCodeValue")
        if value:
            codes.append(f"{item.text('CodingSchemeDesignator')}:{value}")
    return tuple(codes)


def _nested_codes(elements: Elements, outer: str, inner: str) -> tuple[str, ...]:
    return tuple(code for item in elements.items(outer) for code in _codes(item, inner))
