"""Deflated objects: unpacked to the byte, up to a limit, and refused where they are damaged or end early."""

import zlib
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom.deflated import UnpackedTooLargeError, open_inflated
from dicom.documents import NotAPdfError, read_pdf
from dicom.header_reading import UnreadableObjectError, read_header
from tests.dicom.samples import photo, save


def deflated(path: Path, comment: str = "") -> Path:
    dataset = photo()
    dataset.ImageComments = comment
    plain = save(dataset, path)
    with plain.open("rb") as file:
        dataset = dcmread(file)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return save(dataset, path)


def test_deflated_object_is_the_object_that_was_packed(tmp_path: Path) -> None:
    with open_inflated(deflated(tmp_path / "packed.dcm")) as file:
        unpacked = dcmread(file)
    assert unpacked == dcmread(tmp_path / "packed.dcm")
    assert unpacked.SOPInstanceUID == photo().SOPInstanceUID


def test_small_object_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    path = deflated(tmp_path / "bomb.dcm")
    whole = path.read_bytes()
    start = 132 + 12 + dcmread(path).file_meta.FileMetaInformationGroupLength
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(zlib.decompress(whole[start:], -zlib.MAX_WBITS))
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    path.write_bytes(whole[:start] + packed)
    assert path.stat().st_size < 200_000
    with pytest.raises(UnpackedTooLargeError):
        open_inflated(path, max_bytes=1 << 25)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_deflated_object_that_ends_early_is_unreadable(tmp_path: Path, share: float) -> None:
    path = deflated(tmp_path / "cut.dcm")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UnreadableObjectError):
        read_header(path)


def test_damaged_deflated_object_is_unreadable(tmp_path: Path) -> None:
    path = deflated(tmp_path / "damaged.dcm")
    whole = path.read_bytes()
    start = 132 + 12 + dcmread(path).file_meta.FileMetaInformationGroupLength
    path.write_bytes(whole[:start] + b"\xff\xff" + whole[start + 2 :])
    with pytest.raises(UnreadableObjectError):
        read_header(path)


def test_object_without_a_document_is_no_pdf(tmp_path: Path) -> None:
    with pytest.raises(NotAPdfError):
        read_pdf(save(photo(), tmp_path / "photo.dcm"))
