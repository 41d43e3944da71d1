"""Names of times after surgery, and which surgery a recording is placed around."""

import datetime as dt

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.records.models import Patient, Timepoint
from service.records.patients import correct_patient
from service.records.surgeries import SurgeryError, add_surgery, correct_surgery, delete_surgery
from service.records.timepoints import timepoint_name
from service.timepoint_settings import TimepointSettings, TimepointWindow
from tests.service.people import person


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-400, "pre-op"), (-1, "pre-op"), (0, "0 days"), (30, "30 days"), (91, "3 months"), (183, "6 months"),
        (275, "9 months"), (365, "12 months"), (550, "18 months"), (730, "24 months"), (1100, "3 years"),
    ],
)  # fmt: skip
def test_days_are_named_as_clinicians_do(days: int, name: str) -> None:
    assert timepoint_name(days) == name


def test_windows_and_months_can_be_set() -> None:
    early = TimepointWindow(name="wound check", from_days=0, to_days=14)
    windows = TimepointSettings(months=(1, 3), windows=(early,))
    named = {days: timepoint_name(days, windows) for days in (-1, 0, 14, 15, 20, 90, 250, 365, 800)}
    assert named == {
        -1: "pre-op", 0: "wound check", 14: "wound check", 15: "15 days", 20: "1 months", 90: "3 months",
        250: "1 years", 365: "1 years", 800: "2 years",
    }  # fmt: skip


@pytest.mark.parametrize("months", [(), (3, 3), (6, 3), (0, 3)])
def test_months_that_make_no_windows_are_refused(months: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rising"):
        TimepointSettings(months=months)


@pytest.fixture
def recordings(engine: Engine) -> list[dt.date]:
    """Recordings of one patient on three days."""
    days = [dt.date(2024, 1, 10), dt.date(2024, 6, 1), dt.date(2025, 6, 1)]
    with Session(engine) as session, session.begin():
        person(session, "P", days)
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
        (dt.date(2026, 1, 2), "Graft", "L", "after the patient's death"),
        (dt.date.today() + dt.timedelta(days=1), "Graft", "L", "in the future"),
        (dt.date(2024, 1, 1), "Graft", "", "side"),
        (dt.date(2024, 1, 1), "Graft" * 50, "L", "200 characters"),
        (dt.date(2024, 1, 1), " ", "L", "procedure"),
        (dt.date(2024, 1, 1), "Graft", "left", "side"),
    ],
)
def test_an_impossible_surgery_is_refused_in_words(
    engine: Engine, recordings: list[dt.date], day: dt.date, procedure: str, side: str, said: str
) -> None:
    with Session(engine) as session:
        correct_patient(session, session.query(Patient).one(), death_date=dt.date(2026, 1, 1))
        with pytest.raises(SurgeryError, match=said):
            add_surgery(session, "P", "", day, procedure, side)


def around_each(session: Session) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for point in session.query(Timepoint).order_by(Timepoint.days):
        found.setdefault(point.surgery.procedure, []).append(point.days)
    return found


def test_recordings_are_placed_around_every_surgery_as_it_is_added_corrected_and_deleted(
    engine: Engine, recordings: list[dt.date]
) -> None:
    with Session(engine) as session, session.begin():
        graft = add_surgery(session, "P", "", dt.date(2024, 3, 1), "Jump graft", "L")
        weight = add_surgery(session, "P", "", dt.date(2025, 5, 2), "Lid weight", "L")
        assert around_each(session) == {"Jump graft": [-51, 92, 457], "Lid weight": [-478, -335, 30]}
        correct_surgery(session, weight.id, performed_on=dt.date(2025, 5, 12))
        assert around_each(session) == {"Jump graft": [-51, 92, 457], "Lid weight": [-488, -345, 20]}
        delete_surgery(session, graft.id)
        assert around_each(session) == {"Lid weight": [-488, -345, 20]}
        number = weight.id
    assert placed(engine) == [-488, -345, 20]
    with Session(engine) as session, session.begin():
        delete_surgery(session, number)
        assert around_each(session) == {}
    assert placed(engine) == [None, None, None]


def test_days_that_photos_state_count_from_the_anchor(engine: Engine, recordings: list[dt.date]) -> None:
    with Session(engine) as session, session.begin():
        session.query(Patient).one().recordings[1].stated_days = 100
        add_surgery(session, "P", "", dt.date(2024, 3, 1), "Jump graft", "L")
        add_surgery(session, "P", "", dt.date(2024, 2, 1), "Lid weight", "L")
        assert around_each(session) == {"Jump graft": [-51, 100, 457], "Lid weight": [-22, 129, 486]}


def test_two_surgeries_of_one_day_both_stand_and_the_first_recorded_is_the_anchor(
    engine: Engine, recordings: list[dt.date]
) -> None:
    with Session(engine) as session, session.begin():
        first = add_surgery(session, "P", "", dt.date(2024, 3, 1), "Jump graft", "L")
        add_surgery(session, "P", "", dt.date(2024, 3, 1), "Lid weight", "L")
        assert {one.surgery_key for one in session.query(Patient).one().recordings} == {first.id}
        assert around_each(session) == {"Jump graft": [-51, 92, 457], "Lid weight": [-51, 92, 457]}
