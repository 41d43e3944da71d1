"""Headers from files: what is read, what odd values become, and what is refused."""

import struct
from collections.abc import Collection
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from dicom import header_reading
from dicom.building import code, to_bytes
from dicom.element_walk import UnusualError, Walked, walk_file
from dicom.elements import WANTED
from dicom.header_reading import UnreadableObjectError, read_header
from dicom.headers import PhotoHeader
from dicom.moments import format_date, format_time, parse_date, parse_moment, parse_time
from dicom.timepoints import Timepoint, stated_days
from grading.protocols import JENA9
from tests.dicom.samples import PATIENT, SERIES_UID, STUDY_UID, photo, save

BROW = JENA9.by_code["BROW"]


def header_with(tmp_path: Path, **values: Any) -> PhotoHeader:
    dataset = photo(BROW)
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return read_header(save(dataset, tmp_path / "photo.dcm"))


def test_header_holds_what_the_object_says(tmp_path: Path) -> None:
    header = header_with(tmp_path, AccessionNumber="ACC1", StudyID="S1", ReferringPhysicianName="Doe^R")
    assert (header.study_uid, header.series_uid) == (STUDY_UID, SERIES_UID)
    assert (header.patient_id, header.issuer, header.patient_name) == (
        PATIENT.id,
        PATIENT.issuer,
        PATIENT.name,
    )
    assert (header.birth_date, header.sex) == (PATIENT.birth_date, "F")
    assert (header.study_date, header.study_time) == (date(2026, 3, 1), time(10))
    assert header.acquired_at == datetime(2026, 3, 1, 10, 0, 20)
    assert (header.accession_number, header.study_id, header.referring_physician) == ("ACC1", "S1", "Doe^R")
    assert (header.instance_number, header.modality, header.image_comments) == (2, "XC", "Brow elevation")
    assert (header.patient_orientation, header.image_laterality) == ("L\\F", "U")
    assert header.context_codes == ("99FACEPALSY:BROW",)
    assert (header.rows, header.columns, header.number_of_frames) == (128, 96, None)
    assert header.has_pixel_data


def test_header_survives_json(tmp_path: Path) -> None:
    header = header_with(tmp_path)
    assert PhotoHeader.from_json(header.to_json()) == header
    assert PhotoHeader.from_json(header.to_json() | {"from_a_later_version": 1}) == header


def test_repr_does_not_name_the_patient(tmp_path: Path) -> None:
    text = repr(header_with(tmp_path))
    assert PATIENT.name not in text
    assert PATIENT.id not in text
    assert "1960" not in text


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 144", "Иванов^Иван"),
    ],
)
def test_names_are_decoded_from_their_character_set(tmp_path: Path, charset: Any, name: str) -> None:
    header = header_with(tmp_path, SpecificCharacterSet=charset, PatientName=name)
    assert header.patient_name == name


def test_moment_falls_back_from_acquisition_to_study(tmp_path: Path) -> None:
    steps: dict[str, Any] = {
        "AcquisitionDateTime": "2026030110",
        "ContentDate": "20260302",
        "ContentTime": "1105",
        "SeriesDate": "20260303",
        "SeriesTime": "",
        "StudyDate": "20260304",
        "StudyTime": "nonsense",
    }
    assert header_with(tmp_path, **steps).acquired_at == datetime(2026, 3, 1, 10)
    assert header_with(tmp_path, **steps | {"AcquisitionDateTime": "?"}).acquired_at == datetime(
        2026, 3, 2, 11, 5
    )
    later = steps | {"AcquisitionDateTime": "", "ContentDate": ""}
    assert header_with(tmp_path, **later).acquired_at == datetime(2026, 3, 3)
    last = later | {"SeriesDate": "20261399"}
    assert header_with(tmp_path, **last).acquired_at == datetime(2026, 3, 4)
    assert header_with(tmp_path, **last | {"StudyDate": ""}).acquired_at is None


def test_odd_values_become_none_or_empty(tmp_path: Path) -> None:
    dataset = photo(BROW)
    dataset.add_new("PatientBirthDate", "DA", "19600231")
    dataset.add_new("InstanceNumber", "LO", "two")
    dataset.add_new("NumberOfFrames", "LO", "99999999999999")
    dataset.add_new("ViewCodeSequence", "LO", "frontal")
    dataset.add_new("PatientID", "LO", "FP\x00-1\x07")
    del dataset.StudyTime
    header = read_header(save(dataset, tmp_path / "photo.dcm"))
    assert header.birth_date is None
    assert header.instance_number is None
    assert header.number_of_frames is None
    assert header.view_codes == ()
    assert header.patient_id == "FP-1"
    assert header.study_time is None


def test_view_and_modifier_codes_are_read(tmp_path: Path) -> None:
    view = code("399033003", "SCT", "Frontal")
    view.ViewModifierCodeSequence = [code("789135000", "SCT", "Mirrored")]
    header = header_with(tmp_path, ViewCodeSequence=[view])
    assert header.view_codes == ("SCT:399033003",)
    assert header.view_modifier_codes == ("SCT:789135000",)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_read(tmp_path: Path, syntax: Any) -> None:
    dataset = photo(BROW)
    dataset.decompress(decoding_plugin="pillow", generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    header = read_header(save(dataset, tmp_path / "photo.dcm"))
    assert header.has_pixel_data
    assert header.transfer_syntax_uid == syntax
    assert header.context_codes == ("99FACEPALSY:BROW",)


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]
)
@pytest.mark.parametrize("value", ["", "../../etc/passwd", "1." * 40])
def test_object_without_usable_uids_is_unreadable(tmp_path: Path, keyword: str, value: str) -> None:
    dataset = photo(BROW)
    setattr(dataset, keyword, value)
    path = tmp_path / "photo.dcm"
    dataset.preamble = bytes(128)
    dataset.save_as(path, enforce_file_format=False)
    with pytest.raises(UnreadableObjectError, match=keyword):
        read_header(path)


@pytest.mark.parametrize("content", [b"", b"JPEG?", b"\0" * 128 + b"DICM", b"\0" * 400])
def test_other_files_are_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wild.dcm"
    path.write_bytes(content)
    with pytest.raises(UnreadableObjectError):
        read_header(path)


def without_pixels() -> Dataset:
    dataset = photo(BROW)
    del dataset.PixelData
    return dataset


# pydicom warns where a sequence is cut; the warning names a file of the spool and no value.
@pytest.mark.filterwarnings("ignore:.* in file ")
@pytest.mark.parametrize("whole", [to_bytes(photo(BROW)), to_bytes(without_pixels())])
def test_object_cut_anywhere_is_never_taken_for_whole(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "cut.dcm"
    complete = 0
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        try:
            complete += read_header(path).has_pixel_data
        except UnreadableObjectError:
            continue
    assert complete == 0


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=6)), max_size=8))
def test_damaged_bytes_are_read_or_refused_but_never_crash(
    tmp_path: Path, edits: list[tuple[int, bytes]]
) -> None:
    damaged = bytearray(to_bytes(photo(BROW)))
    for at, patch in edits:
        damaged[at : at + len(patch)] = patch
    path = tmp_path / "damaged.dcm"
    path.write_bytes(damaged)
    try:
        header = read_header(path)
    except UnreadableObjectError:
        return
    assert PhotoHeader.from_json(header.to_json()) == header


def outcome(path: Path) -> PhotoHeader | str:
    try:
        return read_header(path)
    except UnreadableObjectError as error:
        return error.code


def leave_it(head: bytes, size: int, wanted: Collection[int]) -> Walked:
    raise UnusualError


@cache
def encoded(syntax: Any) -> bytes:
    """A photo with all that is looked for; as JPEG where ``syntax`` is None."""
    dataset = photo(BROW, timepoint=Timepoint(188, "6 months"))
    dataset.ViewCodeSequence = [code("399033003", "SCT", "Frontal")]
    if syntax is not None:
        dataset.decompress(decoding_plugin="pillow", generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = syntax
    return to_bytes(dataset)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    syntax=st.sampled_from([None, ImplicitVRLittleEndian, ExplicitVRLittleEndian]),
    edits=st.lists(st.tuples(st.integers(128, 2600), st.binary(min_size=1, max_size=4)), max_size=4),
)
def test_walk_finds_what_pydicom_reads(tmp_path: Path, syntax: Any, edits: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(encoded(syntax))
    for at, patch in edits:
        damaged[at : at + len(patch)] = patch
    path = tmp_path / "damaged.dcm"
    path.write_bytes(damaged)
    walked = outcome(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(header_reading, "walk_file", leave_it)
        assert walked == outcome(path)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_usual_photos_are_not_left_to_pydicom(syntax: Any) -> None:
    content = encoded(syntax)
    walked = walk_file(content[: 1 << 16], len(content), WANTED)
    assert walked.pixels is not None
    assert walked.syntax == (syntax or JPEGBaseline8Bit)


@given(st.dates())
def test_dates_survive_their_dicom_form(day: date) -> None:
    assert parse_date(format_date(day)) == day or day.year < 1000


@given(st.times())
def test_times_survive_their_dicom_form(clock: time) -> None:
    assert parse_time(format_time(clock)) == clock


@pytest.mark.parametrize(
    ("values", "days"),
    [
        ({"LongitudinalTemporalOffsetFromEvent": 90.4, "LongitudinalTemporalEventType": "SURGERY"}, 90),
        ({"LongitudinalTemporalOffsetFromEvent": -14.0, "LongitudinalTemporalEventType": "SURGERY"}, -14),
        ({"LongitudinalTemporalOffsetFromEvent": 90.0, "LongitudinalTemporalEventType": "ENROLLMENT"}, None),
        (
            {"LongitudinalTemporalOffsetFromEvent": float("nan"), "LongitudinalTemporalEventType": "SURGERY"},
            None,
        ),
        (
            {"LongitudinalTemporalOffsetFromEvent": float("inf"), "LongitudinalTemporalEventType": "SURGERY"},
            None,
        ),
        ({"LongitudinalTemporalEventType": "SURGERY"}, None),
        ({}, None),
    ],
)
def test_days_from_surgery_are_read_where_the_event_is_the_surgery(
    tmp_path: Path, values: dict[str, Any], days: int | None
) -> None:
    assert stated_days(header_with(tmp_path, **values)) == days


def test_timepoint_that_we_write_is_read_back(tmp_path: Path) -> None:
    dataset = photo(BROW, timepoint=Timepoint(188, "6 months"))
    header = read_header(save(dataset, tmp_path / "photo.dcm"))
    assert (header.timepoint_id, stated_days(header)) == ("POSTOP-188D", 188)
    assert PhotoHeader.from_json(header.to_json()) == header


@given(st.text(max_size=26))
def test_no_text_breaks_the_date_parsers(text: str) -> None:
    parse_date(text)
    parse_time(text)
    parse_moment(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20260301", datetime(2026, 3, 1)),
        ("20260301103015.5+0100", datetime(2026, 3, 1, 10, 30, 15, 500000)),
        ("20260301235960", datetime(2026, 3, 1, 23, 59, 59)),
        ("202603", None),
        ("2026030125", None),
        ("20260230", None),
    ],
)
def test_moments_need_a_whole_day(text: str, moment: datetime | None) -> None:
    assert parse_moment(text) == moment


def test_file_that_ends_at_the_first_bytes_of_a_sequence_item_is_unreadable(tmp_path: Path) -> None:
    whole = to_bytes(photo(BROW))
    at = whole.index(b"\x40\x00\x55\x05SQ")
    path = tmp_path / "photo.dcm"
    path.write_bytes(whole[:at] + b"\x40\x00\x55\x05SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0")
    with pytest.raises(UnreadableObjectError):
        read_header(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=16))
def test_plain_text_is_read_as_pydicom_reads_it(tmp_path: Path, text: str) -> None:
    dataset = photo(BROW)
    # As bytes: pydicom would refuse to write some of it.
    for keyword in ("SeriesDescription", "PatientName", "StudyID", "ImageComments", "AccessionNumber"):
        element = dataset[keyword]
        value = text.encode() + b" " * (len(text) % 2)
        dataset[keyword] = RawDataElement(element.tag, element.VR, len(value), value, 0, False, True)
    path = save(dataset, tmp_path / "photo.dcm")
    header, read = read_header(path), dcmread(path)
    for ours, keyword in (
        (header.series_description, "SeriesDescription"),
        (header.patient_name, "PatientName"),
        (header.study_id, "StudyID"),
        (header.image_comments, "ImageComments"),
        (header.accession_number, "AccessionNumber"),
    ):
        value = read[keyword].value
        theirs = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
        assert ours == theirs.strip(), keyword


def test_sequence_whose_item_is_cut_has_no_codes(tmp_path: Path) -> None:
    whole = encoded(None)
    at = whole.index(struct.pack("<HH2s", 0x0040, 0x0555, b"SQ"))
    (length,) = struct.unpack_from("<L", whole, at + 8)
    cut = struct.pack("<HH2sHL", 0x0040, 0xA168, b"SQ", 0, 4) + b"\xfe\xff\x00\xe0"
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(cut)) + cut
    path = tmp_path / "photo.dcm"
    path.write_bytes(whole[: at + 8] + struct.pack("<L", len(item)) + item + whole[at + 12 + length :])
    assert read_header(path).context_codes == ()
