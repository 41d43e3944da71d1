"""Surgeries that recordings are placed around in time: recorded, corrected, deleted."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from service.api.context import Held, Line, Number, SameRecord, Text, check_unchanged, tagged
from service.api.gate import Caller, Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.patients import Identifier
from service.api.problems import described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Patient, Surgery
from service.records.surgeries import add_surgery, correct_surgery, delete_surgery

router = APIRouter(prefix="/surgeries", tags=["surgeries"])

Procedure = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
Surgeon = Annotated[Line, StringConstraints(max_length=200)]
Side = Literal["L", "R", "B"]
Whose = Annotated[int, Field(ge=1, le=2**63 - 1)]


class NewSurgery(BaseModel):
    """A surgery to be recorded."""

    model_config = ConfigDict(extra="forbid")

    patient: Whose | Identifier = Field(
        description="By number, or by an id; one whose id is not on record is made.", examples=[12]
    )
    performed_on: dt.date = Field(examples=["2024-03-12"])
    procedure: Procedure = Field(examples=["Hypoglossal-facial jump anastomosis"])
    side: Side = Field(description="L, R or B (both), of the patient.", examples=["L"])
    surgeon: Surgeon = ""
    note: Text = ""


class SurgeryCorrection(BaseModel):
    """What of a surgery is to be changed; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    performed_on: dt.date | None = Field(default=None, examples=["2024-03-13"])
    procedure: Procedure | None = None
    side: Side | None = None
    surgeon: Surgeon | None = None
    note: Text | None = None


class SurgeryShown(BaseModel):
    """A surgery on the facial nerve."""

    id: int = Field(examples=[3])
    patient: int = Field(examples=[12])
    performed_on: dt.date = Field(examples=["2024-03-12"])
    procedure: str = Field(examples=["Hypoglossal-facial jump anastomosis"])
    side: str = Field(examples=["L"])
    surgeon: str
    note: str
    created_at: dt.datetime


@router.get("", responses=described(400))
def list_surgeries(
    held: Held,
    asked: Asked,
    patient: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Number of the patient.")] = None,
) -> Page[SurgeryShown]:
    """Surgeries, those that were recorded last first."""
    query = select(Surgery)
    if patient is not None:
        query = query.where(Surgery.patient_key == patient)
    with transaction(held.engine) as session:
        return page(session, asked, query, Surgery.id, surgery_shown)


@router.post("", status_code=201, responses=described(404))
def add(new: NewSurgery, held: Held, caller: Writer, response: Response) -> SurgeryShown:
    """Record a surgery; the patient's recordings are placed around it. The same one twice is kept once."""
    with transaction(held.engine) as session:
        identifier = named_by(session, new.patient)
        surgery = add_surgery(
            session,
            identifier.value,
            identifier.issuer,
            new.performed_on,
            new.procedure,
            new.side,
            surgeon=new.surgeon,
            note=new.note,
        )
        _note(session, caller, AuditEventKind.SURGERY_ADDED, surgery)
        shown = surgery_shown(surgery)
    response.headers["Location"] = f"/api/v1/surgeries/{shown.id}"
    tagged(response, shown)
    return shown


@router.get("/{number}", responses=described(404))
def one_surgery(number: Number, held: Held, caller: Reader, response: Response) -> SurgeryShown:
    """A surgery."""
    with transaction(held.engine) as session:
        surgery = row_of(session, Surgery, number)
        shown = surgery_shown(surgery)
        kind = AuditEventKind.PATIENT_VIEWED
        audit.record(session, caller.actor, kind, patient=surgery.patient_key, surgery=number)
    tagged(response, shown)
    return shown


@router.patch("/{number}", responses=described(404, 412, 428))
def correct(
    number: Number,
    correction: SurgeryCorrection,
    held: Held,
    caller: Writer,
    response: Response,
    if_match: SameRecord = None,
) -> SurgeryShown:
    """Change what is given; what was before is kept in the changes, and the recordings are placed anew."""
    with transaction(held.engine) as session:
        check_unchanged(surgery_shown(row_of(session, Surgery, number, lock=True)), if_match)
        surgery = correct_surgery(session, number, **correction.model_dump(), by=caller.signature)
        _note(session, caller, AuditEventKind.SURGERY_CHANGED, surgery)
        shown = surgery_shown(surgery)
    tagged(response, shown)
    return shown


@router.delete("/{number}", status_code=204, responses=described(404, 412, 428))
def delete(number: Number, held: Held, caller: Writer, if_match: SameRecord = None) -> None:
    """Take a surgery off the record; what it said is kept in the changes."""
    with transaction(held.engine) as session:
        surgery = row_of(session, Surgery, number, lock=True)
        check_unchanged(surgery_shown(surgery), if_match)
        _note(session, caller, AuditEventKind.SURGERY_DELETED, surgery)
        delete_surgery(session, number, by=caller.signature)


def named_by(session: Session, patient: int | Identifier) -> Identifier:
    """An identifier of the patient whom a request names by number or by that."""
    if isinstance(patient, Identifier):
        return patient
    row = row_of(session, Patient, patient)
    return Identifier.model_construct(value=row.patient_id, issuer=row.issuer)


def surgery_shown(surgery: Surgery) -> SurgeryShown:
    """What is shown of a surgery."""
    columns = {name: getattr(surgery, name) for name in SurgeryShown.model_fields.keys() - {"patient"}}
    return SurgeryShown(**columns | {"patient": surgery.patient_key})


def _note(session: Session, caller: Caller, kind: AuditEventKind, surgery: Surgery) -> None:
    audit.record(session, caller.actor, kind, patient=surgery.patient_key, surgery=surgery.id)
