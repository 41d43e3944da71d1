"""The C-STORE request, against what pynetdicom writes."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, VLPhotographicImageStorage
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from dicom.requests import StoreRequest, store_request
from dicom.uids import derived_uid


def written(number: int, instance: str, **further: Any) -> bytes:
    """The command set of a request, as pynetdicom writes it."""
    primitive = C_STORE()
    primitive.MessageID = number
    primitive.AffectedSOPClassUID = VLPhotographicImageStorage
    primitive.AffectedSOPInstanceUID = UID(instance)
    primitive.Priority = 2
    primitive.DataSet = BytesIO(b"\0\0")
    for keyword, value in further.items():
        setattr(primitive, keyword, value)
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    first = next(iter(message.encode_msg(1, 0))).presentation_data_value_list[0][1]
    assert first[0] == 0x03
    return bytes(first[1:])


@given(number=st.integers(0, 0xFFFF), name=st.text(max_size=5))
def test_request_that_pynetdicom_writes_is_read(number: int, name: str) -> None:
    instance = derived_uid(name)
    command = written(number, instance, MoveOriginatorApplicationEntityTitle="ARCHIVE")
    assert store_request(command) == StoreRequest(number, VLPhotographicImageStorage, instance, True)


def test_request_without_a_data_set_is_told() -> None:
    command = written(1, "1.2.3").replace(b"\0\0\0\x08\2\0\0\0\1\0", b"\0\0\0\x08\2\0\0\0\1\1")
    assert store_request(command) == StoreRequest(1, VLPhotographicImageStorage, "1.2.3", False)


@pytest.mark.parametrize("element", [0x0002, 0x0100, 0x0110, 0x0800, 0x1000])
def test_request_that_lacks_something_is_left_to_pynetdicom(element: int) -> None:
    command, at = written(1, "1.2.3"), 0
    while int.from_bytes(command[at + 2 : at + 4], "little") != element:
        at += 8 + int.from_bytes(command[at + 4 : at + 8], "little")
    end = at + 8 + int.from_bytes(command[at + 4 : at + 8], "little")
    assert store_request(command[:at] + command[end:]) is None


def test_request_that_is_cut_is_left_to_pynetdicom() -> None:
    whole = written(1, "1.2.3")
    assert [cut for cut in range(len(whole)) if store_request(whole[:cut]) is not None] == []


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(command: bytes) -> None:
    assert store_request(command) is None


@given(edits=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=4))
def test_damaged_requests_are_read_or_left(edits: list[tuple[int, int]]) -> None:
    command = bytearray(written(1, derived_uid("damaged")))
    for at, value in edits:
        command[at % len(command)] = value
    request = store_request(bytes(command))
    assert request is None or 0 < len(request.sop_instance_uid) <= 64
