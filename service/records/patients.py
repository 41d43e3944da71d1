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
from service.settings import today

log = structlog.get_logger()

LONGEST_WAIT = "10s"
"""For a table that is being taken in, before a merge or a further identifier is put off."""
_ALONE = "alone_with_identifiers"


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
    if known is None and _ALONE not in session.info:
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
    return _lock(f"patient {issuer}\0{patient_id}")


def hold_further_identifiers(session: Session, *, alone: bool = False) -> None:
    """Say that this transaction may give patients further identifiers.

    With ``alone`` no other one may until it ends. It then makes patients without holding each identifier, of
    which PostgreSQL has room for some thousands only: whoever makes the same patient meets it at its row.
    """
    lock = _lock("further identifiers")
    if alone:
        session.execute(select(func.pg_advisory_xact_lock(lock)))
        session.info[_ALONE] = True
        return
    # A table may take minutes; whoever waits that long keeps others from their turn, and can come again.
    session.execute(select(func.set_config("lock_timeout", LONGEST_WAIT, True)))
    session.execute(select(func.pg_advisory_xact_lock_shared(lock)))
    session.execute(select(func.set_config("lock_timeout", "0", True)))


def _lock(what: str) -> int:
    return int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], signed=True)


def add_identifier(session: Session, patient: Patient, value: str, issuer: str) -> None:
    """Let a further identifier name the patient; one that does so already is left as it is.

    Raises:
        PatientError: the identifier is empty or names another patient.
    """
    if not value.strip():
        raise PatientError("an identifier is empty: give the patient's number")
    known = find_patient(session, value, issuer)
    if known is None:
        hold_further_identifiers(session)
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
    death_date: dt.date | None = None,
    sex: str = "",
    series_uid: str = "",
) -> None:
    """Fill in what is not on record of the patient; what differs from the record is noted, not overwritten.

    So is a birth or death that contradicts the record. Names are held against each other without regard to
    case and empty parts, which systems write differently.
    """
    sent = {"name": name, "birth_date": birth_date, "death_date": death_date, "sex": sex}
    for attribute, value in sent.items():
        if not value:
            continue
        known = getattr(patient, attribute)
        if not known and not (isinstance(value, dt.date) and _contradicts(patient, attribute, value)):
            setattr(patient, attribute, value)
        elif not same_words(str(value), str(known)):
            session.execute(
                insert(IdentityNote)
                .values(patient_key=patient.id, attribute=attribute, sent=str(value), series_uid=series_uid)
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
    lives: bool = False,
    by: str = "",
) -> None:
    """Overwrite what is given and keep what was before; what is None stays as it is.

    A patient who ``lives`` has no date of death: one that was recorded by mistake is taken back.

    Raises:
        PatientError: death would lie before birth, before a surgery or in the future, or birth after a
            surgery or in the future.
    """
    before = content(patient)
    given = {"name": name, "birth_date": birth_date, "death_date": death_date, "sex": sex}
    died = death_date or (None if lives else patient.death_date)
    if (birth_date or patient.birth_date, died) != (patient.birth_date, patient.death_date):
        _check_life(patient, birth_date or patient.birth_date, died)
    for attribute, value in given.items():
        if value is not None:
            setattr(patient, attribute, value)
    patient.death_date = died
    after = content(patient)
    if after != before:
        note_change(session, patient.id, "corrected", ("patient", patient.id), before, after, by)


def _contradicts(patient: Patient, attribute: str, day: dt.date) -> bool:
    """Whether the day cannot be that of the patient's birth or death, by what else is on record."""
    try:
        if attribute == "birth_date":
            _check_life(patient, day, patient.death_date)
        else:
            _check_life(patient, patient.birth_date, day)
    except PatientError:
        return True
    return False


def _check_life(patient: Patient, born: dt.date | None, died: dt.date | None) -> None:
    now = today()
    days = [surgery.performed_on for surgery in patient.surgeries]
    if born is not None and born > now:
        raise PatientError("the birth lies in the future; check its date")
    if died is not None and died > now:
        raise PatientError("the death lies in the future; check its date")
    if born is not None and died is not None and died < born:
        raise PatientError("the death lies before the birth; check both dates")
    if born is not None and days and min(days) < born:
        raise PatientError("a surgery on record lies before this birth; check both dates")
    if died is not None and days and max(days) > died:
        raise PatientError("a surgery on record lies after this death; check both dates")


def impossible_date(patient: Patient, day: dt.date) -> str | None:
    """Why nothing can have been done to the patient on that day, in words; None if it can."""
    if day > today():
        return "lies in the future; record it once it was done"
    if patient.birth_date is not None and day < patient.birth_date:
        return "lies before the patient's birth; check its date"
    if patient.death_date is not None and day > patient.death_date:
        return "lies after the patient's death; check both dates"
    return None


def in_one_line(text: str) -> bool:
    """Whether a text holds no line break or other control character, which peers cannot take."""
    return not any(character < " " for character in text)


def same_words(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spaces, composed letters and empty parts."""
    return _plain(one) == _plain(other)


def _plain(value: str) -> str:
    groups = (group.strip("^ ") for group in unicodedata.normalize("NFC", value).casefold().split("="))
    return "=".join(" ".join(group.replace("^", " ^ ").split()) for group in groups).strip("=")
