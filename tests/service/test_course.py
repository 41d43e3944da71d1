"""The course of a patient's sub-scores as a report of one recording shows it."""

import datetime as dt

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.course import recording_course
from service.records.events import add_event
from service.records.gradings import register_bundle, save_grading
from service.records.models import EventKind, Grading, Patient, Recording, Surgery
from service.records.timepoints import link_surgeries
from tests.service.people import person
from tests.service.samples import result

OPERATED = dt.date(2024, 3, 1)
DAYS = [dt.date(2024, 2, 1), dt.date(2024, 6, 1), dt.date(2024, 9, 1)]
UNCERTAINTIES = [{"score": "static", "mdc": 14.0}, {"score": "R1", "mdc": 30.0}]


def grade(session: Session, recording: Recording, bundle: str, uid: str, score: float) -> Grading:
    bundle_id = register_bundle(session, bundle, "test", "1", {"uncertainties": UNCERTAINTIES})
    save_grading(session, uid, recording.id, bundle_id, result(score), [])
    return session.scalars(select(Grading).where(Grading.uid == uid)).one()


@pytest.fixture
def patient(engine: Engine) -> int:
    with Session(engine) as session, session.begin():
        patient = person(session, "P1", DAYS)
        patient.surgeries = [Surgery(performed_on=OPERATED, procedure="Nerve graft", side="L")]
        link_surgeries(session, patient)
        return patient.id


def test_a_course_goes_up_to_its_recording_and_holds_one_model_only(engine: Engine, patient: int) -> None:
    with Session(engine) as session, session.begin():
        recordings = session.get_one(Patient, patient).recordings
        grade(session, recordings[0], "a", "3.0", 60)
        grade(session, recordings[1], "b", "3.1", 70)
        graded = grade(session, recordings[1], "a", "3.2", 65)
        grade(session, recordings[2], "a", "3.3", 90)
        found = recording_course(session, recordings[1], graded)
    assert [point.recorded_on for point in found.points] == DAYS[:2]
    assert [round(point.scores["static"]) for point in found.points] == [60, 65]
    assert found.points[0].intervals["static"] == (51, 69)
    assert [point.days for point in found.points] == [-29, 92]
    assert [point.timepoint for point in found.points] == ["pre-op", "3 months"]
    assert found.from_surgery
    assert found.mdc == {"static": 14.0}


def test_later_gradings_do_not_change_the_course_of_an_earlier_one(engine: Engine, patient: int) -> None:
    with Session(engine) as session, session.begin():
        recordings = session.get_one(Patient, patient).recordings
        grade(session, recordings[0], "a", "3.0", 60)
        graded = grade(session, recordings[1], "a", "3.1", 65)
        before = recording_course(session, recordings[1], graded)
        grade(session, recordings[0], "a", "3.2", 40)
        assert recording_course(session, recordings[1], graded) == before


def test_surgeries_and_events_up_to_the_recording_stand_on_the_line(engine: Engine, patient: int) -> None:
    with Session(engine) as session, session.begin():
        row = session.get_one(Patient, patient)
        for day in (dt.date(2024, 4, 1), dt.date(2024, 7, 1)):
            add_event(session, row.patient_id, "", day, EventKind.BOTULINUM_TOXIN, "L")
        graded = grade(session, row.recordings[1], "a", "3.0", 60)
        found = recording_course(session, row.recordings[1], graded)
    assert [(mark.days, mark.kind) for mark in found.marks] == [(0, "surgery"), (31, "botulinum toxin")]
    assert found.marks[0].label == "Nerve graft"


def test_without_a_surgery_months_count_from_the_first_recording(engine: Engine, patient: int) -> None:
    with Session(engine) as session, session.begin():
        row = session.get_one(Patient, patient)
        row.surgeries.clear()
        link_surgeries(session, row)
        grade(session, row.recordings[0], "a", "3.0", 60)
        graded = grade(session, row.recordings[2], "a", "3.1", 65)
        found = recording_course(session, row.recordings[2], graded)
    assert not found.from_surgery
    assert [point.days for point in found.points] == [0, 213]
    assert [point.timepoint for point in found.points] == [None, None]
