"""What becomes of deliveries whose destination says whether it will keep them (storage commitment)."""

import datetime as dt

import structlog
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import joinedload

from dicom.commitment import CommitmentReport
from service.database import transaction
from service.records.flow import settle_deliveries
from service.records.leases import cleared
from service.records.models import Delivery, DeliveryState
from service.records.outbox import note_sent

COMMITTED = "stored and committed"
SEND_AGAIN = dt.timedelta(minutes=5)

log = structlog.get_logger()


def refusal(reason: int) -> str:
    """Why an object is not kept, in words; ``reason`` is the failure reason (PS3.3 C.14)."""
    known = {0x0110: "it failed while processing", 0x0112: "it does not have it", 0x0119: "it does not match"}
    return f"the peer does not commit the object: {known.get(reason, 'no reason known')} (0x{reason:04X})"


def note_commitment(engine: Engine, report: CommitmentReport) -> None:
    """Let the deliveries of a request end, or be sent again, as the report says."""
    with transaction(engine) as session:
        waiting = session.scalars(
            select(Delivery)
            .where(
                Delivery.transaction_uid == report.transaction_uid, Delivery.state == DeliveryState.PENDING
            )
            .options(joinedload(Delivery.report))
            .with_for_update(of=Delivery)
        ).all()
        for delivery in waiting:
            uid = delivery.report.sop_instance_uid
            values: dict[str, object] = {"transaction_uid": None}
            if uid in report.committed:
                values |= cleared(Delivery)
                values |= {"state": DeliveryState.DELIVERED, "answer": COMMITTED}
                values |= {"delivered_at": func.clock_timestamp()}
            elif uid in report.failed:
                values |= {"answer": refusal(report.failed[uid]), "lease_owner": None, "lease_until": None}
                values |= {"next_attempt_at": func.clock_timestamp() + SEND_AGAIN}
            else:
                continue
            session.execute(update(Delivery).where(Delivery.id == delivery.id).values(**values))
            if uid in report.committed:
                note_sent(session, delivery.id)
        for grading_id in {delivery.report.grading_key for delivery in waiting}:
            settle_deliveries(session, grading_id)
    log.info(
        "commitment.reported",
        committed=len(report.committed),
        failed=len(report.failed),
        deliveries=len(waiting),
    )
