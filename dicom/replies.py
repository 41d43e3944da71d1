"""The C-STORE reply as bytes (PS3.7 9.3.1.2), put together directly.

pynetdicom makes a message, a data set and each element an object, and encodes them twice to know their
length: a sixth of what an object costs the receiver.
"""

import struct

_RESPONSE = 0x8001
_NO_DATA_SET = 0x0101


def store_reply(
    sop_class_uid: str, sop_instance_uid: str, message_id: int, status: int, comment: str
) -> bytes:
    """The command set; ``comment``, if any, is Error Comment, at most 64 characters of ASCII."""
    elements = b"".join(
        (
            _element(0x0002, _padded(sop_class_uid, b"\0")),
            _element(0x0100, struct.pack("<H", _RESPONSE)),
            _element(0x0120, struct.pack("<H", message_id)),
            _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
            _element(0x0900, struct.pack("<H", status)),
            _element(0x0902, _padded(comment, b" ")) if comment else b"",
            _element(0x1000, _padded(sop_instance_uid, b"\0")),
        )
    )
    return _element(0x0000, struct.pack("<L", len(elements))) + elements


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _padded(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + padding * (len(value) % 2)
