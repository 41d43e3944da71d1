"""The structured report: every number with its bounds and sources, the same bytes for the same grading.

Its conformance is judged by dciodvfy, and its way through a PACS by Orthanc, in tests/interop.
"""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from highdicom.sr import EnhancedSR
from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedSRStorage

from dicom import codes
from dicom.building import to_bytes
from dicom.contexts import CREATED
from dicom.header_reading import read_header
from dicom.headers import PhotoHeader
from dicom.sources import Predecessor, ReportSourcesError, Verifier
from dicom.timepoints import Timepoint
from dicom.uids import CODING_SCHEME, CODING_SCHEME_UID, IMPLEMENTATION_CLASS_UID, derived_uid
from grading.gates import SENTENCES
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS
from tests.dicom.samples import PATIENT, STUDY_UID, measured, measurement_report, save_series


@pytest.fixture
def headers(tmp_path: Path) -> list[PhotoHeader]:
    return [read_header(path) for path in save_series(tmp_path / "series")]


def read(sources: list[PhotoHeader], **options: Any) -> Dataset:
    return dcmread(BytesIO(to_bytes(measurement_report(sources, **options))))


def group(dataset: Dataset) -> Any:
    content = EnhancedSR.from_dataset(dataset).content
    (found,) = content.get_image_measurement_groups()
    return found


def children(item: Dataset, name: str) -> list[Dataset]:
    return [c for c in item.ContentSequence if c.ConceptNameCodeSequence[0].CodeMeaning == name]


def number(item: Dataset) -> float:
    return float(item.MeasuredValueSequence[0].NumericValue)


def test_every_score_stands_there_with_bounds_interval_and_photos(headers: list[PhotoHeader]) -> None:
    found = {m.name.value: m for m in group(read(headers)).get_measurements()}
    by_pose = {pose.code: header for pose, header in zip(JENA9.poses, headers, strict=True)}
    assert set(found) == {f"EF-{item.id}" for item in PREDICTED_ITEMS} | {
        "EF-STATIC", "EF-STATIC-RAJ", "EF-DYNAMIC", "EF-DYNAMIC-RAJ",
    }  # fmt: skip
    for item in PREDICTED_ITEMS:
        measurement = found[f"EF-{item.id}"]
        assert measurement.name.scheme_designator == CODING_SCHEME
        assert measurement.value == pytest.approx(item.high * 0.7325, abs=0.005)
        row = measurement[0]
        assert [number(*children(row, code.meaning)) for code in (codes.LOWEST, codes.HIGHEST)] == [
            item.low,
            item.high,
        ]
        assert number(*children(row, codes.NORMAL.meaning)) == 100
        (above,) = children(row, "+, range of upper measurement uncertainty")
        (below,) = children(row, "-, range of lower measurement uncertainty")
        assert (number(above), number(below)) == (12, 8)
        (name,) = children(row, "Algorithm Name")
        assert name.TextValue == "test bundle"
        assert [image.referenced_sop_instance_uid for image in measurement.referenced_images] == [
            by_pose[pose].sop_instance_uid for pose in item.poses
        ]


def test_a_score_without_interval_claims_no_uncertainty(headers: list[PhotoHeader]) -> None:
    scores = [replace(score, interval=None) for score in measured(headers)]
    assert "uncertainty" not in str(read(headers, scores=scores))


@pytest.mark.journey
@pytest.mark.parametrize(("side", "word"), [("L", "Left"), ("R", "Right")])
def test_affected_side_is_the_laterality_of_the_face(
    headers: list[PhotoHeader], side: str, word: str
) -> None:
    (site,) = group(read(headers, side=side)).finding_sites
    assert site.value == codes.FACE
    assert site.laterality == codes.SIDES[side]
    assert site.laterality.meaning == word


def test_unknown_side_is_left_out(headers: list[PhotoHeader]) -> None:
    (site,) = group(read(headers)).finding_sites
    assert site.laterality is None


@pytest.mark.journey
def test_flags_are_coded_with_what_they_are_about(headers: list[PhotoHeader]) -> None:
    flags = [
        "clipped.M4",
        "side.estimated",
        "face.small (REST)",
        "pose.wrong.PUCKER (SMILE)",
        "something.new",
    ]
    dataset = read(headers, flags=flags)
    evaluations = group(dataset).get_qualitative_evaluations(name=codes.FLAG)
    assert [evaluation.value.value for evaluation in evaluations] == [
        "CLIPPED",
        "SIDE-ESTIMATED",
        "FACE-SMALL",
        "POSE-WRONG",
        "FLAG-OTHER",
    ]
    about = [
        [child.ConceptCodeSequence[0].CodeValue for child in row.get("ContentSequence", [])]
        for row in children(group(dataset)[0], codes.FLAG.meaning)
    ]
    assert about == [["EF-M4"], [], ["REST"], ["PUCKER", "SMILE"], []]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("timepoint", "kind"),
    [(Timepoint(90), "Post-operative"), (Timepoint(-14), "Pre-operative"), (Timepoint(0), None)],
)
def test_timepoint_stands_in_the_tree_and_in_the_attributes(
    headers: list[PhotoHeader], timepoint: Timepoint, kind: str | None
) -> None:
    dataset = read(headers, timepoint=timepoint)
    assert timepoint.days == dataset.LongitudinalTemporalOffsetFromEvent
    row = group(dataset)[0]
    (offset,) = children(row, "Longitudinal Temporal Offset from Event")
    assert number(offset) == timepoint.days
    kinds = [item.ConceptCodeSequence[0].CodeMeaning for item in children(row, "Time Point Type")]
    assert kinds == ([kind] if kind else [])


def test_report_lies_in_the_photos_study_under_their_patient(headers: list[PhotoHeader]) -> None:
    dataset = read([replace(header, sex="X", accession_number="ACC1") for header in headers])
    assert dataset.SOPClassUID == EnhancedSRStorage
    assert (dataset.StudyInstanceUID, dataset.AccessionNumber) == (STUDY_UID, "ACC1")
    assert (dataset.PatientID, dataset.IssuerOfPatientID) == (PATIENT.id, PATIENT.issuer)
    assert (dataset.PatientName, dataset.PatientSex) == (PATIENT.name, "X")
    assert (dataset.StudyDate, dataset.StudyTime) == ("20260301", "100000")
    assert dataset.CodingSchemeIdentificationSequence[0].CodingSchemeUID == CODING_SCHEME_UID
    assert dataset.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert dataset.file_meta.TransferSyntaxUID in CREATED[dataset.SOPClassUID]


@pytest.mark.journey
@pytest.mark.parametrize(
    "name",
    [
        "Müller-Lüdenscheidt^Änne",
        "Παπαδοπούλου^Ελένη",
        "Cher",
        "",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ],
)
def test_names_of_any_script_arrive_as_they_are(headers: list[PhotoHeader], name: str) -> None:
    dataset = read([replace(header, patient_name=name) for header in headers])
    assert str(dataset.PatientName) == name
    assert dataset.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.journey
def test_same_grading_twice_is_the_same_bytes(headers: list[PhotoHeader]) -> None:
    again = [PhotoHeader.from_json(header.to_json()) for header in headers]
    assert to_bytes(measurement_report(headers)) == to_bytes(measurement_report(again))


@pytest.mark.journey
def test_predecessor_is_named(headers: list[PhotoHeader]) -> None:
    earlier = Predecessor(EnhancedSRStorage, derived_uid("old"), derived_uid("old series"), STUDY_UID)
    (study,) = read(headers, predecessor=earlier).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (STUDY_UID, earlier.series_uid)
    assert instance.ReferencedSOPInstanceUID == earlier.sop_instance_uid
    assert "PredecessorDocumentsSequence" not in read(headers)


def test_report_of_two_patients_is_refused(headers: list[PhotoHeader]) -> None:
    with pytest.raises(ReportSourcesError):
        measurement_report([headers[0], replace(headers[1], patient_id="FP-0002")])


def test_every_flag_of_a_photo_has_a_code() -> None:
    assert set(SENTENCES) <= set(codes.FLAGS)


def test_every_code_fits_its_attributes() -> None:
    """Code values have 16 characters at most, meanings 64 (PS3.5, SH and LO), and no two mean two things."""
    private = {*codes.CONCEPTS, *codes.FLAGS.values(), codes.OTHER_FLAG}
    private |= {codes.item_code(item) for item in PREDICTED_ITEMS}
    private |= {codes.pose_code(pose) for pose in codes.POSES.values()}
    private |= {score.code for score in measured([])}
    assert all(len(code.value) <= 16 and len(code.meaning) <= 64 for code in private)
    assert len({code.value for code in private}) == len(private)


def test_who_signed_is_the_verifying_observer_at_the_moment_of_signing(headers: list[PhotoHeader]) -> None:
    assert read(headers).VerificationFlag == "UNVERIFIED"
    name = "Dr Berta=Beispiel" + chr(92) + "x" * 80
    signed = read(headers, verifier=Verifier(name, "Clinic", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)))
    assert signed.VerificationFlag == "VERIFIED"
    (observer,) = signed.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName).startswith("Dr Berta Beispiel x")
    assert len(str(observer.VerifyingObserverName)) == 64
    assert observer.VerifyingOrganization == "Clinic"
    assert observer.VerificationDateTime == "20260501093000+0000"
