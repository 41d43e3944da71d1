"""Names of times after surgery, and which surgery a recording is placed around."""

import datetime as dt

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.records.models import Patient, Recording, RecordingState
from service.records.patients import SurgeryError, add_surgery
from service.records.timepoints import timepoint_name


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-400, "pre-op"), (-1, "pre-op"), (0, "0 days"), (30, "30 days"), (91, "3 months"), (183, "6 months"),
        (275, "9 months"), (365, "12 months"), (550, "18 months"), (730, "24 months"), (1100, "3 years"),
    ],
)  # fmt: skip
def test_days_are_named_as_clinicians_do(days: int, name: str) -> None:
    assert timepoint_name(days) == name


@pytest.fixture
def recordings(engine: Engine) -> list[dt.date]:
    """Recordings of one patient on three days."""
    days = [dt.date(2024, 1, 10), dt.date(2024, 6, 1), dt.date(2025, 6, 1)]
    now = dt.datetime.now(dt.UTC)
    with Session(engine) as session, session.begin():
        patient = Patient(patient_id="P", issuer="", birth_date=dt.date(1970, 1, 1))
        for number, day in enumerate(days):
            patient.recordings.append(
                Recording(
                    series_uid=f"1.{number}",
                    study_uid=f"2.{number}",
                    protocol="jena9",
                    recorded_at=dt.datetime.combine(day, dt.time(9)),
                    state=RecordingState.RECEIVING,
                    first_received_at=now,
                    last_received_at=now,
                    state_changed_at=now,
                )
            )
        session.add(patient)
    return days


def placed(engine: Engine) -> list[int | None]:
    with Session(engine) as session:
        patient = session.query(Patient).one()
        return [recording.days_from_surgery for recording in patient.recordings]


def test_a_recording_is_placed_around_the_last_surgery_before_it_else_the_next(
    engine: Engine, recordings: list[dt.date]
) -> None:
    with Session(engine) as session, session.begin():
        add_surgery(session, "P", "", dt.date(2024, 3, 1), "Jump graft", "L")
    assert placed(engine) == [-51, 92, 457]
    with Session(engine) as session, session.begin():
        add_surgery(session, "P", "", dt.date(2025, 5, 2), "Lid weight", "L")
    assert placed(engine) == [-51, 92, 30]


def test_the_same_surgery_twice_is_kept_once(engine: Engine, recordings: list[dt.date]) -> None:
    for _ in range(2):
        with Session(engine) as session, session.begin():
            add_surgery(session, "P", "", dt.date(2024, 3, 1), "Jump graft", "L")
    with Session(engine) as session:
        assert len(session.query(Patient).one().surgeries) == 1


@pytest.mark.parametrize(
    ("day", "procedure", "side", "said"),
    [
        (dt.date(1969, 1, 1), "Graft", "L", "before the patient's birth"),
        (dt.date(2024, 1, 1), " ", "L", "procedure"),
        (dt.date(2024, 1, 1), "Graft", "left", "side"),
    ],
)
def test_an_impossible_surgery_is_refused_in_words(
    engine: Engine, recordings: list[dt.date], day: dt.date, procedure: str, side: str, said: str
) -> None:
    with Session(engine) as session, pytest.raises(SurgeryError, match=said):
        add_surgery(session, "P", "", day, procedure, side)
