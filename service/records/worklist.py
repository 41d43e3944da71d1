"""Read queries behind the worklist: recordings by state, what needs a person, the patients there are."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import (
    Date,
    cast,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased, selectinload

from service.records.models import (
    Patient,
    Recording,
    RecordingState,
)
from service.records.searching import named


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
