"""Deliveries: which document goes where, and what the destination said."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.api.context import Context, Held, Line, Number
from service.api.gate import Caller, Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import ConflictError, described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit
from service.records.models import Delivery, DeliveryState, Grading, Report
from service.records.outbox import DeliveryError, drop_delivery, retry_delivery

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
    """Let a delivery that failed or was dropped be tried again, as a new message."""
    return _acted(held, number, caller, retry_delivery)


@router.post("/{number}/drop", responses=described(404, 409))
def drop(number: Number, held: Held, caller: Writer) -> DeliveryShown:
    """Give up a delivery that failed, such as to a destination that is gone."""
    return _acted(held, number, caller, drop_delivery)


def _acted(
    held: Context, number: int, caller: Caller, act: Callable[[Session, int, audit.Actor], Delivery]
) -> DeliveryShown:
    with transaction(held.engine) as session:
        row_of(session, Delivery, number)
        try:
            return delivery_shown(act(session, number, caller.actor))
        except DeliveryError as error:
            raise ConflictError(str(error)) from None


def delivery_shown(delivery: Delivery) -> DeliveryShown:
    """What is shown of a delivery."""
    columns = {name: getattr(delivery, name) for name in DeliveryShown.model_fields if name != "report"}
    return DeliveryShown(report=delivery.report_key, **columns)
