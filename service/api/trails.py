"""What was corrected, deleted and merged, and who did what: rows that are only ever added."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from service.api.context import Held
from service.api.gate import Admin
from service.api.paging import Asked, Page, page
from service.api.problems import described
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import AuditEvent, Change

router = APIRouter(tags=["trails"])

Numbered = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


class ChangeShown(BaseModel):
    """What a correction, deletion or merge replaced."""

    id: int
    patient: int = Field(examples=[12])
    made_at: dt.datetime
    made_by: str = Field(description="Empty where it was the command line.", examples=["token archive"])
    action: str = Field(examples=["corrected"])
    subject: str = Field(description="What was changed.", examples=["surgery"])
    subject_id: int = Field(examples=[3])
    before: dict[str, Any]
    after: dict[str, Any] | None


class AuditEventShown(BaseModel):
    """One thing that somebody did."""

    id: int
    happened_at: dt.datetime
    kind: str = Field(examples=["patient.viewed"])
    actor_kind: str = Field(description="`user`, `token` or `system`.", examples=["token"])
    actor: str = Field(examples=["archive"])
    address: str | None
    patient: int | None
    recording: int | None
    document: int | None
    outcome: int = Field(description="ATNA's: 0 done, 4 refused, 8 failed.", examples=[0])
    detail: dict[str, Any]


@router.get("/changes", responses=described(400))
def list_changes(held: Held, asked: Asked, patient: Numbered = None) -> Page[ChangeShown]:
    """Changes of records, the newest first."""
    query = select(Change)
    if patient is not None:
        query = query.where(Change.patient_key == patient)
    with transaction(held.engine) as session:
        return page(session, asked, query, Change.id, _change)


@router.get("/audit-events", responses=described(400))
def list_audit_events(
    held: Held, caller: Admin, asked: Asked, patient: Numbered = None, recording: Numbered = None
) -> Page[AuditEventShown]:
    """The audit trail, the newest first; reading it stands in it too."""
    query = select(AuditEvent)
    if patient is not None:
        query = query.where(AuditEvent.patient_key == patient)
    if recording is not None:
        query = query.where(AuditEvent.recording_key == recording)
    with transaction(held.engine) as session:
        audit.record(session, caller.actor, AuditEventKind.AUDIT_READ, patient=patient, recording=recording)
        return page(session, asked, query, AuditEvent.id, _audit_event)


def _change(change: Change) -> ChangeShown:
    columns = {name: getattr(change, name) for name in ChangeShown.model_fields.keys() - {"patient"}}
    return ChangeShown(**columns | {"patient": change.patient_key})


def _audit_event(event: AuditEvent) -> AuditEventShown:
    numbers = {
        "patient": event.patient_key,
        "recording": event.recording_key,
        "document": event.document_key,
    }
    columns = {name: getattr(event, name) for name in AuditEventShown.model_fields.keys() - numbers.keys()}
    return AuditEventShown(**columns | numbers)
