"""Every form that is received: made by another toolkit, sent by DCMTK, kept as it was sent, decoded.

Not here: videos are kept, never decoded, so their bytes are compared and no video encoder is needed.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    HEVCMP51,
    MPEG2MPHL,
    MPEG4HP41,
    UID,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ImplicitVRLittleEndian,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    VideoPhotographicImageStorage,
)

from dicom.contexts import PHOTO_CLASSES, PHOTO_SYNTAXES
from dicom.documents import read_pdf
from dicom.header_reading import read_header
from dicom.intake import ReceivedObject
from dicom.pixels import decode_photo
from tests.dicom.samples import photo, save
from tests.interop.conftest import Listening, program
from tests.interop.encodings import ENCODINGS, Encoding, dcmtk, plain

pytestmark = pytest.mark.interop


STORESCU = {ImplicitVRLittleEndian: "-xi", DeflatedExplicitVRLittleEndian: "-xd"}
"""dcmsend proposes every uncompressed form in one context; these are sent by storescu, in one only."""


def send(listening: Listening, path: Path) -> tuple[Path, ReceivedObject]:
    """Send by DCMTK in the file's own transfer syntax; where it was kept, and as what."""
    proposal = STORESCU.get(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    command = [program("storescu"), proposal] if proposal else [program("dcmsend"), "-dn"]
    titles = ["-aet", "CAMERA", "-aec", "FACIALIS", "127.0.0.1", str(listening.receiver.port)]
    answer = subprocess.run([*command, *titles, str(path)], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    ((received,),) = listening.intake.stored.values()
    return listening.intake.folder / f"{received.sha256}.dcm", received


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_photo_arrives_as_sent_and_decodes(listening: Listening, tmp_path: Path, encoding: Encoding) -> None:
    program("dcmconv")
    dataset, expected = plain(encoding.picture)
    encoded = tmp_path / "encoded.dcm"
    encoding.write(save(dataset, tmp_path / "plain.dcm"), encoded)
    kept, received = send(listening, encoded)
    assert received.header.transfer_syntax_uid == encoding.syntax
    # Deflated data of an odd length are padded for sending (PS3.5 A.5).
    sent = kept.read_bytes()[-received.size :].rstrip(b"\0")
    assert encoded.read_bytes().rstrip(b"\0").endswith(sent)
    difference = np.abs(decode_photo(kept).astype(int) - expected).max()
    assert difference <= encoding.tolerance


def test_every_syntax_of_photos_is_tried() -> None:
    assert {encoding.syntax for encoding in ENCODINGS} == set(PHOTO_SYNTAXES)


@pytest.mark.parametrize("sop_class", PHOTO_CLASSES, ids=lambda uid: uid.name)
def test_every_class_of_photos_is_kept_and_decoded(
    listening: Listening, tmp_path: Path, sop_class: UID
) -> None:
    dataset, expected = plain("colour")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    if sop_class in (SecondaryCaptureImageStorage, MultiFrameTrueColorSecondaryCaptureImageStorage):
        dataset.ConversionType = "DI"
    if sop_class == MultiFrameTrueColorSecondaryCaptureImageStorage:
        dataset.NumberOfFrames = 2
        dataset.PixelData = expected.tobytes() + bytes(expected.size)
    kept, received = send(listening, save(dataset, tmp_path / "photo.dcm"))
    assert received.header.sop_class_uid == sop_class
    np.testing.assert_array_equal(decode_photo(kept), expected)


@pytest.mark.parametrize("syntax", [MPEG4HP41, HEVCMP51, MPEG2MPHL], ids=lambda uid: uid.name)
def test_video_is_kept_to_the_byte(listening: Listening, tmp_path: Path, syntax: UID) -> None:
    dataset: Dataset = photo()
    stream = np.random.default_rng(0).bytes(200_000)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = VideoPhotographicImageStorage
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.NumberOfFrames = 50
    dataset.PixelData = encapsulate([stream])
    kept, received = send(listening, save(dataset, tmp_path / "video.dcm"))
    assert received.header.transfer_syntax_uid == syntax
    (sent,) = generate_frames(dcmread(kept).PixelData, number_of_frames=1)
    assert sent == stream


@pytest.mark.parametrize("option", ["+te", "+ti", "+td"])
def test_report_made_by_pdf2dcm_is_kept_and_can_be_read(
    listening: Listening, tmp_path: Path, option: str
) -> None:
    pdf = b"%PDF-1.4\n% an earlier report, of an odd number of bytes\n%%EOF\n"
    source, made, converted = tmp_path / "r.pdf", tmp_path / "r.dcm", tmp_path / "c.dcm"
    source.write_bytes(pdf)
    subprocess.run(
        [program("pdf2dcm"), "+t", "Earlier report", "+pi", "FP-7", str(source), str(made)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    dcmtk("dcmconv", option)(made, converted)
    kept, received = send(listening, converted)
    assert received.header.sop_class_uid == EncapsulatedPDFStorage
    assert (received.header.document_title, received.header.patient_id) == ("Earlier report", "FP-7")
    assert read_header(kept).mime_type == "application/pdf"
    assert read_pdf(kept) == pdf
