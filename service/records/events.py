"""Events on a patient's time line beside surgeries: recorded, corrected, deleted."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.changes import correct_row, delete_row, has_twin
from service.records.models import Event, EventKind, Patient
from service.records.patients import impossible_date, in_one_line, patient_for

SIDES = ("", "L", "R", "B")


class EventError(PermanentError):
    """An event cannot be recorded as given."""

    code = "event.invalid"


class UnknownEventError(PermanentError):
    """There is no event with that number."""

    code = "event.unknown"


def add_event(
    session: Session,
    patient_id: str,
    issuer: str,
    happened_on: dt.date,
    kind: EventKind,
    side: str = "",
    note: str = "",
) -> Event:
    """Record an event; the same one twice (day, kind, side) is kept once, its note filled in if empty.

    An empty ``side`` says that it has none or that nobody stated it.

    Raises:
        EventError: the side is none of L, R, B and empty, or the date lies before birth, after death or in
            the future.
    """
    if not patient_id.strip() or not in_one_line(patient_id + issuer):
        raise EventError("give the id of the patient, in one line")
    _check_side(side)
    patient = patient_for(session, patient_id.strip(), issuer)
    _check_day(patient, happened_on)
    values = {"patient_key": patient.id, "happened_on": happened_on, "kind": kind, "side": side}
    session.execute(insert(Event).values(**values).on_conflict_do_nothing())
    event = session.execute(select(Event).filter_by(**values)).scalar_one()
    event.note = event.note or note.strip()
    return event


def correct_event(
    session: Session,
    event_id: int,
    *,
    happened_on: dt.date | None = None,
    kind: EventKind | None = None,
    side: str | None = None,
    note: str | None = None,
    by: str = "",
) -> Event:
    """Change what is given of an event and keep what was before.

    Raises:
        UnknownEventError: there is none with this id.
        EventError: as for `add_event`, or another event on record would be the same.
    """
    event = _held(session, event_id)
    given: dict[str, Any] = {"happened_on": happened_on, "kind": kind, "side": side, "note": note}
    changed = {name: value for name, value in given.items() if value is not None}
    wanted = {name: getattr(event, name) for name in given} | changed
    _check_side(wanted["side"])
    _check_day(event.patient, wanted["happened_on"])
    same = {name: wanted[name] for name in ("happened_on", "kind", "side")}
    if has_twin(session, event, same):
        raise EventError("an event of this day, kind and side is on record already: delete this one")
    correct_row(session, event, changed, by)
    return event


def delete_event(session: Session, event_id: int, by: str = "") -> Patient:
    """Take an event off the record of its patient and keep what it said.

    Raises:
        UnknownEventError: there is none with this id.
    """
    return delete_row(session, _held(session, event_id), by)


def _held(session: Session, event_id: int) -> Event:
    event = session.get(Event, event_id, with_for_update=True)
    if event is None:
        raise UnknownEventError(f"there is no event {event_id}")
    return event


def _check_side(side: str) -> None:
    if side not in SIDES:
        raise EventError("the side of an event must be L, R, B (both) or empty")


def _check_day(patient: Patient, day: dt.date) -> None:
    problem = impossible_date(patient, day)
    if problem is not None:
        raise EventError(f"the event {problem}")
