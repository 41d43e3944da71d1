"""The objects made here: complete, deterministic, and filed where they belong."""

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from dicom.building import to_bytes
from dicom.contexts import CREATED
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.header_reading import read_header
from dicom.headers import PhotoHeader
from dicom.photographic import NotBaselineJpegError, photographic_object
from dicom.pixels import decode_photo
from dicom.poses import PoseRules, assign_poses
from dicom.sources import ReportSourcesError
from dicom.timepoints import Timepoint
from dicom.uids import CODING_SCHEME_UID, IMPLEMENTATION_VERSION_NAME, derived_uid, is_uid
from grading.protocols import JENA9
from tests.dicom.samples import PATIENT, STUDY_UID, jpeg_bytes, photo, save, save_series

PDF = b"%PDF-1.4 not a real one, but of odd length.\n"
NOW = datetime(2026, 3, 2, 9, 30)


def report(sources: list[PhotoHeader], pdf: bytes = PDF, timepoint: Timepoint | None = None) -> bytes:
    return to_bytes(
        encapsulated_pdf(
            pdf,
            sources=sources,
            title="eFACE report",
            sop_instance_uid=derived_uid("report"),
            series_uid=derived_uid("report series"),
            created_at=NOW,
            timepoint=timepoint,
        )
    )


@pytest.fixture
def headers(tmp_path: Path) -> list[PhotoHeader]:
    return [read_header(path) for path in save_series(tmp_path / "series")]


def test_series_made_here_is_recognised_by_its_codes(headers: list[PhotoHeader]) -> None:
    result = assign_poses(headers, PoseRules(), JENA9)
    assert result.complete
    assert set(result.by.values()) == {"code"}


def test_photo_keeps_its_jpeg_byte_for_byte(tmp_path: Path) -> None:
    jpeg = jpeg_bytes(seed=1)
    assert jpeg in to_bytes(photo())
    pixels = decode_photo(save(photo(), tmp_path / "photo.dcm"))
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(BytesIO(jpeg))))


def test_photo_declares_its_coding_scheme_and_who_wrote_it() -> None:
    dataset = dcmread(BytesIO(to_bytes(photo())))
    assert dataset.CodingSchemeIdentificationSequence[0].CodingSchemeUID == CODING_SCHEME_UID
    assert dataset.file_meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert dataset.file_meta.TransferSyntaxUID in CREATED[dataset.SOPClassUID]


@pytest.mark.parametrize("content", [jpeg_bytes(progressive=True), b"GIF89a", b""])
def test_anything_but_a_baseline_jpeg_is_refused(content: bytes) -> None:
    with pytest.raises(NotBaselineJpegError):
        photographic_object(
            content,
            patient=PATIENT,
            study_uid="1.2",
            series_uid="1.3",
            sop_instance_uid="1.4",
            pose=JENA9.poses[0],
            taken_at=NOW,
            device="Camera",
        )


def test_report_lies_in_the_photos_study_under_their_patient(headers: list[PhotoHeader]) -> None:
    sources = [
        replace(header, accession_number="ACC1", study_id="S1", referring_physician="Doe^R")
        for header in headers
    ]
    dataset = dcmread(BytesIO(report(sources)))
    assert dataset.StudyInstanceUID == STUDY_UID
    assert (dataset.StudyDate, dataset.StudyTime) == ("20260301", "100000")
    assert (dataset.AccessionNumber, dataset.StudyID) == ("ACC1", "S1")
    assert dataset.ReferringPhysicianName == "Doe^R"
    assert dataset.StudyDescription == headers[0].study_description
    assert dataset.PatientName == PATIENT.name
    assert (dataset.PatientID, dataset.IssuerOfPatientID) == (PATIENT.id, PATIENT.issuer)
    assert (dataset.PatientBirthDate, dataset.PatientSex) == ("19600229", "F")
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert dataset.AcquisitionDateTime == "20260301100010"
    assert [item.ReferencedSOPInstanceUID for item in dataset.SourceInstanceSequence] == [
        header.sop_instance_uid for header in headers
    ]


@pytest.mark.parametrize("pdf", [PDF, PDF + b"x"])
def test_report_document_comes_out_as_it_went_in(headers: list[PhotoHeader], pdf: bytes) -> None:
    dataset = dcmread(BytesIO(report(headers, pdf)))
    assert dataset.EncapsulatedDocumentLength == len(pdf)
    assert dataset.EncapsulatedDocument[: len(pdf)] == pdf
    assert len(dataset.EncapsulatedDocument) % 2 == 0


def test_same_report_twice_is_the_same_bytes(headers: list[PhotoHeader]) -> None:
    again = [PhotoHeader.from_json(header.to_json()) for header in headers]
    assert report(headers) == report(again)
    assert to_bytes(photo()) == to_bytes(photo())


def test_report_of_nobody_or_of_two_patients_is_refused(headers: list[PhotoHeader]) -> None:
    with pytest.raises(ReportSourcesError):
        report([])
    with pytest.raises(ReportSourcesError):
        report([headers[0], replace(headers[1], patient_id="FP-0002")])


@pytest.mark.parametrize(
    ("timepoint", "identifier", "words"),
    [
        (Timepoint(90), "POSTOP-90D", "90 days after surgery"),
        (Timepoint(-1, "pre-op"), "PREOP-1D", "pre-op (1 day before surgery)"),
        (Timepoint(0), "SURGERY-DAY", "day of surgery"),
    ],
)
def test_timepoint_is_written_in_days_from_surgery(
    headers: list[PhotoHeader], timepoint: Timepoint, identifier: str, words: str
) -> None:
    for content in (report(headers, timepoint=timepoint), to_bytes(photo(timepoint=timepoint))):
        dataset = dcmread(BytesIO(content))
        assert dataset.LongitudinalTemporalOffsetFromEvent == timepoint.days
        assert dataset.LongitudinalTemporalEventType == "SURGERY"
        assert dataset.ClinicalTrialTimePointID == identifier
        assert dataset.ClinicalTrialTimePointDescription == words


def test_same_parts_give_the_same_uid_and_others_another() -> None:
    assert derived_uid("a", "b") == derived_uid("a", "b")
    assert (
        len({derived_uid("a", "b"), derived_uid("ab"), derived_uid("a", "b", ""), derived_uid("b", "a")}) == 4
    )
    assert is_uid(derived_uid("a"))
    assert not is_uid("1..2")
    assert not is_uid("1.2\n")
