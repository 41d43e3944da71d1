"""Sending documents to one destination, and noting what the peer said of each.

Whoever sends one document takes along the others that are due at the same destination, so that a PACS that
was away gets all of them over one association. A destination that could not be reached several times in a row
is left alone for a while (`service.records.circuits`).
"""

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import selectinload

from dicom.commitment import CommitmentReport, request_commitment
from dicom.sending import read_item
from dicom.uids import derived_uid
from grading.errors import FacialisError, PermanentError, TransientError
from service.commitments import COMMITTED, refusal
from service.database import transaction
from service.delivery.outcomes import Outcome, Outcomes, Parcel
from service.delivery.sending import send_parcels
from service.peer_settings import AnyDestination, Destination
from service.peers import dicom_peer
from service.records import audit, circuits, leases, outbox
from service.records.circuits import Passage
from service.records.flow import settle_deliveries
from service.records.leases import Lease, cleared, confirm
from service.records.models import Delivery, DeliveryState
from workers.context import Context

log = structlog.get_logger()

COMMITMENT_SECONDS = 900.0
"""How long a commitment is waited for before the document is sent again."""
BATCH = 16
"""Documents per association: few enough to be sent well within a lease."""


class RefusedError(PermanentError):
    """The destination refused the document; sending it again unchanged cannot help."""

    code = "delivery.refused"


class NotTakenError(TransientError):
    """The destination could not take the document now."""

    code = "delivery.not_taken"


class UncommittedError(TransientError):
    """The destination took the document but has not said yet that it will keep it."""

    code = "delivery.uncommitted"


class FaultFoundError(TransientError):
    """The destination answered a document with an error that may pass; it is sent a few times again."""

    code = "delivery.fault_found"


class NotBegunError(TransientError):
    """A document's turn did not come while its worker held it; it is sent with the next ones."""

    code = "delivery.not_begun"


def take_batch(context: Context, delivery_id: int) -> list[Lease]:
    """Lease a delivery that is due, and further ones to the same destination.

    None if it is not due or not its turn, or if the destination is left alone for now; one alone as a trial
    of a destination that had been left alone.
    """
    seconds = context.settings.workers.lease_seconds
    with transaction(context.engine) as session:
        destination = session.scalar(
            select(Delivery.destination)
            .where(Delivery.id == delivery_id, outbox.due())
            .with_for_update(skip_locked=True)
        )
        if destination is None:
            return []
        passage = circuits.ask_passage(session, destination, seconds)
        if passage is Passage.SHUT:
            # In no queue any more, so that it is found once the destination may be tried again.
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(enqueued_at=None))
            return []
        first = leases.take(session, Delivery, delivery_id, DeliveryState.PENDING, seconds)
        if first is None or first.crashes or passage is Passage.TRIAL:
            return [first] if first else []
        others = [
            leases.take(session, Delivery, other, DeliveryState.PENDING, seconds)
            for other in outbox.companions(session, delivery_id, BATCH - 1)
        ]
    return [first, *(lease for lease in others if lease is not None)]


def deliver(context: Context, batch: Sequence[Lease]) -> dict[int, FacialisError | None]:
    """Send the documents of leased deliveries to one destination; by row what went wrong, None for nothing.

    A delivery that succeeded moves on, and so does its recording after its last one. The same document may
    reach the destination twice when a worker dies between its answer and the commit: it is then the same
    object with the same UID, the same message with the same control id, or a transaction that makes nothing
    new, so that a peer keeps it once.

    Raises:
        FacialisError: nothing could be sent to the destination, with its own words.
    """
    with transaction(context.engine) as session:
        rows = session.scalars(
            select(Delivery)
            .where(Delivery.id.in_([lease.row_id for lease in batch]))
            .order_by(Delivery.id)
            .options(selectinload(Delivery.report))
        ).all()
        parcels = {
            row.id: Parcel(
                row.report.kind,
                row.report.sop_instance_uid,
                context.storage.path(row.report.object_key),
                context.storage.path(row.report.document_key),
                row.retries,
            )
            for row in rows
        }
    (name,) = {row.destination for row in rows}
    destination = _find(context, name)
    outcomes = _send(context, destination, parcels)
    if not (isinstance(destination, Destination) and destination.commitment):
        return {
            lease.row_id: _ended(context, lease, outcomes[lease.row_id].words)
            if outcomes[lease.row_id].ok
            else _failure(outcomes[lease.row_id])
            for lease in batch
        }
    stored = [lease for lease in batch if outcomes[lease.row_id].ok]
    report = _commit(context, destination, stored, parcels) if stored else None
    return {
        lease.row_id: _committed(context, lease, parcels[lease.row_id], report)
        if lease in stored
        else _failure(outcomes[lease.row_id])
        for lease in batch
    }


def give_up(context: Context, lease: Lease, answer: str) -> None:
    """Note that a delivery was refused for good; its recording then needs attention."""
    with transaction(context.engine) as session:
        confirm(session, Delivery, lease)
        session.execute(
            update(Delivery)
            .where(Delivery.id == lease.row_id)
            .values(**cleared(Delivery), state=DeliveryState.FAILED, answer=answer)
        )
        outbox.note_sent(session, lease.row_id, audit.Outcome.FAILED)
        settle_deliveries(session, session.get_one(Delivery, lease.row_id).report.grading_key)


def note_answer(context: Context, lease: Lease, answer: str) -> None:
    """Keep the peer's words of an attempt that is to be repeated."""
    with transaction(context.engine) as session:
        held = (Delivery.id == lease.row_id) & (Delivery.lease_owner == lease.owner)
        session.execute(update(Delivery).where(held).values(answer=answer))


def _send(context: Context, destination: AnyDestination, parcels: Mapping[int, Parcel]) -> Outcomes:
    """Send, and note whether the destination was there.

    Raises:
        FacialisError: nothing could be sent.
    """
    try:
        settings = context.settings
        seconds = settings.workers.lease_seconds / 2
        outcomes = send_parcels(parcels, destination, context.storage, settings.receiver.ae_title, seconds)
    except TransientError as error:
        _note_failure(context, destination.name, str(error))
        raise
    except PermanentError:
        # It was there to refuse us, or the fault is ours: waiting would not help.
        _note_reached(context, destination.name)
        raise
    if any(outcome.reached for outcome in outcomes.values()):
        _note_reached(context, destination.name)
    else:
        _note_failure(context, destination.name, next(iter(outcomes.values())).words)
    return outcomes


def _note_reached(context: Context, destination: str) -> None:
    with transaction(context.engine) as session:
        closed = circuits.note_reached(session, destination)
    if closed:
        log.info("destination.back", destination=destination)


def _note_failure(context: Context, destination: str, answer: str) -> None:
    settings = context.settings.workers
    with transaction(context.engine) as session:
        shut = circuits.note_failure(
            session, destination, answer, settings.breaker_failures, settings.breaker_seconds
        )
    if shut:
        log.warning("destination.left_alone", destination=destination)


def _commit(
    context: Context, destination: Destination, stored: Sequence[Lease], parcels: Mapping[int, Parcel]
) -> CommitmentReport | None:
    """Ask the destination to keep what it stored; its report, if that comes at once."""
    request = derived_uid("commitment", *(lease.owner for lease in stored))
    with transaction(context.engine) as session:
        # Known before it is asked for: the answer may come to the receiver before this goes on.
        for lease in stored:
            held = (Delivery.id == lease.row_id) & (Delivery.lease_owner == lease.owner)
            session.execute(update(Delivery).where(held).values(transaction_uid=request))
    items = [read_item(parcels[lease.row_id].content) for lease in stored]
    return request_commitment(
        [(item.sop_class_uid, item.sop_instance_uid) for item in items if item is not None],
        dicom_peer(destination),
        request,
        calling_ae=context.settings.receiver.ae_title,
    )


def _committed(
    context: Context, lease: Lease, parcel: Parcel, report: CommitmentReport | None
) -> FacialisError | None:
    """Store that a document is kept for good, or say that this is not known or not so."""
    if report is None:
        return UncommittedError("stored; its commitment is waited for")
    if parcel.uid in report.committed:
        return _ended(context, lease, COMMITTED)
    return NotTakenError(refusal(report.failed.get(parcel.uid, 0)))


def _failure(outcome: Outcome) -> FacialisError:
    if not outcome.begun:
        return NotBegunError(outcome.words)
    if not outcome.transient:
        return RefusedError(outcome.words)
    return (FaultFoundError if outcome.limited else NotTakenError)(outcome.words)


def _ended(context: Context, lease: Lease, answer: str) -> FacialisError | None:
    """Store that a document was taken, or say why that cannot be."""
    try:
        with transaction(context.engine) as session:
            confirm(session, Delivery, lease)
            session.execute(
                update(Delivery)
                .where(Delivery.id == lease.row_id)
                .values(
                    **cleared(Delivery),
                    state=DeliveryState.DELIVERED,
                    answer=answer,
                    transaction_uid=None,
                    delivered_at=func.clock_timestamp(),
                )
            )
            outbox.note_sent(session, lease.row_id)
            settle_deliveries(session, session.get_one(Delivery, lease.row_id).report.grading_key)
    except FacialisError as error:
        return error
    return None


def _find(context: Context, name: str) -> AnyDestination:
    for destination in context.settings.destinations:
        if destination.name == name:
            return destination
    # Nothing is known of its health any more.
    _note_reached(context, name)
    raise RefusedError(f"the settings name no destination {name} any more; add it again and retry")
