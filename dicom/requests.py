"""The C-STORE request, read from its command set directly (PS3.7 9.3.1.1).

pynetdicom decodes a command set into a message, a data set and a primitive, and validates each attribute on
the way: with the events and services around it a fifth of the Python that an object cost the receiver.
"""

import struct
from dataclasses import dataclass

_STORE = 0x0001
_NO_DATA_SET = 0x0101
_MAX_UID = 64


@dataclass(frozen=True)
class StoreRequest:
    """What a sender is about to send. The UIDs are as it wrote them, and may be none."""

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool


def store_request(command: bytes) -> StoreRequest | None:
    """The request in a command set; None if it is another one, or not as a C-STORE request should be."""
    values: dict[int, bytes] = {}
    at = 0
    while at + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHL", command, at)
        at += 8 + length
        if group or at > len(command):
            return None
        values[element] = command[at - length : at]
    field, message_id, data_set = (_number(values, element) for element in (0x0100, 0x0110, 0x0800))
    sop_class_uid, sop_instance_uid = _uid(values, 0x0002), _uid(values, 0x1000)
    if at != len(command) or field != _STORE or message_id is None or data_set is None:
        return None
    if not sop_class_uid or not sop_instance_uid:
        return None
    return StoreRequest(message_id, sop_class_uid, sop_instance_uid, data_set != _NO_DATA_SET)


def _number(values: dict[int, bytes], element: int) -> int | None:
    value = values.get(element, b"")
    return int.from_bytes(value, "little") if len(value) == 2 else None


def _uid(values: dict[int, bytes], element: int) -> str | None:
    text = values.get(element, b"").rstrip(b"\0 ").decode("ascii", "replace")
    return text if len(text) <= _MAX_UID else None
