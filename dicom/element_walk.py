"""The elements of a file that is written as nearly all are, found without pydicom's reader.

pydicom asks the file for its position several times per element, reads file meta information twice and makes
objects of what nobody wants: a sixth of what an object cost the receiver. Whatever is not quite usual raises
`UnusualError` here and is left to pydicom, so that there is one answer to what odd bytes mean.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass

from pydicom.charset import python_encoding
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom.contexts import SYNTAXES

PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
UNDEFINED = 0xFFFFFFFF

_SYNTAXES = frozenset(str(uid) for uids in SYNTAXES.values() for uid in uids) - {
    str(DeflatedExplicitVRLittleEndian)
}
_TRANSFER_SYNTAX = 0x00020010
_CHARACTER_SET = BaseTag(0x00080005)
_ITEM = 0xFFFEE000
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""VRs whose length has four bytes (PS3.5 7.1.2)."""
_VRS = {
    name: name.decode()
    for name in (
        *_LONG, b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
        b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
    )
}  # fmt: skip
_EXPLICIT = struct.Struct("<HH2sH").unpack_from
_IMPLICIT = struct.Struct("<HHL").unpack_from
_LENGTH = struct.Struct("<L").unpack_from

Found = dict[BaseTag, RawDataElement]


class UnusualError(Exception):
    """The bytes are not as they mostly are."""


@dataclass(frozen=True)
class Walked:
    """The wanted elements of a file, and the length of its pixel data, which begin at ``pixels``, if any."""

    syntax: str
    found: Found
    pixels: int | None
    length: int


def walk_file(head: bytes, size: int, wanted: Collection[int]) -> Walked:
    """Walk a DICOM file of ``size`` bytes by its first bytes, as far as its pixel data.

    Raises `UnusualError`, also when the head ends before the elements do, or the file before its pixel data.
    """
    if head[128:132] != b"DICM":
        raise UnusualError
    at, syntax = 132, ""
    while head[at : at + 2] == b"\2\0":
        tag, _, start, length = _element(head, at, implicit=False)
        at = _end(start, length, len(head))
        if tag == _TRANSFER_SYNTAX:
            syntax = head[start:at].rstrip(b"\0 ").decode("ascii", "replace")
    if syntax not in _SYNTAXES:
        raise UnusualError
    implicit = syntax == ImplicitVRLittleEndian
    found, pixels, start, length = _walk(head, at, len(head), implicit, wanted)
    if not _known_character_set(found):
        raise UnusualError
    if pixels is None and len(head) < size:
        raise UnusualError
    if pixels is not None and (pixels not in PIXEL_TAGS or (length != UNDEFINED and start + length > size)):
        raise UnusualError
    return Walked(syntax, found, None if pixels is None else start, length)


def walk_items(value: bytes, implicit: bool, wanted: Collection[int]) -> list[Found]:
    """The wanted elements of each item of a sequence (PS3.5 7.5). Raises `UnusualError`."""
    items, at = [], 0
    while at < len(value):
        if at + 8 > len(value):
            raise UnusualError
        group, element, length = _IMPLICIT(value, at)
        end = _end(at + 8, length, len(value))
        found, tag, _, _ = _walk(value, at + 8, end, implicit, wanted)
        if group << 16 | element != _ITEM or tag is not None:
            raise UnusualError
        items.append(found)
        at = end
    return items


def _walk(
    data: bytes, at: int, end: int, implicit: bool, wanted: Collection[int]
) -> tuple[Found, int | None, int, int]:
    """The wanted elements up to ``end``, or to pixel data or what comes after: its tag, start and length."""
    found: Found = {}
    # Some say implicit and are explicit, which pydicom sees by the first element.
    if implicit and data[at + 4 : at + 6].isalpha():
        raise UnusualError
    while at < end:
        if at + 8 > end:
            raise UnusualError
        tag, vr, start, length = _element(data, at, implicit)
        if tag >= PIXEL_TAGS[0]:
            return found, tag, start, length
        at = _end(start, length, end)
        if tag in wanted:
            key = BaseTag(tag)
            found[key] = RawDataElement(key, vr, length, data[start:at], start, implicit, True)
    return found, None, at, 0


def _known_character_set(found: Found) -> bool:
    stated = found.get(_CHARACTER_SET)
    if stated is None:
        return True
    names = (stated.value or b"").decode("ascii", "replace").split("\\")
    return stated.VR in ("CS", None) and all(name.strip(" \0") in python_encoding for name in names)


def _element(data: bytes, at: int, implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, VR, place and length of the value of the element that begins at ``at``."""
    try:
        if implicit:
            group, element, length = _IMPLICIT(data, at)
            return group << 16 | element, None, at + 8, length
        group, element, vr, length = _EXPLICIT(data, at)
        if vr in _LONG:
            (length,) = _LENGTH(data, at + 8)
            return group << 16 | element, _VRS[vr], at + 12, length
        return group << 16 | element, _VRS[vr], at + 8, length
    except (KeyError, struct.error):
        raise UnusualError from None


def _end(start: int, length: int, end: int) -> int:
    """Where a value ends, which must be no later than ``end``."""
    if length == UNDEFINED or start + length > end:
        raise UnusualError
    return start + length
