"""Preamble and file meta information, against what pydicom writes and reads."""

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, JPEGBaseline8Bit, VLPhotographicImageStorage
from pynetdicom.dsutils import create_file_meta

from dicom.file_head import file_head
from dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

uids = st.from_regex(r"\A[12]\.[1-9][0-9]{0,20}(\.[1-9][0-9]{0,8}){0,4}\Z").filter(lambda uid: len(uid) <= 64)


@given(uids, uids)
def test_the_bytes_are_those_that_pydicom_writes(sop_class: str, instance: str) -> None:
    meta = create_file_meta(
        sop_class_uid=UID(sop_class),
        sop_instance_uid=UID(instance),
        transfer_syntax=JPEGBaseline8Bit,
        implementation_uid=UID(IMPLEMENTATION_CLASS_UID),
        implementation_version=IMPLEMENTATION_VERSION_NAME,
    )
    written = DicomBytesIO()
    write_file_meta_info(written, meta)
    assert file_head(sop_class, instance, JPEGBaseline8Bit) == bytes(128) + b"DICM" + written.getvalue()


@given(st.text(max_size=100_000))
def test_what_is_no_uid_still_makes_a_file_that_can_be_read(odd: str) -> None:
    head = file_head(VLPhotographicImageStorage, odd, JPEGBaseline8Bit)
    assert dcmread(BytesIO(head)).file_meta.TransferSyntaxUID == JPEGBaseline8Bit
