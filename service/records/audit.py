"""The audit trail: `record` adds to it, in the transaction of what it tells of; `find` reads it.

No names, birth dates or other words of a patient's record go into it: a patient is a number here.
"""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.records.audit_events import AuditEventKind
from service.records.models import ActorKind, AuditEvent, Recording

LONGEST_DETAIL = 200
ONE_LOOK = dt.timedelta(minutes=10)


class Outcome(enum.IntEnum):
    """How it ended, in ATNA's numbers."""

    DONE = 0
    REFUSED = 4
    FAILED = 8


@dataclass(frozen=True)
class Actor:
    """Who does something: a user or an API token by name, or a process; ``address`` is where it came from."""

    kind: ActorKind
    name: str
    address: str | None = None


def system(process: str, address: str | None = None) -> Actor:
    """A process of ours, acting by itself; ``address`` is that of a peer that made it act."""
    return Actor(ActorKind.SYSTEM, process, address)


def record(
    session: Session,
    actor: Actor,
    kind: AuditEventKind,
    *,
    patient: int | None = None,
    recording: int | None = None,
    document: int | None = None,
    outcome: Outcome = Outcome.DONE,
    **detail: str | int | float | bool | None,
) -> None:
    """Add to the trail; it stands if and only if the session's transaction is committed.

    What was refused or failed has no change to stand with: record it in a transaction of its own.

    Parameters:
        patient, recording, document: numbers (the rows' ids) of what it was done to.
        detail: what else an auditor needs, such as a destination or a count. No names, no free text that a
            user typed about a patient; texts are cut at 200 characters, None is left out.
    """
    session.add(
        AuditEvent(
            kind=kind.value,
            actor_kind=actor.kind.value,
            actor=actor.name[:128],
            address=actor.address[:64] if actor.address else None,
            patient_key=patient,
            recording_key=recording,
            document_key=document,
            outcome=outcome.value,
            detail={name: _short(value) for name, value in detail.items() if value is not None},
        )
    )


def record_photo_view(session: Session, actor: Actor, recording: int) -> None:
    """Record a look at a photo as one at its recording; looks within `ONE_LOOK` of another count as that."""
    same = AuditEvent.recording_key == recording, AuditEvent.actor == actor.name
    lately = AuditEvent.happened_at > func.clock_timestamp() - ONE_LOOK
    viewed = AuditEvent.kind == AuditEventKind.RECORDING_VIEWED.value
    if session.scalar(select(AuditEvent.id).where(*same, viewed, lately).limit(1)) is None:
        patient = session.scalar(select(Recording.patient_key).where(Recording.id == recording))
        record(session, actor, AuditEventKind.RECORDING_VIEWED, patient=patient, recording=recording)


def _short(value: str | int | float | bool) -> str | int | float | bool:
    # PostgreSQL's text cannot hold NUL.
    return value.replace("\0", "")[:LONGEST_DETAIL] if isinstance(value, str) else value


@dataclass(frozen=True)
class AuditSearch:
    """What to look for in the trail; None or empty means anything. ``until`` itself is excluded."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    actor: str | None = None
    kinds: Sequence[AuditEventKind] = ()
    patient: int | None = None
    recording: int | None = None
    beyond: int | None = None
    """Only what comes after the event of this number in the order asked for: the next page."""


def find(
    session: Session, search: AuditSearch, limit: int, *, oldest_first: bool = False
) -> Sequence[AuditEvent]:
    """Events that fit, the newest first unless told otherwise."""
    query = select(AuditEvent).limit(limit)
    query = query.order_by(AuditEvent.id if oldest_first else AuditEvent.id.desc())
    equal: Mapping[str, object] = {
        "actor": search.actor,
        "patient_key": search.patient,
        "recording_key": search.recording,
    }
    query = query.filter_by(**{column: value for column, value in equal.items() if value is not None})
    if search.since is not None:
        query = query.where(AuditEvent.happened_at >= search.since)
    if search.until is not None:
        query = query.where(AuditEvent.happened_at < search.until)
    if search.kinds:
        query = query.where(AuditEvent.kind.in_([kind.value for kind in search.kinds]))
    if search.beyond is not None:
        later = AuditEvent.id > search.beyond
        query = query.where(later if oldest_first else AuditEvent.id < search.beyond)
    return session.scalars(query).all()
