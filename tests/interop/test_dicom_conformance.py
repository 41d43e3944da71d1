"""dicom3tools' validator finds no error in the objects that we make."""

import subprocess
from dataclasses import replace
from datetime import UTC, date
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, EnhancedSRStorage, SecondaryCaptureImageStorage

from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.header_reading import read_header
from dicom.photographic import PatientIdentity, photographic_object
from dicom.sources import Predecessor, Verifier
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from grading.protocols import JENA9, Pose
from tests.dicom.samples import (
    STUDY_UID,
    TAKEN_AT,
    jpeg_bytes,
    maps,
    measurement_report,
    photo,
    save,
    save_series,
)
from tests.interop.conftest import program

pytestmark = pytest.mark.interop

EARLIER = Predecessor(
    EnhancedSRStorage, derived_uid("earlier"), derived_uid("earlier series"), study_uid=STUDY_UID
)


def errors(dataset: Dataset, path: Path, iod: str) -> list[str]:
    """What dciodvfy calls an error; it has to have recognised the object's kind."""
    result = subprocess.run(
        [program("dciodvfy"), str(save(dataset, path))], capture_output=True, text=True, timeout=60
    )
    lines = (result.stdout + result.stderr).splitlines()
    assert iod in lines
    return [line for line in lines if line.startswith("Error")]


@pytest.mark.parametrize("pose", JENA9.poses, ids=lambda pose: pose.code)
def test_photo_has_no_errors(tmp_path: Path, pose: Pose) -> None:
    assert errors(photo(pose), tmp_path / "photo.dcm", "VLPhotographicImage") == []


@pytest.mark.parametrize("timepoint", [Timepoint(-14, "pre-op"), Timepoint(0), Timepoint(90)])
def test_photo_with_a_timepoint_has_no_errors(tmp_path: Path, timepoint: Timepoint) -> None:
    assert errors(photo(timepoint=timepoint), tmp_path / "photo.dcm", "VLPhotographicImage") == []


def test_photo_of_a_barely_known_patient_has_no_errors(tmp_path: Path) -> None:
    dataset = photographic_object(
        jpeg_bytes(),
        patient=PatientIdentity("FP-2", birth_date=date(2001, 1, 1)),
        study_uid=derived_uid("study"),
        series_uid=derived_uid("series"),
        sop_instance_uid=derived_uid("photo"),
        pose=JENA9.poses[0],
        taken_at=TAKEN_AT,
        device="",
    )
    assert errors(dataset, tmp_path / "photo.dcm", "VLPhotographicImage") == []


@pytest.mark.parametrize("frames", [1, 12])
@pytest.mark.parametrize("timepoint", [None, Timepoint(90)])
def test_maps_have_no_errors(tmp_path: Path, frames: int, timepoint: Timepoint | None) -> None:
    sources = [read_header(path) for path in save_series(tmp_path / "series")]
    dataset = maps(sources, frames, timepoint)
    assert errors(dataset, tmp_path / "maps.dcm", "MultiframeTrueColorSCImage") == []


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("timepoint", [None, Timepoint(-14, "pre-op"), Timepoint(90)])
def test_report_has_no_errors(tmp_path: Path, timepoint: Timepoint | None, verified: bool) -> None:
    dataset = encapsulated_pdf(
        b"%PDF-1.4\n%%EOF",
        sources=[read_header(path) for path in save_series(tmp_path / "series")],
        title="eFACE report",
        sop_instance_uid=derived_uid("report"),
        series_uid=derived_uid("report series"),
        created_at=TAKEN_AT,
        timepoint=timepoint,
        predecessor=replace(EARLIER, sop_class_uid=EncapsulatedPDFStorage),
        verified=verified,
        software_version="1.0",
    )
    assert errors(dataset, tmp_path / "report.dcm", "EncapsulatedPDF") == []


@pytest.mark.parametrize("timepoint", [None, Timepoint(-14, "pre-op"), Timepoint(90)])
@pytest.mark.parametrize("side", [None, "L"])
def test_structured_report_has_no_errors(
    tmp_path: Path, timepoint: Timepoint | None, side: str | None
) -> None:
    dataset = measurement_report(
        [read_header(path) for path in save_series(tmp_path / "series")],
        timepoint=timepoint,
        side=side,
        flags=["clipped.M4", "face.small (REST)"],
        predecessor=EARLIER,
    )
    assert errors(dataset, tmp_path / "sr.dcm", "EnhancedSR") == []


def test_structured_report_that_was_signed_off_has_no_errors(tmp_path: Path) -> None:
    sources = [read_header(path) for path in save_series(tmp_path / "series")]
    signed = Verifier("Dr Berta Beispiel", "Clinic", TAKEN_AT.replace(tzinfo=UTC))
    dataset = measurement_report(sources, predecessor=EARLIER, verifier=signed)
    assert errors(dataset, tmp_path / "sr.dcm", "EnhancedSR") == []


def test_structured_report_of_a_secondary_capture_has_no_errors(tmp_path: Path) -> None:
    header = replace(
        read_header(save(photo(), tmp_path / "photo.dcm")), sop_class_uid=SecondaryCaptureImageStorage
    )
    assert errors(measurement_report([header]), tmp_path / "sr.dcm", "EnhancedSR") == []
