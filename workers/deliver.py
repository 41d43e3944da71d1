"""Sending one document to one destination, and noting what the peer said."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.orm import selectinload

from dicom.sending import Peer, send_objects
from grading.errors import PermanentError, TransientError
from service.database import transaction
from service.records.flow import settle_deliveries
from service.records.leases import Lease, cleared, confirm
from service.records.models import Delivery, DeliveryState
from service.settings import Destination
from workers.context import Context


class RefusedError(PermanentError):
    """The destination refused the document; sending it again unchanged cannot help."""

    code = "delivery.refused"


class NotTakenError(TransientError):
    """The destination could not take the document now."""

    code = "delivery.not_taken"


@dataclass(frozen=True)
class _Parcel:
    destination: str
    file: Path


def deliver(context: Context, lease: Lease) -> None:
    """Send the document of a leased delivery; on success both it and its recording move on.

    The same document may reach the destination twice when a worker dies between its answer and the commit:
    it is then the same object with the same UID, which a PACS keeps once.

    Raises:
        RefusedError, NotTakenError: with the peer's own words.
    """
    with transaction(context.engine) as session:
        delivery = session.execute(
            select(Delivery).where(Delivery.id == lease.row_id).options(selectinload(Delivery.report))
        ).scalar_one()
        parcel = _Parcel(delivery.destination, context.storage.path(delivery.report.object_key))
    answer = _send(context, parcel)
    with transaction(context.engine) as session:
        confirm(session, Delivery, lease)
        session.execute(
            update(Delivery)
            .where(Delivery.id == lease.row_id)
            .values(
                **cleared(Delivery),
                state=DeliveryState.DELIVERED,
                answer=answer,
                delivered_at=func.clock_timestamp(),
            )
        )
        settle_deliveries(session, session.get_one(Delivery, lease.row_id).report.grading_key)


def give_up(context: Context, lease: Lease, answer: str) -> None:
    """Note that a delivery was refused for good; its recording then needs attention."""
    with transaction(context.engine) as session:
        confirm(session, Delivery, lease)
        session.execute(
            update(Delivery)
            .where(Delivery.id == lease.row_id)
            .values(**cleared(Delivery), state=DeliveryState.FAILED, answer=answer)
        )
        settle_deliveries(session, session.get_one(Delivery, lease.row_id).report.grading_key)


def note_answer(context: Context, lease: Lease, answer: str) -> None:
    """Keep the peer's words of an attempt that is to be repeated."""
    with transaction(context.engine) as session:
        held = (Delivery.id == lease.row_id) & (Delivery.lease_owner == lease.owner)
        session.execute(update(Delivery).where(held).values(answer=answer))


def _send(context: Context, parcel: _Parcel) -> str:
    destination = _find(context.settings.destinations, parcel.destination)
    peer = Peer(destination.ae_title, destination.host, destination.port)
    (outcome,) = send_objects([parcel.file], peer, calling_ae=context.settings.receiver.ae_title)
    if outcome.ok:
        return outcome.words
    raise (NotTakenError if outcome.transient else RefusedError)(outcome.words)


def _find(destinations: tuple[Destination, ...], name: str) -> Destination:
    for destination in destinations:
        if destination.name == name:
            return destination
    raise RefusedError(f"the settings name no destination {name} any more; add it again and retry")
