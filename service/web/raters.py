"""The pages about raters: what they are given, how far they are, how far they agree, and settling.

No rater opens them, so that nobody who grades blind sees what others gave.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.annotations import Annotation
from grading.errors import FacialisError
from grading.raters import agreement
from grading.scales import SCALES, Item, ScoreError, find_item
from service.access.accounts import list_accounts
from service.access.roles import Right, Role
from service.database import DatabaseUnavailableError, transaction
from service.records import assignments, audit, history, ratings
from service.records.audit_events import AuditEventKind
from service.records.models import Recording
from service.web.access import MOST, Allow, Visit
from service.web.bland_altman import plot_pairs
from service.web.forms import SEEN_FIELD, Form, StaleFormError, posted
from service.web.number_lists import read_numbers
from service.web.rendering import page
from service.web.site import site_of

MOST_GIVEN = 2000
RESAMPLINGS = 300
SHARES = (0, 10, 20)

router = APIRouter(prefix="/raters")
Number = Annotated[int, Path(ge=1, le=MOST)]
ItemId = Annotated[str, Path(max_length=8)]
Leader = Annotated[Visit, Depends(Allow(Right.RATERS))]
Posted = Annotated[Form, Depends(posted)]


@router.get("")
def raters(request: Request, visit: Leader) -> Response:
    """Who is how far, where raters differ, and recordings to give."""
    return _raters(request)


@router.post("")
def give(request: Request, visit: Leader, form: Posted) -> Response:
    """Give recordings to raters."""
    try:
        wanted = read_numbers(form.text("recordings"), MOST_GIVEN)
        share = form.text("repeated")
        with transaction(site_of(request).engine) as session:
            made = assignments.give(
                session,
                visit.visitor.actor,
                form.texts("rater"),
                assignments.scorable(session, wanted, MOST_GIVEN),
                [scale for scale in SCALES if scale in form.texts("scale")],
                blind=form.text("blind") == "yes",
                repeated=int(share) / 100 if share in map(str, SHARES) else 0,
            )
    except FacialisError as error:
        if isinstance(error, DatabaseUnavailableError):
            raise
        return _raters(request, 422, problem=str(error))
    return _raters(request, made=made)


@router.get("/agreement")
def agree(request: Request, visit: Leader) -> Response:
    """How far the raters agree on each item, and each with themselves."""
    with transaction(site_of(request).engine) as session:
        everything = ratings.all_ratings(session, again=True)
    names = sorted({one.rater for one in everything if not one.rater.endswith(ratings.AGAIN)})
    chosen = [name for name in request.query_params.getlist("rater") if name in names] or names
    between = [one for one in everything if one.rater in chosen]
    again = [
        (name, agreement(pair, draws=RESAMPLINGS))
        for name in chosen
        if (pair := _with_itself(everything, name))
    ]
    return page(
        request,
        "rater_agreement.html",
        raters=names,
        chosen=chosen,
        between=agreement(between, draws=RESAMPLINGS) if len(chosen) > 1 else {},
        again=again,
        find_item=find_item,
        known=lambda value: value is not None and not math.isnan(value),
    )


@router.get("/agreement/{item_id}")
def pairs(request: Request, visit: Leader, item_id: ItemId) -> Response:
    """How every two raters differ on one item."""
    try:
        item = find_item(item_id)
    except ScoreError:
        raise HTTPException(404) from None
    with transaction(site_of(request).engine) as session:
        everything = ratings.all_ratings(session, again=True)
    names = sorted({one.rater for one in everything if item.id in one.scores})
    plots = [
        (one, other, plot)
        for one, other in combinations(names, 2)
        if (plot := plot_pairs(item, *_both(everything, item, one, other)))
    ]
    return page(request, "rater_pairs.html", item=item, plots=plots)


@router.get("/settle/{recording_id}")
def show_settling(request: Request, visit: Leader, recording_id: Number) -> Response:
    """One recording's photos with what each rater gave."""
    return _settling(request, visit, recording_id)


@router.post("/settle/{recording_id}")
def settle(request: Request, visit: Leader, recording_id: Number, form: Posted) -> Response:
    """Settle scores; an empty field settles nothing."""
    try:
        with transaction(site_of(request).engine) as session:
            recording = session.get(Recording, recording_id, with_for_update={"of": Recording})
            if recording is None:
                raise HTTPException(404)
            # What a rater finished meanwhile stood not on the page, and is left as it is.
            shown = [
                one
                for one in ratings.differences(session, recording_id)
                if f"score-{one.item.id}" in form.fields
            ]
            for one in shown:
                form.check_seen(_written(one.settled), f"{SEEN_FIELD}-{one.item.id}")
            scores = {one.item.id: _points(form.text(f"score-{one.item.id}")) for one in shown}
            ratings.settle(session, visit.visitor.actor, recording, scores)
    except (ScoreError, StaleFormError) as error:
        return _settling(request, visit, recording_id, 422, problem=str(error))
    return RedirectResponse("/raters", 303)


def _raters(
    request: Request, status: int = 200, *, made: int | None = None, problem: str | None = None
) -> Response:
    with transaction(site_of(request).engine) as session:
        people = [
            account.name
            for account in list_accounts(session)
            if Role.RATER in account.roles and account.disabled_at is None
        ]
        return page(
            request,
            "raters.html",
            status,
            progress=assignments.progress(session),
            people=people,
            scales=SCALES,
            shares=SHARES,
            differing=ratings.to_settle(session, ratings.all_ratings(session)),
            made=made,
            problem=problem,
        )


def _settling(
    request: Request, visit: Visit, recording_id: int, status: int = 200, *, problem: str | None = None
) -> Response:
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
        found = ratings.differences(session, recording_id)
        return page(
            request,
            "settle.html",
            status,
            recording=recording,
            differences=sorted(found, key=lambda one: not one.wide),
            raters=sorted({name for one in found for name in one.given}),
            problem=problem,
            written=_written,
        )


def _with_itself(everything: Sequence[Annotation], name: str) -> list[Annotation]:
    """A rater's annotations of the recordings that he or she scored twice."""
    again = [one for one in everything if one.rater == f"{name}{ratings.AGAIN}"]
    twice = {one.session for one in again}
    return [one for one in everything if one.rater == name and one.session in twice] + again if again else []


def _both(
    everything: Sequence[Annotation], item: Item, one: str, other: str
) -> tuple[list[float], list[float]]:
    """The scores of an item by two raters, of the recordings that both scored."""
    given = {
        name: {
            row.session: row.scores[item.id]
            for row in everything
            if row.rater == name and item.id in row.scores
        }
        for name in (one, other)
    }
    shared = [recording for recording in given[one] if recording in given[other]]
    return [given[one][recording] for recording in shared], [given[other][recording] for recording in shared]


def _written(score: float | None) -> str:
    return "" if score is None else f"{score:g}"


def _points(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
