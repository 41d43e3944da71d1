"""The C-STORE reply, against what pynetdicom writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, VLPhotographicImageStorage
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE

from dicom.replies import store_reply
from dicom.uids import derived_uid


@pytest.mark.parametrize("comment", ["", "dicom.uid_mismatch", "odd"])
@given(number=st.integers(1, 0xFFFF), status=st.sampled_from([0x0000, 0xA700, 0xA900, 0xC000]))
def test_the_bytes_are_those_that_pynetdicom_writes(comment: str, number: int, status: int) -> None:
    primitive = C_STORE()
    primitive.MessageID = primitive.MessageIDBeingRespondedTo = number
    primitive.AffectedSOPClassUID = VLPhotographicImageStorage
    primitive.AffectedSOPInstanceUID = UID(derived_uid(str(number)))
    primitive.Status = status
    if comment:
        primitive.ErrorComment = comment
    message = C_STORE_RSP()
    message.primitive_to_message(primitive)
    ((_, written),) = next(iter(message.encode_msg(1, 0))).presentation_data_value_list
    instance = UID(primitive.AffectedSOPInstanceUID)
    assert store_reply(VLPhotographicImageStorage, instance, number, status, comment) == written[1:]
    assert written[0] == 0x03
