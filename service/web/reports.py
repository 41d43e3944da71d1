"""Reports on the pages: signing one off, and a patient's history as PDF."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reports.errors import ReportError
from service.access.roles import Right
from service.database import transaction
from service.history_report import history_pdf
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.signing import SignOffError, sign_off
from service.web.access import MOST, Allow, AllowPatient, Visit, row_number
from service.web.forms import Form, posted
from service.web.guard import DOCUMENT_POLICY
from service.web.rendering import message
from service.web.site import site_of

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=MOST)]
Signer = Annotated[Visit, Depends(Allow(Right.SIGN))]
Seer = Annotated[Visit, Depends(AllowPatient())]


@router.get("/patients/{patient_id}/history.pdf")
def history(request: Request, visit: Seer, patient_id: Number) -> Response:
    """The patient's history over all recordings, written now."""
    site = site_of(request)
    with transaction(site.engine) as session:
        try:
            pdf = history_pdf(session, site.storage, patient_id, site.settings.report.style)
        except ReportError as error:
            return message(request, "No history", f"The history cannot be written. {error}.", 409)
        if pdf is None:
            raise HTTPException(404)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.DOCUMENT_VIEWED,
            patient=patient_id,
            what="history",
        )
    headers = {
        "Content-Disposition": f'inline; filename="patient-{patient_id}.pdf"',
        "Content-Security-Policy": DOCUMENT_POLICY,
    }
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.post("/recordings/{recording_id}/sign-off")
def sign(
    request: Request, visit: Signer, recording_id: Number, form: Annotated[Form, Depends(posted)]
) -> Response:
    """Sign the report off that the page showed, under the name of who is signed in."""
    grading = row_number(form.text("grading"))
    if grading is None:
        raise HTTPException(404)
    who = visit.visitor
    try:
        with transaction(site_of(request).engine) as session:
            sign_off(
                session,
                recording_id,
                who.display_name or who.name,
                form.text("comment"),
                actor=who.actor,
                grading_id=grading,
            )
    except SignOffError as error:
        text = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return message(request, "Not signed off", text, 409, back=f"/recordings/{recording_id}")
    return RedirectResponse(f"/recordings/{recording_id}", 303)
