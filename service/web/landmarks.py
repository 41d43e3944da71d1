"""The pages on which points of a photo are marked, and what is measured by them.

Clinicians share one set of points per photo. A rater marks the photos of an assignment, sees nobody else's
points, and in blind work not even which side is affected; nothing on the page comes from a grading.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading import distances, landmarks
from grading.framing import VIEW
from grading.landmark_models import LandmarkModel
from grading.landmarks import POINTS, LandmarkError, Place, Points
from grading.protocols import PROTOCOLS
from service import marked_points
from service.access.roles import Right
from service.database import transaction
from service.marked_points import SHARED, Begun, shown_photos
from service.records import assignments, audit, history
from service.records.audit_events import AuditEventKind
from service.records.models import Assignment, Landmarks, Photo, Recording
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, StaleFormError, posted
from service.web.rendering import page
from service.web.site import site_of

FINISHED = "this recording is finished: open it again to move its points"

router = APIRouter()
SHARED_PLACE = "/recordings/{recording_id}/landmarks"
OWN_PLACE = "/annotate/{assignment_id}/landmarks"
Number = Annotated[int, Path(ge=1, le=MOST)]
Changer = Annotated[Visit, Depends(Allow(Right.CHANGE))]
Annotator = Annotated[Visit, Depends(Allow(Right.ANNOTATE))]
Posted = Annotated[Form, Depends(posted)]


@router.get(f"{SHARED_PLACE}/measures.csv")
def table(request: Request, visit: Changer, recording_id: Number) -> Response:
    """What the points of a recording's photos measure, as a table."""
    with transaction(site_of(request).engine) as session:
        recording = _recording(session, recording_id)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.DATA_EXPORTED,
            patient=recording.patient_key,
            recording=recording_id,
            what="distances",
        )
        content = marked_points.measures_csv(session, recording)
    headers = {"Content-Disposition": f'attachment; filename="recording-{recording_id}-distances.csv"'}
    return Response(content, media_type="text/csv", headers=headers)


@router.get(f"{SHARED_PLACE}/{{photo_id}}")
def show(request: Request, visit: Changer, recording_id: Number, photo_id: Number) -> Response:
    """A photo with the clinicians' points, to be moved, and the measures."""
    with transaction(site_of(request).engine) as session:
        recording = _recording(session, recording_id)
        return _shown(request, session, visit, recording, _photo(recording, photo_id))


@router.post(f"{SHARED_PLACE}/{{photo_id}}")
def save(request: Request, visit: Changer, recording_id: Number, photo_id: Number, form: Posted) -> Response:
    """Keep the points of a photo."""
    with transaction(site_of(request).engine) as session:
        recording = _recording(session, recording_id)
        photo = _photo(recording, photo_id)
        points = _sent(form)
        problem = _keep(request, session, visit, photo, points, form)
        if problem:
            return _shown(request, session, visit, recording, photo, problem=problem, sent=points)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.RECORDING_CHANGED,
            patient=recording.patient_key,
            recording=recording_id,
            change="landmarks",
            photo=photo_id,
        )
    return RedirectResponse(f"/recordings/{recording_id}/landmarks/{photo_id}", 303)


@router.get(f"{OWN_PLACE}/{{number}}")
def show_own(request: Request, visit: Annotator, assignment_id: Number, number: Number) -> Response:
    """The photo at one place of a rater's series with his or her own points."""
    with transaction(site_of(request).engine) as session:
        assignment = _own(session, visit, assignment_id)
        photo = _at(assignment.recording, number)
        return _shown(request, session, visit, assignment.recording, photo, assignment=assignment)


@router.post(f"{OWN_PLACE}/{{number}}")
def save_own(
    request: Request, visit: Annotator, assignment_id: Number, number: Number, form: Posted
) -> Response:
    """Keep a rater's own points of a photo."""
    with transaction(site_of(request).engine) as session:
        assignment = _own(session, visit, assignment_id)
        recording = assignment.recording
        photo = _at(recording, number)
        points = _sent(form)
        problem = (
            FINISHED
            if assignment.finished_at
            else _keep(request, session, visit, photo, points, form, own=assignment_id)
        )
        if problem:
            return _shown(
                request, session, visit, recording, photo, assignment=assignment, problem=problem, sent=points
            )
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.ANNOTATION_SAVED,
            patient=recording.patient_key,
            recording=recording.id,
            change="landmarks",
            photo=photo.id,
        )
    return RedirectResponse(f"/annotate/{assignment_id}/landmarks/{number}", 303)


def _shown(
    request: Request,
    session: Session,
    visit: Visit,
    recording: Recording,
    photo: Photo,
    *,
    assignment: Assignment | None = None,
    problem: str | None = None,
    sent: Points | None = None,
) -> Response:
    """The page; with a ``problem`` the points stand as they were ``sent``, as far as that is in the photo."""
    audit.record_photo_view(session, visit.visitor.actor, recording.id)
    own = assignment.id if assignment else SHARED
    settings = site_of(request).settings.landmarks
    begun = _begun(request, photo)
    kept = marked_points.kept_points(session, photo, own)
    points = {**begun.places, **(marked_points.places_of(kept) if kept else {})}
    points |= {point: place for point, place in (sent or {}).items() if landmarks.is_within(place)}
    scale = marked_points.scale_of(session, recording, own)
    affected = None if assignment and assignment.blind else marked_points.affected_side(recording)
    return page(
        request,
        "landmarks.html",
        422 if problem else 200,
        place=_place(recording, assignment),
        photo=photo,
        photos=shown_photos(recording),
        poses=PROTOCOLS[recording.protocol].by_code,
        points={point: (POINTS[point], *points[point]) for point in POINTS},
        hollow=[point for point in POINTS if point not in (kept.points if kept else begun.found)],
        kept=kept,
        version=_version(kept),
        size=VIEW.width,
        scale=scale,
        affected=affected,
        iris=distances.IRIS_MM,
        measures=distances.measure(marked_points.places_of(kept), scale, affected) if kept else (),
        models=_choices(marked_points.model_choices(settings), begun.model),
        fault=begun.fault,
        problem=problem,
    )


def _keep(
    request: Request,
    session: Session,
    visit: Visit,
    photo: Photo,
    points: Points,
    form: Form,
    own: int = SHARED,
) -> str | None:
    """Keep the points; what is wrong with them, None where they were kept."""
    session.refresh(photo, with_for_update={"of": Photo})
    try:
        form.check_seen(_version(marked_points.kept_points(session, photo, own)))
        marked_points.keep(session, photo, points, _begun(request, photo), visit.visitor.name, own)
    except (LandmarkError, StaleFormError) as error:
        return str(error)
    return None


def _version(kept: Landmarks | None) -> str:
    return kept.marked_at.isoformat() if kept else ""


def _begun(request: Request, photo: Photo) -> Begun:
    site = site_of(request)
    try:
        return marked_points.begin(site.storage, photo, marked_points.chosen_model(site.settings.landmarks))
    except OSError:
        raise HTTPException(404) from None


def _place(recording: Recording, assignment: Assignment | None) -> Mapping[str, Any]:
    """Where a page's links lead to: whose points they are, by which numbers photos are known there."""
    poses = PROTOCOLS[recording.protocol].by_code
    photos = shown_photos(recording)
    if assignment:
        home = f"/annotate/{assignment.id}"
        numbers = {photo.id: poses[photo.pose or ""].number for photo in photos}
    else:
        home = f"/recordings/{recording.id}"
        numbers = {photo.id: photo.id for photo in photos}
    return {
        "home": home,
        "own": assignment is not None,
        "recording": recording.id,
        "pages": {photo: f"{home}/landmarks/{number}" for photo, number in numbers.items()},
        "pictures": {photo: f"{home}/photos/{number}" for photo, number in numbers.items()},
    }


def _choices(models: tuple[LandmarkModel, ...], used: LandmarkModel) -> list[tuple[LandmarkModel, bool, int]]:
    """Each model that could be set, whether it is used, and how many of all points it finds."""
    return [(model, model.id == used.id, len(model.points)) for model in models]


def _recording(session: Session, recording_id: int) -> Recording:
    recording = history.recording_in_full(session, recording_id)
    if recording is None:
        raise HTTPException(404)
    return recording


def _photo(recording: Recording, photo_id: int) -> Photo:
    found = next((photo for photo in shown_photos(recording) if photo.id == photo_id), None)
    if found is None:
        raise HTTPException(404)
    return found


def _own(session: Session, visit: Visit, assignment_id: int) -> Assignment:
    found = assignments.find(session, visit.visitor.name, assignment_id)
    if found is None:
        raise HTTPException(404)
    return found


def _at(recording: Recording, number: int) -> Photo:
    """The photo at a place of the series; of several the last that is prepared, as the rater's page shows."""
    poses = PROTOCOLS[recording.protocol].by_code
    there = [photo for photo in shown_photos(recording) if poses[photo.pose or ""].number == number]
    if not there:
        raise HTTPException(404)
    return there[-1]


def _sent(form: Form) -> dict[str, Place]:
    return {point: (_pixels(form, "x", point), _pixels(form, "y", point)) for point in POINTS}


def _pixels(form: Form, axis: str, point: str) -> float:
    try:
        return float(form.text(f"{axis}-{point}"))
    except ValueError:
        return math.nan
