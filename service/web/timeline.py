"""Surgeries and events from a patient's page: added, corrected, deleted, and each of that undone."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.errors import PermanentError
from service.access.roles import Right
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.changes import content
from service.records.events import add_event, correct_event, delete_event
from service.records.models import Change, Event, EventKind, Patient, Surgery
from service.records.surgeries import add_surgery, correct_surgery, delete_surgery
from service.records.undoing import undo_change
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, posted
from service.web.rendering import message
from service.web.site import site_of

router = APIRouter(prefix="/patients/{patient_id}")
Number = Annotated[int, Path(ge=1, le=MOST)]
Changer = Annotated[Visit, Depends(Allow(Right.CHANGE))]
Posted = Annotated[Form, Depends(posted)]
Act = Callable[[Session, Patient], AuditEventKind]


class TimelineError(PermanentError):
    """A form about a surgery or an event cannot be taken."""

    code = "timeline.form"


def stamp(row: Surgery | Event) -> str:
    """A word for what the row says: a form carries it, so that nobody overwrites what they have not seen."""
    return hashlib.sha256(json.dumps(content(row), sort_keys=True).encode()).hexdigest()[:16]


@router.post("/surgeries")
def new_surgery(request: Request, visit: Changer, patient_id: Number, form: Posted) -> Response:
    """Record a surgery."""

    def act(session: Session, patient: Patient) -> AuditEventKind:
        said = _surgery(form)
        add_surgery(session, patient.patient_id, patient.issuer, **said)
        return AuditEventKind.SURGERY_ADDED

    return _act(request, visit, patient_id, act)


@router.post("/surgeries/{surgery_id}")
def change_surgery(
    request: Request, visit: Changer, patient_id: Number, surgery_id: Number, form: Posted
) -> Response:
    """Correct or delete a surgery."""

    def act(session: Session, patient: Patient) -> AuditEventKind:
        _check_seen(session.get(Surgery, surgery_id, with_for_update=True), patient, form)
        if form.text("do") == "delete":
            delete_surgery(session, surgery_id, by=visit.visitor.name)
            return AuditEventKind.SURGERY_DELETED
        correct_surgery(session, surgery_id, **_surgery(form), by=visit.visitor.name)
        return AuditEventKind.SURGERY_CHANGED

    return _act(request, visit, patient_id, act)


@router.post("/events")
def new_event(request: Request, visit: Changer, patient_id: Number, form: Posted) -> Response:
    """Record an event."""

    def act(session: Session, patient: Patient) -> AuditEventKind:
        add_event(session, patient.patient_id, patient.issuer, **_event(form))
        return AuditEventKind.CLINICAL_EVENT_ADDED

    return _act(request, visit, patient_id, act)


@router.post("/events/{event_id}")
def change_event(
    request: Request, visit: Changer, patient_id: Number, event_id: Number, form: Posted
) -> Response:
    """Correct or delete an event."""

    def act(session: Session, patient: Patient) -> AuditEventKind:
        _check_seen(session.get(Event, event_id, with_for_update=True), patient, form)
        if form.text("do") == "delete":
            delete_event(session, event_id, by=visit.visitor.name)
            return AuditEventKind.CLINICAL_EVENT_DELETED
        correct_event(session, event_id, **_event(form), by=visit.visitor.name)
        return AuditEventKind.CLINICAL_EVENT_CHANGED

    return _act(request, visit, patient_id, act)


@router.post("/changes/{change_id}/undo")
def undo(request: Request, visit: Changer, patient_id: Number, change_id: Number, form: Posted) -> Response:
    """Put back what a correction or deletion replaced."""

    def act(session: Session, patient: Patient) -> AuditEventKind:
        change = session.get(Change, change_id)
        if change is None or change.patient_key != patient.id:
            raise HTTPException(404)
        row = undo_change(session, change, visit.visitor.name)
        if isinstance(row, Surgery):
            return AuditEventKind.SURGERY_CHANGED
        return AuditEventKind.CLINICAL_EVENT_CHANGED

    return _act(request, visit, patient_id, act)


def _act(request: Request, visit: Visit, patient_id: int, act: Act) -> Response:
    address = f"/patients/{patient_id}"
    try:
        with transaction(site_of(request).engine) as session:
            patient = session.get(Patient, patient_id)
            if patient is None:
                raise HTTPException(404)
            audit.record(session, visit.visitor.actor, act(session, patient), patient=patient_id)
    except PermanentError as error:
        return message(request, "Not done", str(error), 409, back=address)
    return RedirectResponse(f"{address}#timeline", 303)


def _check_seen(row: Surgery | Event | None, patient: Patient, form: Form) -> None:
    if row is None or row.patient_key != patient.id:
        raise TimelineError("it is not on record any more: load the page again")
    form.check_seen(stamp(row))


def _surgery(form: Form) -> dict[str, Any]:
    return {
        "performed_on": _day(form),
        "procedure": form.text("procedure"),
        "side": form.text("side"),
        "surgeon": form.text("surgeon"),
        "note": form.text("note"),
    }


def _event(form: Form) -> dict[str, Any]:
    try:
        kind = EventKind(form.text("kind"))
    except ValueError:
        raise TimelineError("choose what kind of event it was") from None
    return {"happened_on": _day(form), "kind": kind, "side": form.text("side"), "note": form.text("note")}


def _day(form: Form) -> dt.date:
    try:
        return dt.date.fromisoformat(form.text("day"))
    except ValueError:
        raise TimelineError("give the day as year, month and day, such as 2026-03-01") from None
