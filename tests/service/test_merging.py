"""Two records of one person become one."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from pydicom import Dataset
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dicom.intake import Stored
from service.records.events import add_event
from service.records.merging import MergeError, merge_patients
from service.records.models import (
    Change,
    Event,
    EventKind,
    IdentityNote,
    KeptObject,
    Patient,
    PatientIdentifier,
    Recording,
    Surgery,
)
from service.records.patients import (
    PatientError,
    add_identifier,
    correct_patient,
    find_patient,
    patient_for,
)
from service.records.surgeries import add_surgery
from tests.dicom.samples import PATIENT
from tests.service.people import person
from tests.service.samples import series

DAY = dt.date(2024, 3, 1)
A, B = ("A", "HOSPITAL"), ("B", "OFFICE")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Two patients, A with two recordings and B with one; both know of the same surgery."""
    with Session(engine) as session:
        person(session, *A[:1], [dt.date(2024, 1, 1), dt.date(2024, 6, 1)], A[1])
        person(session, *B[:1], [dt.date(2025, 1, 1)], B[1])
        add_surgery(session, *A, DAY, "Graft", "L", note="seen by A")
        add_surgery(session, *B, DAY, "Graft", "L", surgeon="Dr B", note="seen by B")
        add_surgery(session, *B, dt.date(2024, 12, 1), "Lid weight", "L")
        add_event(session, *A, DAY, EventKind.TRAINING, note="daily")
        add_event(session, *B, DAY, EventKind.TRAINING)
        yield session


def test_everything_moves_and_what_both_had_becomes_one(session: Session) -> None:
    merged = merge_patients(session, A, B, by="registry")
    assert merged is not None
    assert session.scalars(select(Patient)).one() is merged
    assert (merged.patient_id, merged.issuer) == A
    assert len(merged.recordings) == 3
    assert [(one.procedure, one.surgeon, one.note) for one in merged.surgeries] == [
        ("Graft", "Dr B", "seen by A; seen by B"), ("Lid weight", "", ""),
    ]  # fmt: skip
    assert [event.note for event in merged.events] == ["daily"]
    assert [one.days_from_surgery for one in merged.recordings] == [-60, 92, 31]
    assert {len(one.timepoints) for one in merged.recordings} == {2}


def test_both_identifiers_name_the_survivor_and_the_way_there_is_on_record(session: Session) -> None:
    lost = find_patient(session, *B)
    assert lost is not None
    number = lost.id
    merged = merge_patients(session, A, B, by="registry")
    assert find_patient(session, *B) is find_patient(session, *A) is merged
    change = session.scalars(select(Change)).one()
    assert (change.action, change.subject_id, change.made_by) == ("merged", number, "registry")
    assert change.before["patient_id"] == "B"
    assert [one["note"] for one in change.before["surgeries"]] == ["seen by B", ""]


def test_merging_again_changes_nothing(session: Session) -> None:
    def count() -> list[int | None]:
        tables = (Patient, PatientIdentifier, Recording, Surgery, Event, Change)
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]

    merged = merge_patients(session, A, B)
    before = count()
    assert merge_patients(session, A, B) is merged
    assert merge_patients(session, B, A) is merged
    assert count() == before


def test_a_chain_of_merges_is_followed_to_its_end(session: Session) -> None:
    person(session, "C")
    merge_patients(session, A, B)
    last = merge_patients(session, ("C", ""), A)
    assert last is not None
    assert last.patient_id == "C"
    assert {find_patient(session, *one) for one in (A, B, ("C", ""))} == {last}


def test_one_that_was_merged_into_a_third_is_not_taken_along_unasked(session: Session) -> None:
    person(session, "C")
    merge_patients(session, A, B)
    with pytest.raises(MergeError, match="merged into a third one"):
        merge_patients(session, ("C", ""), B)


def test_a_survivor_not_known_yet_is_made(session: Session) -> None:
    merged = merge_patients(session, ("NEW", ""), A)
    assert merged is not None
    assert (merged.patient_id, len(merged.recordings)) == ("NEW", 2)


def test_an_unknown_number_becomes_a_further_one_and_two_unknown_ones_nothing(session: Session) -> None:
    merged = merge_patients(session, A, ("OLD", ""))
    assert patient_for(session, "OLD", "") is merged
    assert merge_patients(session, ("X", ""), ("Y", "")) is None
    assert find_patient(session, "X", "") is None


def test_what_differs_of_the_person_is_noted_and_what_lacked_filled_in(session: Session) -> None:
    stays, gone = patient_for(session, *A), patient_for(session, *B)
    gone.birth_date, gone.name, gone.death_date = dt.date(1971, 1, 1), "Muster^Maria", dt.date(2026, 1, 1)
    merge_patients(session, A, B)
    assert (stays.birth_date, stays.name) == (dt.date(1970, 1, 1), "Muster^Maria")
    assert stays.death_date == dt.date(2026, 1, 1)
    assert [(note.attribute, note.sent) for note in stays.identity_notes] == [("birth_date", "1971-01-01")]


def test_a_death_that_differs_or_contradicts_a_surgery_is_noted_not_taken_over(session: Session) -> None:
    stays, gone = patient_for(session, *A), patient_for(session, *B)
    gone.death_date = dt.date(1980, 1, 1)
    merge_patients(session, A, B)
    assert stays.surgeries
    assert stays.death_date is None
    noted = [(note.attribute, note.sent) for note in stays.identity_notes]
    assert ("death_date", "1980-01-01") in noted


def test_a_record_that_contradicts_itself_can_still_be_corrected(session: Session) -> None:
    patient = patient_for(session, *A)
    patient.death_date = dt.date(1980, 1, 1)
    correct_patient(session, patient, name="Muster^Maria")
    with pytest.raises(PatientError, match="after this death"):
        correct_patient(session, patient, death_date=dt.date(1981, 1, 1))
    correct_patient(session, patient, lives=True)
    assert (patient.name, patient.death_date) == ("Muster^Maria", None)


def test_notes_that_both_have_are_kept_once(session: Session) -> None:
    stays, gone = patient_for(session, *A), patient_for(session, *B)
    for patient in (stays, gone):
        session.add(IdentityNote(patient_key=patient.id, attribute="sex", sent="O", series_uid="1"))
    session.add(IdentityNote(patient_key=gone.id, attribute="sex", sent="F", series_uid="1"))
    merge_patients(session, A, B)
    assert [note.sent for note in stays.identity_notes] == ["O", "F"]


def test_photos_under_a_merged_number_join_the_survivor(
    engine: Engine, store: Callable[[Dataset], Stored]
) -> None:
    with Session(engine) as session, session.begin():
        person(session, *A[:1], issuer=A[1])
        merge_patients(session, A, (PATIENT.id, PATIENT.issuer))
    store(series()[0])
    with Session(engine) as session:
        patient = session.scalars(select(Patient)).one()
        assert (patient.patient_id, len(patient.recordings)) == ("A", 1)
        assert patient.last_arrival_at is not None


def test_kept_objects_move_too(session: Session) -> None:
    now = dt.datetime.now(dt.UTC)
    session.add(
        KeptObject(
            kind="video",
            patient_key=patient_for(session, *B).id,
            study_uid="1",
            sop_instance_uid="1",
            sha256="0",
            size=1,
            storage_key="k",
            header={},
            calling_ae="A",
            received_at=now,
            last_seen_at=now,
        )
    )
    session.flush()
    merged = merge_patients(session, A, B)
    assert merged is not None
    assert len(merged.kept_objects) == 1


def test_an_identifier_names_one_patient_only(session: Session) -> None:
    patient = patient_for(session, *A)
    add_identifier(session, patient, "7", "")
    add_identifier(session, patient, "7", "")
    with pytest.raises(PatientError, match="another patient"):
        add_identifier(session, patient_for(session, *B), "7", "")
    session.add(PatientIdentifier(patient_key=patient.id, value="7", issuer=""))
    with pytest.raises(IntegrityError):
        session.flush()


def test_an_empty_identifier_is_refused(session: Session) -> None:
    with pytest.raises(MergeError, match="ids are needed"):
        merge_patients(session, A, ("", ""))
