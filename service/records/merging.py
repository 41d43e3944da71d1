"""Two records of one person become one: everything moves, and either identifier names the survivor then."""

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records.changes import content, note_change
from service.records.models import (
    Base,
    Event,
    IdentityNote,
    Patient,
    PatientIdentifier,
    Recording,
    Surgery,
)
from service.records.patients import (
    add_identifier,
    complete_patient,
    find_patient,
    hold_further_identifiers,
    hold_identifier,
    patient_for,
)
from service.records.timepoints import link_surgeries

Identifier = tuple[str, str]
"""A patient's id and its issuer, empty where none is stated."""


class MergeError(PermanentError):
    """Two patients cannot be merged as asked."""

    code = "patient.merge"


def merge_patients(session: Session, survivor: Identifier, other: Identifier, by: str = "") -> Patient | None:
    """Move all of the patient whom ``other`` names to the one whom ``survivor`` names; again changes nothing.

    Surgeries and events that both have become one, notes and surgeon of both kept. What the survivor's record
    lacks of name, birth, sex and death is filled in; what differs is noted on it. The whole record that went
    stands in the survivor's changes. A survivor not known yet is made, an ``other`` not known becomes a
    further identifier; where neither is known nothing happens and None is returned.

    Raises:
        MergeError: an identifier is empty, both are the same, or ``other`` was merged into a third patient
            before.
    """
    if not (survivor[0].strip() and other[0].strip()):
        raise MergeError("both patients' ids are needed to merge them")
    if survivor == other:
        raise MergeError("both ids are the same: name two records to merge them")
    hold_further_identifiers(session)
    for identifier in sorted({survivor, other}):
        hold_identifier(session, *identifier)
    gone = find_patient(session, *other, lock=True)
    stays = find_patient(session, *survivor, lock=True)
    if gone is None and stays is None:
        return None
    if stays is None:
        stays = patient_for(session, *survivor)
    if gone is None:
        add_identifier(session, stays, *other)
        return stays
    if gone.id == stays.id:
        return stays
    if (gone.patient_id, gone.issuer) != other:
        raise MergeError(
            "the patient to merge was merged into a third one before: name that one, if all are one person"
        )
    before = content(gone) | {
        "identifiers": [[one.value, one.issuer] for one in gone.identifiers],
        "recordings": [recording.id for recording in gone.recordings],
        "surgeries": [{"id": surgery.id} | content(surgery) for surgery in gone.surgeries],
        "events": [{"id": event.id} | content(event) for event in gone.events],
    }
    note_change(session, stays.id, "merged", ("patient", gone.id), before, content(stays), by)
    arrived = max(filter(None, (stays.last_arrival_at, gone.last_arrival_at)), default=None)
    name, birth_date, sex, died = gone.name, gone.birth_date, gone.sex, gone.death_date
    _move(session, stays, gone)
    complete_patient(session, stays, name=name, birth_date=birth_date, death_date=died, sex=sex)
    stays.last_arrival_at = arrived
    link_surgeries(session, stays)
    return stays


def _move(session: Session, stays: Patient, gone: Patient) -> None:
    number, identifier = gone.id, (gone.patient_id, gone.issuer)
    _join_surgeries(session, stays, gone)
    _join_events(session, stays, gone)
    session.flush()
    noted = select(IdentityNote.attribute, IdentityNote.sent).where(IdentityNote.patient_key == stays.id)
    session.execute(
        delete(IdentityNote).where(
            IdentityNote.patient_key == number,
            tuple_(IdentityNote.attribute, IdentityNote.sent).in_(noted),
        )
    )
    # Whatever refers to a patient moves, tables that are added later too.
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column is Patient.__table__.c.id:
                session.execute(update(table).where(key.parent == number).values({key.parent: stays.id}))
    session.execute(delete(Patient).where(Patient.id == number))
    session.expire_all()
    session.add(PatientIdentifier(patient_key=stays.id, value=identifier[0], issuer=identifier[1]))
    stays.updated_at = func.clock_timestamp()
    session.flush()


def _join_surgeries(session: Session, stays: Patient, gone: Patient) -> None:
    """Let one surgery stand for each that both records hold."""
    held = {(one.performed_on, one.procedure, one.side): one for one in stays.surgeries}
    for surgery in list(gone.surgeries):
        twin = held.get((surgery.performed_on, surgery.procedure, surgery.side))
        if twin is not None:
            twin.surgeon = twin.surgeon or surgery.surgeon
            twin.note = _both(twin.note, surgery.note)
            session.execute(
                update(Recording).where(Recording.surgery_key == surgery.id).values(surgery_key=twin.id)
            )
            session.execute(delete(Surgery).where(Surgery.id == surgery.id))


def _join_events(session: Session, stays: Patient, gone: Patient) -> None:
    held = {(one.happened_on, one.kind, one.side): one for one in stays.events}
    for event in list(gone.events):
        twin = held.get((event.happened_on, event.kind, event.side))
        if twin is not None:
            twin.note = _both(twin.note, event.note)
            session.execute(delete(Event).where(Event.id == event.id))


def _both(one: str, other: str) -> str:
    return one if other in one else "; ".join(filter(None, (one, other)))
