"""Patients and their surgeries."""

import datetime as dt
import unicodedata

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dicom.headers import PhotoHeader
from grading.errors import PermanentError
from service.records.models import IdentityNote, Patient, Surgery
from service.records.timepoints import link_surgeries

log = structlog.get_logger()


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


def record_identity(session: Session, patient: Patient, header: PhotoHeader) -> None:
    """Fill in what is not on record of the patient; what differs from the record is noted, not overwritten.

    Names are held against each other without regard to case and empty parts, which systems write differently.
    """
    sent = {
        "name": header.patient_name,
        "birth_date": header.birth_date.isoformat() if header.birth_date else "",
        "sex": header.sex,
    }
    on_record = {
        "name": patient.name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "sex": patient.sex,
    }
    patient.name = patient.name or header.patient_name
    patient.birth_date = patient.birth_date or header.birth_date
    patient.sex = patient.sex or header.sex
    for attribute, value in sent.items():
        if value and on_record[attribute] and _plain(value) != _plain(on_record[attribute]):
            session.execute(
                insert(IdentityNote)
                .values(patient_key=patient.id, attribute=attribute, sent=value, series_uid=header.series_uid)
                .on_conflict_do_nothing()
            )
            log.warning("identity.differs", attribute=attribute, patient=patient.id)


def _plain(value: str) -> str:
    groups = (group.strip("^ ") for group in unicodedata.normalize("NFC", value).casefold().split("="))
    return "=".join(" ".join(group.replace("^", " ^ ").split()) for group in groups).strip("=")


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
