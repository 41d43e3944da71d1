"""Pages for administrators: deliveries and the audit trail. Health and users have modules of their own."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.access.roles import Right
from service.database import transaction
from service.records import audit, outbox
from service.records.audit import AuditSearch
from service.records.audit_events import AuditEventKind
from service.records.models import DeliveryState
from service.records.outbox import DeliveryError
from service.web.access import MOST, Allow, Visit, row_number
from service.web.forms import Form, posted
from service.web.rendering import page
from service.web.site import site_of

PAGE_LENGTH = 100

router = APIRouter(prefix="/admin")
Number = Annotated[int, Path(ge=1, le=MOST)]
Administrator = Annotated[Visit, Depends(Allow(Right.ADMINISTER))]
Posted = Annotated[Form, Depends(posted)]


@router.get("/deliveries")
def deliveries(request: Request, visit: Administrator) -> Response:
    """Documents on their way, the newest first."""
    wanted, destination = request.query_params.get("state", ""), request.query_params.get("destination", "")
    state = DeliveryState(wanted) if wanted in list(DeliveryState) else None
    with transaction(site_of(request).engine) as session:
        rows = outbox.list_deliveries(
            session, state=state, destination=destination or None, limit=PAGE_LENGTH
        )
        return page(
            request,
            "admin_deliveries.html",
            deliveries=rows,
            retriable=outbox.RETRIABLE,
            failed=len(outbox.failed_deliveries(session)),
            state=wanted,
            destination=destination,
            destinations=[peer.name for peer in site_of(request).settings.destinations],
            most=PAGE_LENGTH,
        )


@router.post("/deliveries/{delivery_id}/retry")
def retry(request: Request, visit: Administrator, delivery_id: Number, form: Posted) -> Response:
    """Let a delivery that failed be tried again."""
    return _each(request, visit, [delivery_id], outbox.retry_delivery)


@router.post("/deliveries/{delivery_id}/drop")
def drop(request: Request, visit: Administrator, delivery_id: Number, form: Posted) -> Response:
    """Give up a delivery that failed."""
    return _each(request, visit, [delivery_id], outbox.drop_delivery)


@router.post("/deliveries/retry")
def retry_all(request: Request, visit: Administrator, form: Posted) -> Response:
    """Let all deliveries that failed be tried again."""
    with transaction(site_of(request).engine) as session:
        failed = outbox.failed_deliveries(session)
    return _each(request, visit, failed, outbox.retry_delivery)


@router.get("/audit")
def trail(request: Request, visit: Administrator) -> Response:
    """A search in the audit trail, which is itself recorded."""
    asked = request.query_params
    kind, zone = asked.get("event", ""), site_of(request).settings.web.zone
    search = AuditSearch(
        since=beginning(asked.get("since", ""), zone),
        until=beginning(asked.get("until", ""), zone, days=1),
        actor=asked.get("actor", "").replace("\0", "").strip() or None,
        kinds=(AuditEventKind(kind),) if kind in list(AuditEventKind) else (),
        patient=row_number(asked.get("patient", "")),
        recording=row_number(asked.get("recording", "")),
        beyond=row_number(asked.get("beyond", "")),
    )
    with transaction(site_of(request).engine) as session:
        events = audit.find(session, search, PAGE_LENGTH + 1)
        shown = events[:PAGE_LENGTH]
        audit.record(session, visit.visitor.actor, AuditEventKind.AUDIT_READ, events=len(shown))
    older = request.url.include_query_params(beyond=shown[-1].id) if len(events) > PAGE_LENGTH else None
    return page(
        request,
        "admin_audit.html",
        events=shown,
        asked=asked,
        kinds=list(AuditEventKind),
        older=f"{older.path}?{older.query}" if older else None,
    )


def _each(
    request: Request,
    visit: Visit,
    numbers: list[int],
    act: Callable[[Session, int, audit.Actor], object],
) -> Response:
    for number in numbers:
        try:
            with transaction(site_of(request).engine) as session:
                act(session, number, visit.visitor.actor)
        except DeliveryError:
            # Somebody else was faster: the list shows how it stands.
            continue
    return RedirectResponse("/admin/deliveries", 303)


def beginning(text: str, zone: dt.tzinfo | None, days: int = 0) -> dt.datetime | None:
    """When a day begins at the site, ``days`` later; in the server's zone where ``zone`` is None."""
    try:
        day = dt.datetime.fromisoformat(text[:10]) + dt.timedelta(days=days)
        return (day.replace(tzinfo=zone) if zone else day).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
