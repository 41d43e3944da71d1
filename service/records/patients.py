"""Patients and their surgeries."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.models import Patient, Surgery
from service.records.timepoints import link_surgeries


class SurgeryError(PermanentError):
    """A surgery cannot be recorded as given."""

    code = "surgery.invalid"


def patient_for(session: Session, patient_id: str, issuer: str) -> Patient:
    """The patient with this id, made if new; the row is locked until the transaction ends."""
    query = select(Patient).filter_by(patient_id=patient_id, issuer=issuer).with_for_update()
    known = session.scalar(query)
    if known is not None:
        return known
    # Another transaction may make the same patient at this moment: its row then counts.
    session.execute(insert(Patient).values(patient_id=patient_id, issuer=issuer).on_conflict_do_nothing())
    return session.execute(query).scalar_one()


def add_surgery(
    session: Session, patient_id: str, issuer: str, performed_on: dt.date, procedure: str, side: str
) -> Surgery:
    """Record a surgery and place the patient's recordings around it; the same one twice is kept once.

    Raises:
        SurgeryError: the side is not L, R or B, the procedure is empty, or the date lies before birth.
    """
    if side not in ("L", "R", "B"):
        raise SurgeryError("the side of a surgery must be L, R or B (both)")
    if not procedure.strip():
        raise SurgeryError("name the procedure of the surgery")
    if not patient_id.strip():
        raise SurgeryError("give the id of the patient")
    patient = patient_for(session, patient_id.strip(), issuer)
    if patient.birth_date is not None and performed_on < patient.birth_date:
        raise SurgeryError("the surgery lies before the patient's birth; check its date")
    values = {
        "patient_key": patient.id,
        "performed_on": performed_on,
        "procedure": procedure.strip(),
        "side": side,
    }
    session.execute(insert(Surgery).values(**values).on_conflict_do_nothing())
    surgery = session.execute(select(Surgery).filter_by(**values)).scalar_one()
    link_surgeries(session, patient)
    return surgery
