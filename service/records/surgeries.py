"""Surgeries: recorded, corrected, deleted; the patient's recordings are placed around them anew each time."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.changes import correct_row, delete_row, has_twin
from service.records.models import Patient, Surgery
from service.records.patients import impossible_date, in_one_line, patient_for
from service.records.timepoints import link_surgeries

SIDES = ("L", "R", "B")


class SurgeryError(PermanentError):
    """A surgery cannot be recorded as given."""

    code = "surgery.invalid"


class UnknownSurgeryError(PermanentError):
    """There is no surgery with that number."""

    code = "surgery.unknown"


def add_surgery(
    session: Session,
    patient_id: str,
    issuer: str,
    performed_on: dt.date,
    procedure: str,
    side: str,
    *,
    surgeon: str = "",
    note: str = "",
) -> Surgery:
    """Record a surgery and place the patient's recordings around it; the same one twice is kept once.

    The same is: of the same patient, day, procedure and side. Several different ones of one day all stand.
    ``surgeon`` and ``note`` of one that is on record fill in what it lacks.

    Raises:
        SurgeryError: the side is not L, R or B, the procedure is empty, or the date lies before birth, after
            death or in the future.
    """
    if not patient_id.strip() or not in_one_line(patient_id + issuer):
        raise SurgeryError("give the id of the patient, in one line")
    _check(procedure, side, surgeon)
    patient = patient_for(session, patient_id.strip(), issuer)
    _check_day(patient, performed_on)
    values = {
        "patient_key": patient.id,
        "performed_on": performed_on,
        "procedure": procedure.strip(),
        "side": side,
    }
    session.execute(insert(Surgery).values(**values).on_conflict_do_nothing())
    surgery = session.execute(select(Surgery).filter_by(**values)).scalar_one()
    surgery.surgeon = surgery.surgeon or surgeon.strip()
    surgery.note = surgery.note or note.strip()
    link_surgeries(session, patient)
    return surgery


def correct_surgery(
    session: Session,
    surgery_id: int,
    *,
    performed_on: dt.date | None = None,
    procedure: str | None = None,
    side: str | None = None,
    surgeon: str | None = None,
    note: str | None = None,
    by: str = "",
) -> Surgery:
    """Change what is given of a surgery, keep what was before, and place the recordings anew.

    Reports that were written stay as they are; pages and later reports tell the new timepoints.

    Raises:
        UnknownSurgeryError: there is none with this id.
        SurgeryError: as for `add_surgery`, or another surgery on record would be the same.
    """
    surgery = _held(session, surgery_id)
    given: dict[str, Any] = {
        "performed_on": performed_on,
        "procedure": procedure,
        "side": side,
        "surgeon": surgeon,
        "note": note,
    }
    changed = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in given.items()
        if value is not None
    }
    wanted = {name: getattr(surgery, name) for name in given} | changed
    _check(wanted["procedure"], wanted["side"], wanted["surgeon"])
    _check_day(surgery.patient, wanted["performed_on"])
    same = {name: wanted[name] for name in ("performed_on", "procedure", "side")}
    if has_twin(session, surgery, same):
        raise SurgeryError("a surgery of this day, procedure and side is on record already: delete this one")
    if correct_row(session, surgery, changed, by):
        link_surgeries(session, surgery.patient)
    return surgery


def delete_surgery(session: Session, surgery_id: int, by: str = "") -> Patient:
    """Take a surgery off the record of its patient, keep what it said, and place the recordings anew.

    Raises:
        UnknownSurgeryError: there is none with this id.
    """
    patient = delete_row(session, _held(session, surgery_id), by)
    link_surgeries(session, patient)
    return patient


def _held(session: Session, surgery_id: int) -> Surgery:
    surgery = session.get(Surgery, surgery_id, with_for_update=True)
    if surgery is None:
        raise UnknownSurgeryError(f"there is no surgery {surgery_id}: see 'facialis surgery list'")
    return surgery


def _check(procedure: str, side: str, surgeon: str) -> None:
    if side not in SIDES:
        raise SurgeryError("the side of a surgery must be L, R or B (both)")
    if not procedure.strip():
        raise SurgeryError("name the procedure of the surgery")
    for what, value in (("procedure", procedure), ("surgeon", surgeon)):
        if len(value.strip()) > 200:
            raise SurgeryError(f"the {what} has more than 200 characters: put the rest into the note")
        if not in_one_line(value.strip()):
            raise SurgeryError(f"the {what} holds a line break or control character: write it in one line")


def _check_day(patient: Patient, day: dt.date) -> None:
    problem = impossible_date(patient, day)
    if problem is not None:
        raise SurgeryError(f"the surgery {problem}")
