"""Other toolkits send to our receiver."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEGBaseline8Bit

from dicom.header_reading import read_header
from dicom.pixels import decode_photo
from dicom.poses import PoseRules, assign_poses
from dicom.uids import derived_uid
from grading.protocols import JENA9
from tests.dicom.samples import jpeg_bytes, photo, save, save_series
from tests.interop.conftest import Listening, program

pytestmark = pytest.mark.interop


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)


def to_us(listening: Listening, name: str, *options: str, caller: str = "CAMERA") -> list[str]:
    port = str(listening.receiver.port)
    return [program(name), *options, "-aet", caller, "-aec", "FACIALIS", "127.0.0.1", port]


def test_dcmtk_echo_is_answered(listening: Listening) -> None:
    assert run(*to_us(listening, "echoscu")).returncode == 0


def test_dcmtk_under_an_unknown_title_is_rejected(listening: Listening) -> None:
    answer = run(*to_us(listening, "echoscu", caller="STRANGER"))
    assert answer.returncode != 0
    assert "Calling AE Title Not Recognized" in answer.stderr


def test_dcmtk_sends_a_series_as_jpeg_and_again(listening: Listening, tmp_path: Path) -> None:
    paths = save_series(tmp_path / "series")
    command = to_us(listening, "storescu", "-xy")
    assert run(*command, *paths).returncode == 0
    assert run(*command, *paths).returncode == 0
    stored = list(listening.intake.stored.values())
    assert [len(versions) for versions in stored] == [1] * 9
    headers = [versions[0].header for versions in stored]
    assert {header.transfer_syntax_uid for header in headers} == {JPEGBaseline8Bit}
    assert assign_poses(headers, PoseRules(), JENA9).complete


@pytest.mark.parametrize(
    ("encoder", "proposal"),
    [
        (["dcmcjpeg", "+e1"], "-xs"),
        (["dcmcjpls", "+el"], "-xt"),
        (["dcmcrle"], "-xr"),
        (["dcmconv", "+ti"], "-xi"),
        (["dcmconv", "+te"], "-xe"),
    ],
    ids=["JPEG lossless", "JPEG-LS", "RLE", "implicit", "explicit"],
)
def test_every_lossless_form_that_dcmtk_sends_arrives_with_the_same_pixels(
    listening: Listening, tmp_path: Path, encoder: list[str], proposal: str
) -> None:
    original = save(photo(), tmp_path / "photo.dcm")
    plain, encoded = tmp_path / "plain.dcm", tmp_path / "encoded.dcm"
    assert run(program("dcmdjpeg"), original, plain).returncode == 0
    assert run(program(encoder[0]), *encoder[1:], plain, encoded).returncode == 0
    assert run(*to_us(listening, "storescu", proposal), encoded).returncode == 0
    (versions,) = listening.intake.stored.values()
    kept = listening.intake.folder / f"{versions[0].sha256}.dcm"
    assert read_header(kept).transfer_syntax_uid == read_header(encoded).transfer_syntax_uid
    np.testing.assert_array_equal(decode_photo(kept), decode_photo(plain))


def test_jpeg_lossless_of_dcmtk_is_decoded(tmp_path: Path) -> None:
    """Process 14 with other predictors, which storescu cannot propose by itself."""
    original = save(photo(), tmp_path / "photo.dcm")
    plain, encoded = tmp_path / "plain.dcm", tmp_path / "encoded.dcm"
    assert run(program("dcmdjpeg"), original, plain).returncode == 0
    assert run(program("dcmcjpeg"), "+el", "+sv", "4", plain, encoded).returncode == 0
    np.testing.assert_array_equal(decode_photo(encoded), decode_photo(plain))


def test_photo_made_by_img2dcm_is_taken_and_decoded(listening: Listening, tmp_path: Path) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(jpeg_bytes(seed=4))
    made = tmp_path / "photo.dcm"
    assert run(program("img2dcm"), "-vlp", "-k", "PatientID=FP-7", picture, made).returncode == 0
    assert run(*to_us(listening, "storescu", "-xy"), made).returncode == 0
    (versions,) = listening.intake.stored.values()
    assert versions[0].header.patient_id == "FP-7"
    assert decode_photo(listening.intake.folder / f"{versions[0].sha256}.dcm").shape == (128, 96, 3)


def test_secondary_capture_is_taken(listening: Listening, tmp_path: Path) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(jpeg_bytes(seed=4))
    made = tmp_path / "photo.dcm"
    assert run(program("img2dcm"), picture, made).returncode == 0
    assert run(*to_us(listening, "storescu", "-xy"), made).returncode == 0
    assert len(listening.intake.stored) == 1


def test_fifty_senders_at_once_are_served_or_told_to_come_again(listening: Listening, tmp_path: Path) -> None:
    """More than may associate at a time: who is turned away gets it as transient and has stored nothing."""
    paths = [
        save(photo(sop_instance_uid=derived_uid("crowd", str(number))), tmp_path / f"{number}.dcm")
        for number in range(50)
    ]
    waiting = list(paths)
    for _ in range(20):
        command = to_us(listening, "storescu", "-xy")
        running = [
            (path, subprocess.Popen([*command, str(path)], stderr=subprocess.PIPE)) for path in waiting
        ]
        refused = []
        for path, process in running:
            _, errors = process.communicate(timeout=60)
            if process.returncode != 0:
                assert b"Local Limit Exceeded" in errors, errors
                refused.append(path)
        assert len(listening.intake.stored) == len(paths) - len(refused)
        waiting = refused
        if not waiting:
            return
    pytest.fail(f"{len(waiting)} senders were never served")
