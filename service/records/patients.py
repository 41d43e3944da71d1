"""Patients: found by any of their identifiers, and what is known of the person."""

import datetime as dt
import hashlib
import unicodedata

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dicom.headers import PhotoHeader
from grading.errors import PermanentError
from service.records.changes import content, note_change
from service.records.models import IdentityNote, Patient, PatientIdentifier

log = structlog.get_logger()


class PatientError(PermanentError):
    """What is said of a patient cannot be recorded."""

    code = "patient.invalid"


def find_patient(session: Session, patient_id: str, issuer: str, *, lock: bool = False) -> Patient | None:
    """The patient whom this identifier names, be it their own or a further one; None if there is none.

    With ``lock`` the patient's row is held until the transaction ends.
    """
    own = select(Patient).filter_by(patient_id=patient_id, issuer=issuer)
    further = (
        select(Patient)
        .join(PatientIdentifier)
        .where(PatientIdentifier.value == patient_id, PatientIdentifier.issuer == issuer)
    )
    for query in (own, further):
        found = session.scalar(query.with_for_update(of=Patient) if lock else query)
        if found is not None:
            return found
    return None


def patient_for(session: Session, patient_id: str, issuer: str) -> Patient:
    """The patient whom this identifier names, made if new; the row is locked until the transaction ends."""
    known = find_patient(session, patient_id, issuer, lock=True)
    if known is None:
        # Another transaction may make or merge the same patient at this moment: its row then counts.
        hold_identifier(session, patient_id, issuer)
        known = find_patient(session, patient_id, issuer, lock=True)
    if known is None:
        session.execute(insert(Patient).values(patient_id=patient_id, issuer=issuer).on_conflict_do_nothing())
        known = session.execute(
            select(Patient).filter_by(patient_id=patient_id, issuer=issuer).with_for_update()
        ).scalar_one()
    return known


def hold_identifier(session: Session, patient_id: str, issuer: str) -> None:
    """Let nobody else decide whom the identifier names until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(identifier_lock(patient_id, issuer))))


def identifier_lock(patient_id: str, issuer: str) -> int:
    """The number of the advisory lock under which it is decided whom the identifier names."""
    digest = hashlib.sha256(f"patient {issuer}\0{patient_id}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def add_identifier(session: Session, patient: Patient, value: str, issuer: str) -> None:
    """Let a further identifier name the patient; one that does so already is left as it is.

    Raises:
        PatientError: the identifier is empty or names another patient.
    """
    if not value.strip():
        raise PatientError("an identifier is empty: give the patient's number")
    hold_identifier(session, value, issuer)
    known = find_patient(session, value, issuer)
    if known is None:
        session.add(PatientIdentifier(patient_key=patient.id, value=value, issuer=issuer))
        patient.updated_at = func.clock_timestamp()
        session.flush()
    elif known.id != patient.id:
        raise PatientError("the identifier names another patient: merge the two if they are one person")


def record_identity(session: Session, patient: Patient, header: PhotoHeader) -> None:
    """Fill in what is not on record of the patient and the photo states, as `complete_patient` does."""
    complete_patient(
        session,
        patient,
        name=header.patient_name,
        birth_date=header.birth_date,
        sex=header.sex,
        series_uid=header.series_uid,
    )


def complete_patient(
    session: Session,
    patient: Patient,
    *,
    name: str = "",
    birth_date: dt.date | None = None,
    sex: str = "",
    series_uid: str = "",
) -> None:
    """Fill in what is not on record of the patient; what differs from the record is noted, not overwritten.

    Names are held against each other without regard to case and empty parts, which systems write differently.
    """
    sent = {"name": name, "birth_date": birth_date.isoformat() if birth_date else "", "sex": sex}
    on_record = {
        "name": patient.name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "sex": patient.sex,
    }
    patient.name = patient.name or name
    patient.birth_date = patient.birth_date or birth_date
    patient.sex = patient.sex or sex
    for attribute, value in sent.items():
        if value and on_record[attribute] and not same_words(value, on_record[attribute]):
            session.execute(
                insert(IdentityNote)
                .values(patient_key=patient.id, attribute=attribute, sent=value, series_uid=series_uid)
                .on_conflict_do_nothing()
            )
            log.warning("identity.differs", attribute=attribute, patient=patient.id)


def correct_patient(
    session: Session,
    patient: Patient,
    *,
    name: str | None = None,
    birth_date: dt.date | None = None,
    death_date: dt.date | None = None,
    sex: str | None = None,
    by: str = "",
) -> None:
    """Overwrite what is given and keep what was before; what is None stays as it is.

    Raises:
        PatientError: death would lie before birth, before a surgery or in the future, or birth after a
            surgery or in the future.
    """
    before = content(patient)
    given = {"name": name, "birth_date": birth_date, "death_date": death_date, "sex": sex}
    born, died = birth_date or patient.birth_date, death_date or patient.death_date
    _check_life(patient, born, died)
    for attribute, value in given.items():
        if value is not None:
            setattr(patient, attribute, value)
    after = content(patient)
    if after != before:
        note_change(session, patient.id, "corrected", ("patient", patient.id), before, after, by)


def _check_life(patient: Patient, born: dt.date | None, died: dt.date | None) -> None:
    today = dt.date.today()
    days = [surgery.performed_on for surgery in patient.surgeries]
    if born is not None and born > today:
        raise PatientError("the birth lies in the future; check its date")
    if died is not None and died > today:
        raise PatientError("the death lies in the future; check its date")
    if born is not None and died is not None and died < born:
        raise PatientError("the death lies before the birth; check both dates")
    if born is not None and days and min(days) < born:
        raise PatientError("a surgery on record lies before this birth; check both dates")
    if died is not None and days and max(days) > died:
        raise PatientError("a surgery on record lies after this death; check both dates")


def impossible_date(patient: Patient, day: dt.date) -> str | None:
    """Why nothing can have been done to the patient on that day, in words; None if it can."""
    if day > dt.date.today():
        return "lies in the future; record it once it was done"
    if patient.birth_date is not None and day < patient.birth_date:
        return "lies before the patient's birth; check its date"
    if patient.death_date is not None and day > patient.death_date:
        return "lies after the patient's death; check both dates"
    return None


def same_words(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spaces, composed letters and empty parts."""
    return _plain(one) == _plain(other)


def _plain(value: str) -> str:
    groups = (group.strip("^ ") for group in unicodedata.normalize("NFC", value).casefold().split("="))
    return "=".join(" ".join(group.replace("^", " ^ ").split()) for group in groups).strip("=")
