"""Deliveries: which document goes where, and what the destination said."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import Held, Line, Number
from service.api.gate import Reader
from service.api.paging import Cursor, Limit, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records.models import Delivery, DeliveryState, Grading, Report

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
    caller: Reader,
    request: Request,
    response: Response,
    state: DeliveryState | None = None,
    destination: Annotated[Line | None, Query(max_length=64)] = None,
    recording: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
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
        return page(
            session, request, response, query, Delivery.id, delivery_shown, limit=limit, cursor=cursor
        )


@router.get("/{number}", responses=described(404))
def one_delivery(number: Number, held: Held, caller: Reader) -> DeliveryShown:
    """A delivery."""
    with transaction(held.engine) as session:
        delivery = session.get(Delivery, number)
        if delivery is None:
            raise NotFoundError(f"there is no delivery {number}")
        return delivery_shown(delivery)


def delivery_shown(delivery: Delivery) -> DeliveryShown:
    """What is shown of a delivery."""
    columns = {name: getattr(delivery, name) for name in DeliveryShown.model_fields if name != "report"}
    return DeliveryShown(report=delivery.report_key, **columns)
