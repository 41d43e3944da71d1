"""The pages for raters: what they are to score, and one recording's photos with its items.

No page or address of a rater tells whose recording it is; an address names the rater's own assignment. Scores
are saved one by one by `static/annotate.js`.
"""

import math
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from grading.scales import SCALES
from service.access.roles import Right
from service.database import transaction
from service.records import annotating, assignments, audit
from service.records.annotating import ScoreChangedError, ScoreNotTakenError
from service.records.models import Assignment
from service.web.access import MOST, Allow, Visit, row_number
from service.web.annotation_page import make_annotation_page, shown_photos
from service.web.forms import Form, posted
from service.web.rendering import page, words_for
from service.web.site import site_of

OPEN_SHOWN = 50

router = APIRouter(prefix="/annotate")
Number = Annotated[int, Path(ge=1, le=MOST)]
Annotator = Annotated[Visit, Depends(Allow(Right.ANNOTATE))]
Posted = Annotated[Form, Depends(posted)]


@router.get("")
def tasks(request: Request, visit: Annotator) -> Response:
    """What the rater is to score, and what may be taken up."""
    with transaction(site_of(request).engine) as session:
        given = assignments.tasks_of(session, visit.visitor.name)
        free = assignments.unassigned(session, visit.visitor.name, OPEN_SHOWN)
        return page(
            request, "annotations.html", tasks=given, free=free, scales=SCALES, most=OPEN_SHOWN, problem=None
        )


@router.post("/open")
def take_up(request: Request, visit: Annotator, form: Posted) -> Response:
    """Begin with a recording that nobody gave the rater."""
    number, chosen = row_number(form.text("recording")), form.texts("scale")
    scales = [scale for scale in SCALES if scale in chosen]
    if number is None or not scales:
        return RedirectResponse("/annotate", 303)
    with transaction(site_of(request).engine) as session:
        made = assignments.begin(
            session,
            visit.visitor.actor,
            visit.visitor.name,
            number,
            scales,
            blind=form.text("blind") == "yes",
        )
    return RedirectResponse(f"/annotate/{made.id}" if made else "/annotate", 303)


@router.get("/{assignment_id}")
def annotate(request: Request, visit: Annotator, assignment_id: Number) -> Response:
    """One recording to score."""
    with transaction(site_of(request).engine) as session:
        assignment = _own(session, visit, assignment_id)
        order = [task.assignment for task in assignments.tasks_of(session, visit.visitor.name)]
        audit.record_photo_view(session, visit.visitor.actor, assignment.recording_key)
        return page(request, "annotate.html", page=make_annotation_page(session, assignment, order))


@router.get("/{assignment_id}/state")
def state(request: Request, visit: Annotator, assignment_id: Number) -> Response:
    """The scores on record, and the token with which this browser's page may send further ones."""
    with transaction(site_of(request).engine) as session:
        assignment = _own(session, visit, assignment_id)
        return JSONResponse(
            {"token": visit.form_token, "scores": annotating.given_scores(session, assignment)}
        )


@router.get("/{assignment_id}/photos/{number}")
def photo(request: Request, visit: Annotator, assignment_id: Number, number: Number) -> Response:
    """The photo at one place of the series."""
    site = site_of(request)
    with transaction(site.engine) as session:
        assignment = _own(session, visit, assignment_id)
        audit.record_photo_view(session, visit.visitor.actor, assignment.recording_key)
        found = {one.pose.number: one.photo for one in shown_photos(assignment)}.get(number)
    if found is None or found.view_key is None:
        raise HTTPException(404)
    try:
        return Response(site.storage.read(found.view_key), media_type="image/jpeg")
    except FileNotFoundError:
        raise HTTPException(404) from None


@router.post("/{assignment_id}/scores")
def save(request: Request, visit: Annotator, assignment_id: Number, form: Posted) -> Response:
    """Save one score, or take it back where ``value`` is empty; answers how far the rater is.

    409 with the present value where it is not what the page last knew (``was``); 422 where it is not taken.
    """
    item, told = form.text("item"), words_for(request).told
    try:
        with transaction(site_of(request).engine) as session:
            assignment = _own(session, visit, assignment_id, lock=True)
            annotating.save_score(
                session,
                visit.visitor.actor,
                assignment,
                item,
                _points(form.text("value")),
                _points(form.text("was")),
            )
            scores = annotating.given_scores(session, assignment)
    except ScoreChangedError as error:
        return JSONResponse({"error": error.code, "message": told(str(error)), "value": error.value}, 409)
    except ScoreNotTakenError as error:
        return JSONResponse({"error": error.code, "message": told(str(error))}, 422)
    wanted = assignments.wanted_items(assignment.scales)
    derived = annotating.derived_scores(assignment.scales, scores)
    return JSONResponse(
        {
            "scored": sum(one.id in scores for one in wanted),
            "wanted": len(wanted),
            "derived": {f"{one.formula}.{one.id}": one.value for one in derived},
        }
    )


@router.post("/{assignment_id}/finished")
def finished(request: Request, visit: Annotator, assignment_id: Number, form: Posted) -> Response:
    """Say that the recording is done, and go on to the next; or open it again."""
    done = form.text("finished") == "yes"
    with transaction(site_of(request).engine) as session:
        assignment = _own(session, visit, assignment_id, lock=True)
        assignments.finish(session, visit.visitor.actor, assignment, finished=done)
        order = [task.assignment for task in assignments.tasks_of(session, visit.visitor.name)]
        following = make_annotation_page(session, assignment, order).following
    if not done:
        return RedirectResponse(f"/annotate/{assignment_id}", 303)
    return RedirectResponse(f"/annotate/{following}" if following else "/annotate", 303)


def _own(session: Session, visit: Visit, assignment_id: int, *, lock: bool = False) -> Assignment:
    found = assignments.find(session, visit.visitor.name, assignment_id, lock=lock)
    if found is None:
        raise HTTPException(404)
    return found


def _points(text: str) -> float | None:
    """A number as it was sent; what is none is NaN, which no item takes."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return math.nan
