"""Read queries behind the pages: who is there, one patient's history, one recording in full."""

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Date,
    Text,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased, selectinload

from service.records.models import (
    Annotation,
    Delivery,
    Grading,
    KeptObject,
    Patient,
    PatientIdentifier,
    Photo,
    Recording,
    RecordingState,
    Report,
    Surgery,
)

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")

# written as the indexes are, by which they are found
_PATIENT_TRIGRAMS = type_coerce(
    literal_column("facialis_trigrams(patient.name, patient.patient_id)"), ARRAY(Text)
)
_IDENTIFIER_TRIGRAMS = type_coerce(literal_column("facialis_trigrams(patient_identifier.value)"), ARRAY(Text))


def recordings_by_state(session: Session) -> dict[RecordingState, int]:
    """How many recordings are in each state, zeros included."""
    rows = session.execute(select(Recording.state, func.count()).group_by(Recording.state))
    return dict.fromkeys(RecordingState, 0) | dict(iter(rows))


def find_patients(session: Session, search: str, limit: int) -> Sequence[Patient]:
    """Patients whose name or id holds every word of ``search``, those with the latest arrivals first.

    An empty search finds everybody. Surgeries come along.
    """
    query = (
        select(Patient)
        .where(named(search))
        .order_by(Patient.last_arrival_at.desc().nulls_last(), Patient.id.desc())
        .limit(limit)
        .options(selectinload(Patient.surgeries))
    )
    return session.scalars(query).all()


def latest_recordings(
    session: Session, patients: Sequence[Patient], each: int
) -> dict[int, tuple[list[Recording], int]]:
    """By patient's id the newest recordings, ``each`` at most, and how many there are."""
    day = func.coalesce(cast(Recording.recorded_at, Date), cast(Recording.first_received_at, Date))
    ranked = (
        select(
            Recording,
            func.row_number()
            .over(partition_by=Recording.patient_key, order_by=(day.desc(), Recording.id.desc()))
            .label("place"),
            func.count().over(partition_by=Recording.patient_key).label("total"),
        )
        .where(Recording.patient_key.in_([patient.id for patient in patients]))
        .subquery()
    )
    newest = aliased(Recording, ranked)
    query = select(newest, ranked.c.total).where(ranked.c.place <= each).order_by(ranked.c.place)
    found: dict[int, tuple[list[Recording], int]] = {patient.id: ([], 0) for patient in patients}
    for recording, total in session.execute(query):
        found[recording.patient_key] = ([*found[recording.patient_key][0], recording], total)
    return found


def recordings_needing_attention(session: Session, search: str, limit: int) -> Sequence[Recording]:
    """Recordings that wait for a person, the longest waiting first; of the searched patients if any."""
    query = (
        select(Recording)
        .outerjoin(Recording.patient)
        .where(Recording.state == RecordingState.NEEDS_ATTENTION, named(search))
        .order_by(Recording.state_changed_at, Recording.id)
        .limit(limit)
        .options(selectinload(Recording.patient))
    )
    return session.scalars(query).all()


def newest_recordings(session: Session, states: Sequence[RecordingState], limit: int) -> Sequence[Recording]:
    """Recordings in any of the states with their patients, those that came into theirs last first."""
    # One walk along the index for each state; together they would be sorted whole.
    each = [
        select(Recording.id)
        .where(Recording.state == state)
        .order_by(Recording.state_changed_at.desc(), Recording.id.desc())
        .limit(limit)
        .subquery()
        for state in states
    ]
    query = (
        select(Recording)
        .where(Recording.id.in_(union_all(*map(select, each))))
        .order_by(Recording.state_changed_at.desc(), Recording.id.desc())
        .limit(limit)
        .options(selectinload(Recording.patient))
    )
    return session.scalars(query).all()


def counts_by_state(session: Session, most: int) -> dict[RecordingState, int]:
    """How many recordings are in each state, counted up to ``most``."""
    columns = []
    for state in RecordingState:
        some = select(Recording.id).where(Recording.state == state).limit(most).subquery()
        columns.append(select(func.count()).select_from(some).scalar_subquery())
    return dict(zip(RecordingState, session.execute(select(*columns)).one(), strict=True))


def worklist_version(session: Session) -> str:
    """A word that changes when a recording changed its state or photos came."""
    latest = [
        select(func.max(Recording.state_changed_at)).where(Recording.state == state).scalar_subquery()
        for state in RecordingState
    ]
    arrived = select(func.max(Patient.last_arrival_at)).scalar_subquery()
    row = session.execute(select(*latest, arrived)).one()
    return hashlib.sha256(repr(tuple(row)).encode()).hexdigest()[:16]


def unidentified_recordings(session: Session, limit: int) -> Sequence[Recording]:
    """Recordings on their way whose photos name no patient so far, the newest first."""
    query = (
        select(Recording)
        .where(Recording.patient_key.is_(None), Recording.state != RecordingState.NEEDS_ATTENTION)
        .order_by(Recording.last_received_at.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def patient_history(session: Session, patient_id: int) -> Patient | None:
    """A patient with identifiers, surgeries, events, recordings and every grading of them."""
    gradings = selectinload(Patient.recordings).selectinload(Recording.gradings)
    return session.get(
        Patient,
        patient_id,
        options=[
            selectinload(Patient.surgeries),
            selectinload(Patient.events),
            selectinload(Patient.identifiers),
            selectinload(Patient.kept_objects),
            selectinload(Patient.identity_notes),
            gradings.selectinload(Grading.items),
            gradings.selectinload(Grading.sub_scores),
            gradings.selectinload(Grading.bundle),
        ],
    )


def recording_in_full(session: Session, recording_id: int) -> Recording | None:
    """A recording with its patient, surgery, photos and attempted stages."""
    return session.get(
        Recording,
        recording_id,
        options=[
            selectinload(Recording.patient),
            selectinload(Recording.surgery),
            selectinload(Recording.photos),
            selectinload(Recording.stages),
            selectinload(Recording.gradings).options(
                selectinload(Grading.bundle), selectinload(Grading.sub_scores)
            ),
        ],
    )


def reports_of(session: Session, recording_id: int) -> Sequence[Report]:
    """Every report of a recording with its deliveries and model, the newest first."""
    query = (
        select(Report)
        .join(Report.grading)
        .where(Grading.recording_key == recording_id)
        .order_by(Report.id.desc())
        .options(selectinload(Report.deliveries), selectinload(Report.grading).selectinload(Grading.bundle))
    )
    return session.scalars(query).all()


def view_key(session: Session, recording_id: int, photo_id: int) -> str | None:
    """Where the JPEG view of a recording's photo lies in the storage; None if there is none."""
    return session.scalar(
        select(Photo.view_key).where(Photo.id == photo_id, Photo.recording_key == recording_id)
    )


def views_of(session: Session, patient_id: int) -> dict[int, dict[str, int]]:
    """Numbers of a patient's photos that have a view, by recording and pose."""
    query = (
        select(Photo.recording_key, Photo.pose, Photo.id)
        .join(Photo.recording)
        .where(Recording.patient_key == patient_id, Photo.view_key.is_not(None), Photo.pose.is_not(None))
        .order_by(Photo.id)
    )
    found: dict[int, dict[str, int]] = {}
    for recording, pose, photo in session.execute(query):
        found.setdefault(recording, {})[str(pose)] = photo
    return found


def rated_recordings(session: Session, patient_id: int) -> Sequence[int]:
    """Numbers of a patient's recordings that raters gave scores to."""
    query = (
        select(Annotation.recording_key)
        .join(Recording, Recording.id == Annotation.recording_key)
        .where(Recording.patient_key == patient_id)
        .distinct()
    )
    return session.scalars(query).all()


def object_key(session: Session, recording_id: int, photo_id: int) -> str | None:
    """Where a recording's photo lies in the storage as it was sent; None if there is none."""
    return session.scalar(
        select(Photo.storage_key).where(Photo.id == photo_id, Photo.recording_key == recording_id)
    )


def recording_version(session: Session, recording_id: int) -> str | None:
    """A word that changes with what a recording's page tells; None if there is no such recording."""
    deliveries = (
        select(func.string_agg(cast(Delivery.state, Text), "").label("states"))
        .join(Report)
        .join(Grading)
        .where(Grading.recording_key == recording_id)
        .scalar_subquery()
    )
    photos = select(func.count()).where(Photo.recording_key == recording_id).scalar_subquery()
    row = session.execute(
        select(Recording.state, Recording.state_changed_at, photos, deliveries).where(
            Recording.id == recording_id
        )
    ).one_or_none()
    return None if row is None else hashlib.sha256(repr(tuple(row)).encode()).hexdigest()[:16]


def document_key(session: Session, recording_id: int) -> str | None:
    """Where the PDF of a recording's newest active grading lies in the storage; None until it is written.

    The final version comes before the draft. Where a bundle was adopted after the report was written, it is
    that report.
    """
    newest = (
        select(func.max(Grading.id))
        .where(Grading.recording_key == recording_id, Grading.active)
        .scalar_subquery()
    )
    return session.scalar(
        select(Report.document_key)
        .join(Report.grading)
        .join(Grading.recording)
        .where(
            Recording.id == recording_id,
            Report.kind == "pdf",
            (Report.grading_key == newest)
            | Recording.state.in_((RecordingState.REPORTED, RecordingState.DELIVERED)),
        )
        .order_by((Report.grading_key == newest).desc(), Report.id.desc())
        .limit(1)
    )


def kept_document_key(session: Session, kept_id: int) -> str | None:
    """Where the received document lies in the storage, as the DICOM object that was sent."""
    return session.scalar(
        select(KeptObject.storage_key).where(KeptObject.id == kept_id, KeptObject.kind == "document")
    )


def named(search: str) -> ColumnElement[bool]:
    """Condition: the patient's name, id or a further identifier holds every word.

    A word that is a day finds patients too who were born, photographed or operated on then.
    """
    # PostgreSQL's text cannot hold NUL, so nothing that does can be found.
    words = search.replace("\0", " ").replace(",", " ").replace("^", " ").split()
    return and_(True, *map(_fitting, words))


def written_day(word: str) -> dt.date | None:
    """The day that a word is, written 2026-03-01 or 1.3.2026; None if it is none."""
    numbers: tuple[str, ...] = ()
    if found := _ISO.fullmatch(word):
        numbers = found.groups()
    elif found := _GERMAN.fullmatch(word):
        numbers = found.groups()[::-1]
    try:
        return dt.date(*map(int, numbers)) if numbers else None
    except ValueError:
        return None


def _fitting(word: str) -> ColumnElement[bool]:
    day = written_day(word)
    if day is None:
        return _holding(word)
    begin = dt.datetime.combine(day, dt.time.min)
    end = dt.datetime.combine(day, dt.time.max)
    then: CompoundSelect[Any] = union(
        select(Patient.id).where(Patient.birth_date == day).correlate(None),
        select(Recording.patient_key).where(Recording.recorded_at.between(begin, end)).correlate(None),
        select(Surgery.patient_key).where(Surgery.performed_on == day),
    )
    return Patient.id.in_(then) | _holding(word)


def _holding(word: str) -> ColumnElement[bool]:
    own = or_(
        Patient.name.icontains(word, autoescape=True), Patient.patient_id.icontains(word, autoescape=True)
    )
    further = PatientIdentifier.value.icontains(word, autoescape=True)
    if len(word) < 3:
        # No index knows so short a word; it is looked for along the order of the list, which soon is full.
        return own | (
            select(PatientIdentifier.id).where(PatientIdentifier.patient_key == Patient.id, further).exists()
        )
    trigrams = func.facialis_trigrams(word, type_=ARRAY(Text))
    patients = select(Patient.id).where(_PATIENT_TRIGRAMS.contains(trigrams), own).correlate(None)
    others = (
        select(PatientIdentifier.patient_key)
        .where(_IDENTIFIER_TRIGRAMS.contains(trigrams), further)
        .correlate(None)
    )
    return Patient.id.in_(union(patients, others))
