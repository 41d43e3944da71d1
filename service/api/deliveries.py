"""Deliveries: which document goes where, and what the destination said."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from service.api.context import Held, Line, Number
from service.api.gate import Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import ConflictError, described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Delivery, DeliveryState, Grading, Report
from service.records.outbox import retry_delivery

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


class DeliveryShown(BaseModel):
    """One document on its way to one destination."""

    id: int = Field(examples=[31])
    report: int = Field(examples=[4])
    destination: str = Field(examples=["Main PACS"])
    state: DeliveryState
    answer: str | None = Field(description="The peer's last words.", examples=["Success (0000H)"])
    attempts: int
    next_attempt_at: dt.datetime | None
    created_at: dt.datetime
    delivered_at: dt.datetime | None


@router.get("", responses=described(400))
def list_deliveries(
    held: Held,
    asked: Asked,
    state: DeliveryState | None = None,
    destination: Annotated[Line | None, Query(max_length=64)] = None,
    recording: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Page[DeliveryShown]:
    """Deliveries, the newest first."""
    query = select(Delivery)
    if state is not None:
        query = query.where(Delivery.state == state)
    if destination is not None:
        query = query.where(Delivery.destination == destination)
    if recording is not None:
        query = query.join(Report).join(Grading).where(Grading.recording_key == recording)
    with transaction(held.engine) as session:
        return page(session, asked, query, Delivery.id, delivery_shown)


@router.get("/{number}", responses=described(404))
def one_delivery(number: Number, held: Held, caller: Reader) -> DeliveryShown:
    """A delivery."""
    with transaction(held.engine) as session:
        return delivery_shown(row_of(session, Delivery, number))


@router.post("/{number}/retry", responses=described(404, 409))
def retry(number: Number, held: Held, caller: Writer) -> DeliveryShown:
    """Let a delivery that failed be tried again, as a new message."""
    with transaction(held.engine) as session:
        delivery = row_of(session, Delivery, number, lock=True)
        if delivery.state is not DeliveryState.FAILED:
            raise ConflictError(f"delivery {number} is {delivery.state}: only one that failed is tried again")
        retry_delivery(session, number)
        audit.record(
            session,
            caller.actor,
            AuditEventKind.DELIVERY_RETRIED,
            recording=delivery.report.grading.recording_key,
            document=delivery.report_key,
            destination=delivery.destination,
        )
        return delivery_shown(delivery)


def delivery_shown(delivery: Delivery) -> DeliveryShown:
    """What is shown of a delivery."""
    columns = {name: getattr(delivery, name) for name in DeliveryShown.model_fields if name != "report"}
    return DeliveryShown(report=delivery.report_key, **columns)
