"""What else happened to a patient, such as botulinum toxin or training: recorded, corrected, deleted."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from service.api.context import Held, Number, SameRecord, Text, check_unchanged, tagged
from service.api.gate import Caller, Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.patients import Identifier
from service.api.problems import described
from service.api.rows import row_of
from service.api.surgeries import Whose, named_by
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.events import add_event, correct_event, delete_event
from service.records.models import Event, EventKind

router = APIRouter(prefix="/events", tags=["events"])

Side = Literal["L", "R", "B", ""]


class NewEvent(BaseModel):
    """An event to be recorded."""

    model_config = ConfigDict(extra="forbid")

    patient: Whose | Identifier = Field(
        description="By number, or by an id; one whose id is not on record is made.", examples=[12]
    )
    happened_on: dt.date = Field(examples=["2024-06-01"])
    kind: EventKind
    side: Side = Field(default="", description="Empty where it has none.", examples=["L"])
    note: Text = ""


class EventCorrection(BaseModel):
    """What of an event is to be changed; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    happened_on: dt.date | None = None
    kind: EventKind | None = None
    side: Side | None = None
    note: Text | None = None


class EventShown(BaseModel):
    """Something on a patient's time line that is no surgery."""

    id: int = Field(examples=[5])
    patient: int = Field(examples=[12])
    happened_on: dt.date = Field(examples=["2024-06-01"])
    kind: EventKind
    side: str = Field(examples=["L"])
    note: str
    created_at: dt.datetime


@router.get("", responses=described(400))
def list_events(
    held: Held,
    asked: Asked,
    patient: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Number of the patient.")] = None,
) -> Page[EventShown]:
    """Events, those that were recorded last first."""
    query = select(Event)
    if patient is not None:
        query = query.where(Event.patient_key == patient)
    with transaction(held.engine) as session:
        return page(session, asked, query, Event.id, event_shown)


@router.post("", status_code=201, responses=described(404))
def add(new: NewEvent, held: Held, caller: Writer, response: Response) -> EventShown:
    """Record an event; the same one twice (day, kind, side) is kept once."""
    with transaction(held.engine) as session:
        identifier = named_by(session, new.patient)
        event = add_event(
            session, identifier.value, identifier.issuer, new.happened_on, new.kind, new.side, new.note
        )
        _note(session, caller, AuditEventKind.CLINICAL_EVENT_ADDED, event)
        shown = event_shown(event)
    response.headers["Location"] = f"/api/v1/events/{shown.id}"
    tagged(response, shown)
    return shown


@router.get("/{number}", responses=described(404))
def one_event(number: Number, held: Held, caller: Reader, response: Response) -> EventShown:
    """An event."""
    with transaction(held.engine) as session:
        event = row_of(session, Event, number)
        shown = event_shown(event)
        kind = AuditEventKind.PATIENT_VIEWED
        audit.record(session, caller.actor, kind, patient=event.patient_key, event=number)
    tagged(response, shown)
    return shown


@router.patch("/{number}", responses=described(404, 412, 428))
def correct(
    number: Number,
    correction: EventCorrection,
    held: Held,
    caller: Writer,
    response: Response,
    if_match: SameRecord = None,
) -> EventShown:
    """Change what is given of an event; what was before is kept in the changes."""
    with transaction(held.engine) as session:
        check_unchanged(event_shown(row_of(session, Event, number, lock=True)), if_match)
        event = correct_event(session, number, **correction.model_dump(), by=caller.signature)
        _note(session, caller, AuditEventKind.CLINICAL_EVENT_CHANGED, event)
        shown = event_shown(event)
    tagged(response, shown)
    return shown


@router.delete("/{number}", status_code=204, responses=described(404, 412, 428))
def delete(number: Number, held: Held, caller: Writer, if_match: SameRecord = None) -> None:
    """Take an event off the record; what it said is kept in the changes."""
    with transaction(held.engine) as session:
        event = row_of(session, Event, number, lock=True)
        check_unchanged(event_shown(event), if_match)
        _note(session, caller, AuditEventKind.CLINICAL_EVENT_DELETED, event)
        delete_event(session, number, by=caller.signature)


def event_shown(event: Event) -> EventShown:
    """What is shown of an event."""
    columns = {name: getattr(event, name) for name in EventShown.model_fields.keys() - {"patient"}}
    return EventShown(**columns | {"patient": event.patient_key})


def _note(session: Session, caller: Caller, kind: AuditEventKind, event: Event) -> None:
    audit.record(session, caller.actor, kind, patient=event.patient_key, event=event.id)
