"""Seeing one patient against the roles: a page that asks why, and puts it on the record."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.access.roles import Right
from service.access.sessions import OVERRIDE_MINUTES, break_glass
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Patient
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, posted
from service.web.rendering import page
from service.web.site import site_of

REASONS = {
    "emergency": "Treatment in an emergency",
    "on_duty": "Cover for a colleague who is not there",
    "consultation": "I was asked for advice on this patient",
    "patient": "The patient asked for it",
    "technical": "A technical fault has to be looked into",
}
"""A choice and no text, so that nothing about a patient is typed into the audit trail."""

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=MOST)]
Visiting = Annotated[Visit, Depends(Allow(Right.BREAK_GLASS))]


@router.get("/break-glass/{patient_id}")
def ask(request: Request, patient_id: Number, visit: Visiting) -> Response:
    """Why this patient has to be seen."""
    with transaction(site_of(request).engine) as session:
        if session.get(Patient, patient_id) is None:
            raise HTTPException(404)
    return page(request, "break_glass.html", patient_id=patient_id, reasons=REASONS, minutes=OVERRIDE_MINUTES)


@router.post("/break-glass/{patient_id}")
def break_it(
    request: Request, patient_id: Number, visit: Visiting, form: Annotated[Form, Depends(posted)]
) -> Response:
    """Let the visitor see the patient, and record it."""
    reason = form.text("reason")
    if reason not in REASONS:
        return RedirectResponse(f"/break-glass/{patient_id}", 303)
    with transaction(site_of(request).engine) as session:
        if session.get(Patient, patient_id) is None:
            raise HTTPException(404)
        break_glass(session, visit.visitor, patient_id)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.BREAK_GLASS_STARTED,
            patient=patient_id,
            reason=reason,
            minutes=OVERRIDE_MINUTES,
        )
    return RedirectResponse(f"/patients/{patient_id}", 303)
