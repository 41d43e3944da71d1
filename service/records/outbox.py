"""The outbox: one row per document and destination, from the moment it is written until the peer has it.

A row of a draft waits for sign-off where its destination asks for that, and gives way to the final version's
then. A row is pending until the peer took the document, and failed (the dead letters) once the peer refused
it for good, until a person lets it be tried again or drops it.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased, selectinload

from grading.errors import PermanentError
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.circuits import shut
from service.records.due import note
from service.records.flow import Stage, settle_deliveries, unqueued
from service.records.leases import cleared, free
from service.records.models import Delivery, DeliveryState, Report

RETRIABLE = (DeliveryState.FAILED, DeliveryState.DROPPED)


class DeliveryError(PermanentError):
    """There is no such delivery, or its state does not allow what is asked."""

    code = "delivery.unknown"


def in_turn() -> ColumnElement[bool]:
    """Condition: no earlier delivery to the same destination has to go first."""
    earlier = aliased(Delivery)
    return or_(
        Delivery.order_key.is_(None),
        ~exists().where(
            earlier.destination == Delivery.destination,
            earlier.order_key == Delivery.order_key,
            earlier.id < Delivery.id,
            earlier.state == DeliveryState.PENDING,
        ),
    )


def due() -> ColumnElement[bool]:
    """Condition: the delivery may be tried now."""
    return (Delivery.state == DeliveryState.PENDING) & free(Delivery) & in_turn()


def waiting_deliveries(session: Session, requeue_seconds: float, limit: int = 1000) -> list[int]:
    """Ids of deliveries that are due, whose destination is not left alone now, and that no message of
    ``requeue_seconds`` names.
    """
    query = (
        select(Delivery.id)
        .where(due(), ~shut(), unqueued(Delivery, requeue_seconds))
        .order_by(Delivery.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def companions(session: Session, delivery_id: int, limit: int) -> list[int]:
    """Ids of further deliveries that are due at the same destination, the oldest first."""
    destination = select(Delivery.destination).where(Delivery.id == delivery_id).scalar_subquery()
    query = (
        select(Delivery.id)
        .where(
            due(),
            Delivery.destination == destination,
            Delivery.id != delivery_id,
            # What a worker died of is not taken along, or it would count against the others.
            Delivery.crashes == 0,
            Delivery.lease_owner.is_(None),
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query))


def followers(session: Session, delivery_ids: Sequence[int]) -> list[int]:
    """Ids of deliveries whose turn has come because those of ``delivery_ids`` have ended."""
    ended = aliased(Delivery)
    query = (
        select(Delivery.id)
        .join(ended, (ended.destination == Delivery.destination) & (ended.order_key == Delivery.order_key))
        .where(ended.id.in_(delivery_ids), ended.state != DeliveryState.PENDING, due())
        .distinct()
    )
    return list(session.scalars(query))


def withdraw_drafts(session: Session, grading_id: int) -> None:
    """Drop what waits for the grading's report to be signed off: its final version goes in its place."""
    drafts = select(Report.id).where(Report.grading_key == grading_id, Report.version == "draft")
    session.execute(
        delete(Delivery).where(Delivery.report_key.in_(drafts), Delivery.state == DeliveryState.WAITING)
    )


def note_sent(session: Session, delivery_id: int, outcome: audit.Outcome = audit.Outcome.DONE) -> None:
    """Add to the audit trail that a document went to its destination, or was refused there."""
    row = session.get_one(Delivery, delivery_id)
    grading = row.report.grading
    audit.record(
        session,
        audit.system("worker-deliver"),
        AuditEventKind.DOCUMENT_SENT,
        patient=grading.recording.patient_key,
        recording=grading.recording_key,
        document=row.report_key,
        outcome=outcome,
        destination=row.destination,
        what=row.report.kind,
    )


def retry_delivery(session: Session, delivery_id: int, actor: audit.Actor) -> Delivery:
    """Let a delivery that failed or was dropped be tried again, as a new message; its recording follows.

    Raises:
        DeliveryError: there is no such delivery, or it has neither failed nor been dropped.
    """
    row = _locked(session, delivery_id)
    if row.state not in RETRIABLE:
        raise DeliveryError(f"delivery {delivery_id} is {row.state}: only one that failed is tried again")
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id)
        .values(**cleared(Delivery), state=DeliveryState.PENDING, retries=Delivery.retries + 1)
    )
    session.refresh(row)
    note(session, Stage.DELIVER.value, delivery_id)
    return _settled(session, row, actor, AuditEventKind.DELIVERY_RETRIED)


def drop_delivery(session: Session, delivery_id: int, actor: audit.Actor) -> Delivery:
    """Give up a delivery that failed, such as to a destination that is gone; its recording follows.

    Raises:
        DeliveryError: there is no such delivery, or it has not failed.
    """
    row = _locked(session, delivery_id)
    if row.state is not DeliveryState.FAILED:
        raise DeliveryError(f"delivery {delivery_id} is {row.state}: only one that failed is dropped")
    row.state = DeliveryState.DROPPED
    return _settled(session, row, actor, AuditEventKind.DELIVERY_DROPPED)


def _locked(session: Session, delivery_id: int) -> Delivery:
    row = session.get(Delivery, delivery_id, with_for_update={"of": Delivery})
    if row is None:
        raise DeliveryError(f"there is no delivery {delivery_id}; see 'facialis deliveries list'")
    return row


def _settled(session: Session, row: Delivery, actor: audit.Actor, kind: AuditEventKind) -> Delivery:
    session.flush()
    grading = row.report.grading
    settle_deliveries(session, grading.id)
    audit.record(
        session,
        actor,
        kind,
        patient=grading.recording.patient_key,
        recording=grading.recording_key,
        document=row.report_key,
        destination=row.destination,
    )
    return row


def failed_deliveries(session: Session, destination: str | None = None) -> list[int]:
    """Ids of the dead letters, all or one destination's, the oldest first."""
    query = select(Delivery.id).where(Delivery.state == DeliveryState.FAILED).order_by(Delivery.id)
    if destination is not None:
        query = query.where(Delivery.destination == destination)
    return list(session.scalars(query))


def list_deliveries(
    session: Session, *, state: DeliveryState | None, destination: str | None, limit: int
) -> Sequence[Delivery]:
    """Deliveries with their report and its grading, the newest first."""
    query = (
        select(Delivery)
        .order_by(Delivery.id.desc())
        .limit(limit)
        .options(selectinload(Delivery.report).selectinload(Report.grading))
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    if destination is not None:
        query = query.where(Delivery.destination == destination)
    return session.scalars(query).all()


def open_deliveries(session: Session) -> dict[tuple[str, DeliveryState], int]:
    """How many deliveries each destination has in each state but the last ones, as far as there are any."""
    query = (
        select(Delivery.destination, Delivery.state, func.count())
        .where(Delivery.state != DeliveryState.DELIVERED, Delivery.state != DeliveryState.DROPPED)
        .group_by(Delivery.destination, Delivery.state)
    )
    return {(name, state): count for name, state, count in session.execute(query)}
