"""The page on which points of a photo are marked, and what is measured by them."""

import io
import math
from typing import Annotated, Literal, cast

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Path
from PIL import Image
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading import landmarks
from grading.framing import VIEW
from grading.landmarks import POINTS, LandmarkError, Place
from grading.protocols import PROTOCOLS
from service.access.roles import Right
from service.database import transaction
from service.records import audit, history
from service.records.audit_events import AuditEventKind
from service.records.models import Landmarks, Photo, Recording
from service.series import graded_photos
from service.storage import Storage
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, posted
from service.web.rendering import page
from service.web.site import site_of

REST = "REST"

router = APIRouter(prefix="/recordings/{recording_id}/landmarks")
Number = Annotated[int, Path(ge=1, le=MOST)]
Changer = Annotated[Visit, Depends(Allow(Right.CHANGE))]
Posted = Annotated[Form, Depends(posted)]


@router.get("/{photo_id}")
def show(request: Request, visit: Changer, recording_id: Number, photo_id: Number) -> Response:
    """A photo with its points, to be moved, and the measures."""
    return _shown(request, visit, recording_id, photo_id)


@router.post("/{photo_id}")
def save(request: Request, visit: Changer, recording_id: Number, photo_id: Number, form: Posted) -> Response:
    """Keep the points of a photo."""
    points = {point: (_pixels(form, "x", point), _pixels(form, "y", point)) for point in POINTS}
    try:
        landmarks.check_points(points)
        landmarks.scale_of_irises(points)
    except LandmarkError as error:
        return _shown(request, visit, recording_id, photo_id, 422, problem=str(error))
    with transaction(site_of(request).engine) as session:
        recording = _recording(session, recording_id)
        photo = _photo(recording, photo_id)
        row = {"points": points, "marked_by": visit.visitor.name, "marked_at": func.clock_timestamp()}
        session.execute(
            insert(Landmarks)
            .values(photo_key=photo.id, **row)
            .on_conflict_do_update(index_elements=["photo_key"], set_=row)
        )
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


def _shown(
    request: Request,
    visit: Visit,
    recording_id: int,
    photo_id: int,
    status: int = 200,
    *,
    problem: str | None = None,
) -> Response:
    site = site_of(request)
    with transaction(site.engine) as session:
        recording = _recording(session, recording_id)
        photo = _photo(recording, photo_id)
        audit.record_photo_view(session, visit.visitor.actor, recording_id)
        kept = session.get(Landmarks, photo.id)
        begin, found = landmarks.find_points(_pixels_of(site.storage, photo))
        points = _places(kept) if kept else begin
        scale = _scale(session, recording)
        side = recording.affected_side or (recording.surgery.side if recording.surgery else None)
        affected = cast(Literal["R", "L"], side) if side in ("R", "L") else None
        return page(
            request,
            "landmarks.html",
            status,
            recording=recording,
            photo=photo,
            photos=_photos(recording),
            poses=PROTOCOLS[recording.protocol].by_code,
            points={point: (POINTS[point], *points[point]) for point in POINTS},
            found=found,
            kept=kept,
            size=VIEW.width,
            scale=scale,
            affected=affected,
            iris=landmarks.IRIS_MM,
            measures=landmarks.measure(points, scale, affected) if kept else (),
            problem=problem,
        )


def _recording(session: Session, recording_id: int) -> Recording:
    recording = history.recording_in_full(session, recording_id)
    if recording is None:
        raise HTTPException(404)
    return recording


def _photos(recording: Recording) -> list[Photo]:
    """What can be looked at, in the order of the protocol."""
    known = PROTOCOLS[recording.protocol].by_code
    photos = [photo for photo in graded_photos(recording) if photo.view_key and photo.pose in known]
    return sorted(photos, key=lambda photo: known[photo.pose or REST].number)


def _photo(recording: Recording, photo_id: int) -> Photo:
    found = next((photo for photo in _photos(recording) if photo.id == photo_id), None)
    if found is None:
        raise HTTPException(404)
    return found


def _scale(session: Session, recording: Recording) -> float | None:
    """Millimetres per pixel by the irises at rest; None until the points of that photo were saved."""
    rest = next((photo for photo in _photos(recording) if photo.pose == REST), None)
    kept = session.get(Landmarks, rest.id) if rest else None
    return landmarks.scale_of_irises(_places(kept)) if kept else None


def _places(kept: Landmarks) -> dict[str, Place]:
    return {point: (float(x), float(y)) for point, (x, y) in kept.points.items()}


def _pixels_of(storage: Storage, photo: Photo) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(storage.read(photo.view_key or ""))) as image:
            return np.asarray(image.convert("RGB"))
    except OSError:
        raise HTTPException(404) from None


def _pixels(form: Form, axis: str, point: str) -> float:
    try:
        return float(form.text(f"{axis}-{point}"))
    except ValueError:
        return math.nan
