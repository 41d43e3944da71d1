"""Surgeries, events and patients are corrected and deleted; what was before is kept."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.records.events import EventError, UnknownEventError, add_event, correct_event, delete_event
from service.records.models import Change, EventKind, Patient
from service.records.patients import PatientError, correct_patient
from service.records.surgeries import (
    SurgeryError,
    UnknownSurgeryError,
    add_surgery,
    correct_surgery,
    delete_surgery,
)
from service.settings import load_settings
from tests.service.people import person

DAY = dt.date(2024, 3, 1)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session, session.begin():
        person(session, "P")
        yield session


def changes(session: Session) -> list[tuple[str, str, str]]:
    return [(one.action, one.subject, one.made_by) for one in session.scalars(select(Change))]


def test_a_corrected_surgery_keeps_what_it_said_and_who_changed_it(session: Session) -> None:
    surgery = add_surgery(session, "P", "", DAY, "Graft", "L", surgeon="Dr A", note="long")
    correct_surgery(session, surgery.id, side="R", note="", by="nurse")
    change = session.scalars(select(Change)).one()
    assert (change.action, change.subject, change.subject_id, change.made_by) == (
        "corrected", "surgery", surgery.id, "nurse",
    )  # fmt: skip
    assert change.before == {
        "performed_on": "2024-03-01", "procedure": "Graft", "side": "L", "surgeon": "Dr A", "note": "long",
    }  # fmt: skip
    assert change.after == change.before | {"side": "R", "note": ""}


def test_a_correction_that_changes_nothing_leaves_no_trace(session: Session) -> None:
    surgery = add_surgery(session, "P", "", DAY, "Graft", "L")
    correct_surgery(session, surgery.id, side="L")
    assert changes(session) == []


def test_a_deleted_surgery_is_kept_among_the_changes(session: Session) -> None:
    surgery = add_surgery(session, "P", "", DAY, "Graft", "L")
    delete_surgery(session, surgery.id, by="nurse")
    assert session.scalars(select(Patient)).one().surgeries == []
    assert changes(session) == [("deleted", "surgery", "nurse")]
    with pytest.raises(UnknownSurgeryError):
        delete_surgery(session, surgery.id)


def test_a_surgery_is_not_corrected_into_one_that_is_on_record(session: Session) -> None:
    add_surgery(session, "P", "", DAY, "Graft", "L")
    other = add_surgery(session, "P", "", DAY, "Graft", "R")
    with pytest.raises(SurgeryError, match="on record already"):
        correct_surgery(session, other.id, side="L")


def test_surgeon_and_note_fill_in_what_a_known_surgery_lacks(session: Session) -> None:
    add_surgery(session, "P", "", DAY, "Graft", "L", surgeon="Dr A")
    again = add_surgery(session, "P", "", DAY, "Graft", "L", surgeon="Dr B", note="long")
    assert (again.surgeon, again.note) == ("Dr A", "long")


def test_an_event_is_recorded_once_corrected_and_deleted(session: Session) -> None:
    event = add_event(session, "P", "", DAY, EventKind.BOTULINUM_TOXIN)
    again = add_event(session, "P", "", DAY, EventKind.BOTULINUM_TOXIN, note="5 units")
    assert (again.id, again.note) == (event.id, "5 units")
    correct_event(session, event.id, side="L")
    delete_event(session, event.id)
    assert changes(session) == [("corrected", "event", ""), ("deleted", "event", "")]
    with pytest.raises(UnknownEventError):
        correct_event(session, event.id, side="R")


@pytest.mark.parametrize(
    ("day", "side", "said"),
    [
        (dt.date(1969, 1, 1), "", "before the patient's birth"),
        (dt.date.today() + dt.timedelta(days=1), "", "in the future"),
        (DAY, "left", "side"),
    ],
)
def test_an_impossible_event_is_refused_in_words(
    session: Session, day: dt.date, side: str, said: str
) -> None:
    with pytest.raises(EventError, match=said):
        add_event(session, "P", "", day, EventKind.TRAINING, side)
    event = add_event(session, "P", "", DAY, EventKind.TRAINING)
    with pytest.raises(EventError, match=said):
        correct_event(session, event.id, happened_on=day, side=side)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"death_date": dt.date(1969, 1, 1)}, "before the birth"),
        ({"death_date": dt.date(2024, 2, 1)}, "after this death"),
        ({"birth_date": dt.date(2024, 4, 1)}, "before this birth"),
        ({"death_date": dt.date.today() + dt.timedelta(days=1)}, "in the future"),
    ],
)
def test_birth_and_death_must_fit_the_surgeries(
    session: Session, wrong: dict[str, dt.date], said: str
) -> None:
    add_surgery(session, "P", "", DAY, "Graft", "L")
    with pytest.raises(PatientError, match=said):
        correct_patient(session, session.scalars(select(Patient)).one(), **wrong)


def test_a_corrected_patient_keeps_what_was_before(session: Session) -> None:
    patient = session.scalars(select(Patient)).one()
    correct_patient(session, patient, name="Muster^Maria", death_date=DAY, by="registry")
    change = session.scalars(select(Change)).one()
    assert (change.before["name"], change.after and change.after["name"]) == ("", "Muster^Maria")
    assert (patient.death_date, patient.birth_date) == (DAY, dt.date(1970, 1, 1))


def test_today_is_that_of_the_zone_of_the_pages(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any moment it is another day in these two zones."""
    first, last = ZoneInfo("Etc/GMT-14"), ZoneInfo("Etc/GMT+12")
    monkeypatch.setenv("FACIALIS_WEB__TIME_ZONE", last.key)
    load_settings.cache_clear()
    with pytest.raises(SurgeryError, match="in the future"):
        add_surgery(session, "P", "", dt.datetime.now(first).date(), "Graft", "L")
    monkeypatch.setenv("FACIALIS_WEB__TIME_ZONE", first.key)
    load_settings.cache_clear()
    add_surgery(session, "P", "", dt.datetime.now(first).date(), "Graft", "L")
