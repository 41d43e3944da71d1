"""The pages about patients: worklist, history, recording, photos and documents. Each look is recorded."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dicom.documents import NotAPdfError, read_pdf
from grading.errors import PermanentError
from service.access.roles import Right
from service.database import transaction
from service.history_table import history_csv
from service.kept_maps import kept_maps
from service.rated import Rated, rated
from service.records import audit, history, worklist
from service.records.audit_events import AuditEventKind
from service.records.gradings import active_grading
from service.records.models import EventKind, RecordingState
from service.records.undoing import latest_changes
from service.storage import Storage
from service.web.access import MOST, Allow, AllowPatient, Visit, patient_of
from service.web.comparing import comparison
from service.web.forms import Form, posted
from service.web.guard import DOCUMENT_POLICY
from service.web.patient_page import make_patient_page
from service.web.pictures import painted_jpeg, small_photo
from service.web.recording_page import make_recording_page
from service.web.rendering import page, words_for
from service.web.searches import Searches
from service.web.site import site_of
from service.web.timeline import stamp
from service.web.worklist import make_worklist

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=MOST)]
SignedIn = Annotated[Visit, Depends(Allow(Right.SIGNED_IN))]
Lister = Annotated[Visit, Depends(Allow(Right.LIST))]
Seer = Annotated[Visit, Depends(AllowPatient())]
Watcher = Annotated[Visit, Depends(AllowPatient(by_itself=True))]


@router.get("/")
def everybody(request: Request, visit: SignedIn) -> Response:
    """The worklist, or the first page of who may not see it."""
    return _worklist(request, visit, "") if visit.may("list") else RedirectResponse(visit.home, 303)


@router.get("/states/{state}")
def in_state(request: Request, visit: Lister, state: RecordingState) -> Response:
    """The newest recordings in a state."""
    return _worklist(request, visit, "", state)


@router.get("/worklist/version")
def worklist_version(
    request: Request, visit: Annotated[Visit, Depends(Allow(Right.LIST, by_itself=True))]
) -> Response:
    """A word that changes when the worklist has something new to show; tells nothing else."""
    with transaction(site_of(request).engine) as session:
        return Response(worklist.worklist_version(session), media_type="text/plain")


@router.post("/search")
def search(request: Request, visit: Lister, form: Annotated[Form, Depends(posted)]) -> Response:
    """Keep what is searched for, so that it stands in no address."""
    text = form.text("search")
    word = _searches(request).keep(text)
    return RedirectResponse(f"/search/{word}" if text.strip() else "/", 303)


@router.get("/search/{word}")
def found(request: Request, visit: Lister, word: str) -> Response:
    """The worklist of a search."""
    text = _searches(request).text(word)
    return RedirectResponse("/", 303) if text is None else _worklist(request, visit, text)


@router.get("/patients/{patient_id}")
def patient(
    request: Request,
    visit: Seer,
    patient_id: Number,
    baseline: Annotated[int | None, Query(ge=1, le=MOST)] = None,
) -> Response:
    """A patient's history; ``baseline`` is the number of the recording that changes are counted from."""
    with transaction(site_of(request).engine) as session:
        row = history.patient_history(session, patient_id)
        if row is None:
            raise HTTPException(404)
        audit.record(session, visit.visitor.actor, AuditEventKind.PATIENT_VIEWED, patient=patient_id)
        made = make_patient_page(
            row, words_for(request), baseline=baseline, given=_given(session, patient_id)
        )
        return page(
            request,
            "patient.html",
            page=made,
            compared=comparison(made, history.views_of(session, patient_id)),
            changes=latest_changes(session, patient_id),
            kinds=list(EventKind),
            stamp=stamp,
        )


@router.get("/patients/{patient_id}/history.csv")
def table(request: Request, visit: Seer, patient_id: Number) -> Response:
    """A patient's scores over time as a table."""
    with transaction(site_of(request).engine) as session:
        row = history.patient_history(session, patient_id)
        if row is None:
            raise HTTPException(404)
        audit.record(
            session, visit.visitor.actor, AuditEventKind.DATA_EXPORTED, patient=patient_id, what="history"
        )
        content = history_csv(row, _given(session, patient_id))
    headers = {"Content-Disposition": f'attachment; filename="patient-{patient_id}.csv"'}
    return Response(content, media_type="text/csv", headers=headers)


@router.get("/recordings/{recording_id}")
def recording(request: Request, visit: Seer, recording_id: Number) -> Response:
    """A recording with its photos, which this look counts for as well."""
    with transaction(site_of(request).engine) as session:
        row = history.recording_in_full(session, recording_id)
        if row is None:
            raise HTTPException(404)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.RECORDING_VIEWED,
            patient=row.patient_key,
            recording=recording_id,
        )
        return page(
            request,
            "recording.html",
            page=make_recording_page(session, row),
            version=history.recording_version(session, recording_id),
        )


@router.get("/recordings/{recording_id}/photos/{photo_id}")
def photo(request: Request, visit: Seer, recording_id: Number, photo_id: Number) -> Response:
    """One photo; recorded as a look at its recording, unless that was looked at in the last minutes."""
    site = site_of(request)
    with transaction(site.engine) as session:
        key = history.view_key(session, recording_id, photo_id)
        sent = history.object_key(session, recording_id, photo_id) if key is None else None
        if key is not None or sent is not None:
            audit.record_photo_view(session, visit.visitor.actor, recording_id)
    if sent is None:
        return Response(_stored(site.storage, key), media_type="image/jpeg")
    try:
        return Response(small_photo(site.storage.path(sent)), media_type="image/jpeg")
    except (PermanentError, FileNotFoundError):
        raise HTTPException(404) from None


@router.get("/recordings/{recording_id}/maps/{item}.jpg")
def score_map(
    request: Request,
    visit: Seer,
    recording_id: Number,
    item: str,
    grading: Annotated[int, Query(ge=1, le=MOST)],
) -> Response:
    """What the places of the face add to an item's score, painted over its photo; a look at the recording.

    ``grading`` is the number of the grading that the page shows: a browser keeps pictures by their address,
    and a new grading's scores must not stand beside the map of an earlier one.
    """
    site = site_of(request)
    with transaction(site.engine) as session:
        active = active_grading(session, recording_id)
        found = kept_maps(site.storage, active, [item]) if active and active.id == grading else []
        if not found:
            raise HTTPException(404)
        audit.record_photo_view(session, visit.visitor.actor, recording_id)
    return Response(painted_jpeg(found[0]), media_type="image/jpeg")


@router.get("/recordings/{recording_id}/version")
def version(request: Request, visit: Watcher, recording_id: Number) -> Response:
    """A word that changes when the recording's page has something new to show; tells nothing else."""
    with transaction(site_of(request).engine) as session:
        word = history.recording_version(session, recording_id)
    if word is None:
        raise HTTPException(404)
    return Response(word, media_type="text/plain")


@router.get("/recordings/{recording_id}/report.pdf")
def report(request: Request, visit: Seer, recording_id: Number) -> Response:
    """The report of the scores that the recording's page shows."""
    site = site_of(request)
    with transaction(site.engine) as session:
        key = history.document_key(session, recording_id)
        if key is not None:
            patient = patient_of(session, {"recording_id": str(recording_id)})
            _record_document(session, visit, "report", patient, recording=recording_id)
    return _pdf(_stored(site.storage, key), f"recording-{recording_id}.pdf")


@router.get("/kept/{kept_id}.pdf")
def kept(request: Request, visit: Seer, kept_id: Number) -> Response:
    """A document that was received."""
    site = site_of(request)
    with transaction(site.engine) as session:
        key = history.kept_document_key(session, kept_id)
        if key is not None:
            patient = patient_of(session, {"kept_id": str(kept_id)})
            _record_document(session, visit, "received document", patient, document=kept_id)
    try:
        content = read_pdf(site.storage.path(key)) if key else None
    except (FileNotFoundError, NotAPdfError):
        content = None
    if content is None:
        raise HTTPException(404)
    return _pdf(content, f"document-{kept_id}.pdf")


def _given(session: Session, patient_id: int) -> dict[int, Rated]:
    """What raters gave up to now, by the number of the recording."""
    now = dt.datetime.now(dt.UTC)
    return {one: rated(session, one, now) for one in history.rated_recordings(session, patient_id)}


def _worklist(request: Request, visit: Visit, text: str, state: RecordingState | None = None) -> Response:
    with transaction(site_of(request).engine) as session:
        made = make_worklist(session, text, state)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.PATIENTS_LISTED,
            patients=len(made.patients),
            searched=bool(text),
        )
        return page(request, "worklist.html", page=made, version=worklist.worklist_version(session))


def _record_document(
    session: Session,
    visit: Visit,
    what: str,
    patient: int | None,
    *,
    recording: int | None = None,
    document: int | None = None,
) -> None:
    audit.record(
        session,
        visit.visitor.actor,
        AuditEventKind.DOCUMENT_VIEWED,
        patient=patient,
        recording=recording,
        document=document,
        what=what,
    )


def _pdf(content: bytes, name: str) -> Response:
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": DOCUMENT_POLICY,
    }
    return Response(content, media_type="application/pdf", headers=headers)


def _stored(storage: Storage, key: str | None) -> bytes:
    if key is None:
        raise HTTPException(404)
    try:
        return storage.read(key)
    except FileNotFoundError:
        raise HTTPException(404) from None


def _searches(request: Request) -> Searches:
    searches: Searches = request.app.state.searches
    return searches
