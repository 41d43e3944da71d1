"""What a clinician does to a recording from its page. Each form leads back to the page, or says why not."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.errors import PermanentError
from grading.protocols import PROTOCOLS
from service import correcting
from service.access.roles import Right
from service.database import transaction
from service.records import audit, history, outbox
from service.records.audit_events import AuditEventKind
from service.records.models import Delivery, Photo, Recording
from service.series import pose_rules
from service.web.access import MOST, Allow, Visit, row_number
from service.web.forms import SEEN_FIELD, Form, posted
from service.web.rendering import message, page
from service.web.site import site_of

router = APIRouter(prefix="/recordings/{recording_id}")
Number = Annotated[int, Path(ge=1, le=MOST)]
Changer = Annotated[Visit, Depends(Allow(Right.CHANGE))]
Posted = Annotated[Form, Depends(posted)]

POSE_FIELD = "pose-"
UNDECIDED = "?"
"""In the place of a pose: nobody has said yet which the photo shows."""


@router.get("/photos")
def photos(request: Request, visit: Changer, recording_id: Number) -> Response:
    """Which photo shows which pose, to be corrected."""
    with transaction(site_of(request).engine) as session:
        recording = history.recording_in_full(session, recording_id)
        if recording is None:
            raise HTTPException(404)
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.RECORDING_VIEWED,
            patient=recording.patient_key,
            recording=recording_id,
        )
        poses = PROTOCOLS[recording.protocol].poses
        known = {pose.code: pose for pose in poses}
        ordered = sorted(
            recording.photos,
            key=lambda photo: (photo.excluded, known[photo.pose].number if photo.pose in known else 99),
        )
        return page(
            request,
            "photos.html",
            recording=recording,
            photos=ordered,
            poses=poses,
            known=known,
            shown=shown_pose,
            UNDECIDED=UNDECIDED,
            LEFT_OUT=correcting.LEFT_OUT,
            POSE_FIELD=POSE_FIELD,
            SEEN_FIELD=SEEN_FIELD,
        )


@router.post("/photos")
def correct_photos(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Take the poses of the photos as they were chosen."""
    chosen = {
        number: form.text(name)
        for name in form.fields
        if name.startswith(POSE_FIELD) and (number := row_number(name.removeprefix(POSE_FIELD)))
    }
    poses = {number: pose for number, pose in chosen.items() if pose != UNDECIDED}
    rules = pose_rules(site_of(request).settings)

    def act(session: Session) -> None:
        for photo in correcting.held(session, recording_id).photos:
            if photo.id in chosen:
                form.check_seen(shown_pose(photo), f"{SEEN_FIELD}-{photo.id}")
        correcting.correct_photos(session, recording_id, poses, rules, visit.visitor.actor)

    return _act(request, recording_id, act, back="/photos")


@router.post("/side")
def set_side(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Take the affected side as it was chosen."""
    rules = pose_rules(site_of(request).settings)

    def act(session: Session) -> None:
        form.check_seen(correcting.held(session, recording_id).affected_side or "")
        side = form.text("side") or None
        correcting.set_affected_side(session, recording_id, side, rules, visit.visitor.actor)

    return _act(request, recording_id, act)


@router.post("/again")
def grade_again(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Have the photos graded again."""
    rules = pose_rules(site_of(request).settings)
    actor = visit.visitor.actor
    return _act(
        request,
        recording_id,
        lambda session: correcting.grade_again(session, recording_id, rules, actor),
    )


@router.post("/retry")
def try_again(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Let what needed attention be tried again."""
    actor = visit.visitor.actor
    return _act(request, recording_id, lambda session: correcting.try_again(session, recording_id, actor))


@router.post("/reopen")
def reopen(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Let the series take further photos."""
    actor = visit.visitor.actor
    return _act(request, recording_id, lambda session: correcting.reopen(session, recording_id, actor))


@router.post("/close")
def close(request: Request, visit: Changer, recording_id: Number, form: Posted) -> Response:
    """Take the series as ended."""
    rules = pose_rules(site_of(request).settings)
    actor = visit.visitor.actor
    return _act(request, recording_id, lambda session: correcting.close(session, recording_id, rules, actor))


@router.post("/deliveries/{delivery_id}/retry")
def retry_delivery(
    request: Request, visit: Changer, recording_id: Number, delivery_id: Number, form: Posted
) -> Response:
    """Let a delivery that failed be tried again."""

    def act(session: Session) -> None:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.report.grading.recording_key != recording_id:
            raise HTTPException(404)
        outbox.retry_delivery(session, delivery_id, visit.visitor.actor)

    return _act(request, recording_id, act)


def shown_pose(photo: Photo) -> str:
    """What a photo's list of poses has chosen."""
    if photo.excluded:
        return correcting.LEFT_OUT
    known = PROTOCOLS[photo.recording.protocol].by_code
    return photo.pose if photo.pose in known else UNDECIDED


def _act(request: Request, recording_id: int, act: Callable[[Session], object], back: str = "") -> Response:
    """Do it and show the recording; on a refusal nothing is done, and a page says why."""
    address = f"/recordings/{recording_id}"
    try:
        with transaction(site_of(request).engine) as session:
            if session.get(Recording, recording_id) is None:
                raise HTTPException(404)
            act(session)
    except PermanentError as error:
        return message(request, "Not done", str(error), 409, back=f"{address}{back}")
    return RedirectResponse(address, 303)
