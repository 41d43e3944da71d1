"""The pages about bundles: which there are, how wrong they are, which one grades, who wanted it so."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.bundle import DamagedBundleError
from grading.errors import PermanentError
from service import activating
from service.access.roles import Right
from service.bundles import BundleScaleError, NotInstalledError, installed_folder
from service.database import transaction
from service.records import activations, audit, regrading
from service.records.activations import ActivatedMeanwhileError, AlreadyActiveError
from service.records.audit_events import AuditEventKind
from service.records.bundle_comparison import compare_bundles
from service.records.bundle_use import adoptable, use_of_bundles
from service.records.models import Bundle
from service.records.regrading import RegradingError
from service.web.access import MOST, Allow, Visit, row_number
from service.web.bundle_pages import bundle_in_full, comparison, overview
from service.web.forms import SEEN_FIELD, Form, posted
from service.web.rendering import page
from service.web.site import site_of

MOST_COMPARED = 2000
"""Recordings whose scores by two bundles a page compares: all of a large archive would take seconds."""

router = APIRouter(prefix="/admin/bundles")
Number = Annotated[int, Path(ge=1, le=MOST)]
Administrator = Annotated[Visit, Depends(Allow(Right.ADMINISTER))]
Posted = Annotated[Form, Depends(posted)]

PROBLEMS: dict[type[PermanentError], str] = {
    AlreadyActiveError: "This bundle grades already. Nothing was changed.",
    ActivatedMeanwhileError: "Somebody else activated a bundle meanwhile. Nothing was changed: look at what "
    "grades now, and decide again.",
    NotInstalledError: "The files of this bundle are not in the data folder. Nothing was changed: install it "
    "again from its folder.",
    DamagedBundleError: "The files of this bundle were changed, or another version of Facialis wrote them. "
    "Nothing was changed: install it again from its folder.",
    BundleScaleError: "This bundle predicts another scale than eFACE, which alone is shown here. Nothing was "
    "changed.",
    RegradingError: "This regrading has ended meanwhile.",
}
"""What is said of errors; the errors' own words, which name files, stand below."""
NOT_DONE = "This could not be done. Nothing was changed."


@router.get("")
def bundles(request: Request, visit: Administrator) -> Response:
    """Every bundle, which one grades, how far the archive is, and who activated what."""
    return _list(request)


@router.get("/compare")
def compare(request: Request, visit: Administrator) -> Response:
    """Two bundles by their cross-validation, and by the recordings that both have graded."""
    before, after = (row_number(request.query_params.get(name, "")) for name in ("before", "after"))
    if before is None or after is None:
        raise HTTPException(404)
    site = site_of(request)
    with transaction(site.engine) as session:
        one, other = _row(session, before), _row(session, after)
        return page(
            request,
            "bundle_comparison.html",
            before=one,
            after=other,
            cohorts=comparison(session, site.storage, site.settings, one, other),
            MOST_COMPARED=MOST_COMPARED,
            scores=compare_bundles(session, one, other, MOST_COMPARED) if before != after else [],
        )


@router.post("/regradings/{run_id}/pause")
def pause(request: Request, visit: Administrator, run_id: Number, form: Posted) -> Response:
    """Let a regrading rest."""
    return _rest(request, visit, run_id, regrading.pause)


@router.post("/regradings/{run_id}/resume")
def resume(request: Request, visit: Administrator, run_id: Number, form: Posted) -> Response:
    """Let a regrading go on."""
    return _rest(request, visit, run_id, regrading.resume)


@router.get("/{bundle_id}")
def bundle(request: Request, visit: Administrator, bundle_id: Number) -> Response:
    """What a bundle is, what it was trained on and how wrong it is."""
    return _bundle(request, bundle_id)


@router.get("/{bundle_id}/activate")
def decide(request: Request, visit: Administrator, bundle_id: Number) -> Response:
    """What follows from activating a bundle, before it is done."""
    return _decision(request, bundle_id)


@router.post("/{bundle_id}/activate")
def activate(request: Request, visit: Administrator, bundle_id: Number, form: Posted) -> Response:
    """Let a bundle grade what comes in."""
    site = site_of(request)
    try:
        with transaction(site.engine) as session:
            activating.activate(
                session,
                visit.visitor.actor,
                site.storage,
                site.settings,
                _row(session, bundle_id),
                form.text("reason"),
                seen=row_number(form.text(SEEN_FIELD)) or 0,
            )
    except PermanentError as error:
        return _decision(request, bundle_id, error)
    return RedirectResponse("/admin/bundles", 303)


@router.post("/{bundle_id}/regrade")
def regrade(request: Request, visit: Administrator, bundle_id: Number, form: Posted) -> Response:
    """Have the archive graded by a bundle, beside the gradings that count."""
    site = site_of(request)
    said = form.text("since")
    try:
        since = dt.date.fromisoformat(said) if said else None
    except ValueError:
        return _bundle(request, bundle_id, 422, problem="This is no day. Nothing was changed.")
    try:
        with transaction(site.engine) as session:
            row = _row(session, bundle_id)
            model = activating.make_ready(site.storage, site.settings, row.hash)
            folder = installed_folder(site.storage, row.hash).resolve()
            run = regrading.start(session, model, folder, since)
            audit.record(
                session,
                visit.visitor.actor,
                AuditEventKind.RECORDING_REGRADED,
                regrading=run.id,
                bundle=row.hash,
            )
    except PermanentError as error:
        return _bundle(request, bundle_id, 422, problem=_said(error), detail=str(error))
    return RedirectResponse("/admin/bundles", 303)


@router.get("/{bundle_id}/adopt")
def decide_adoption(request: Request, visit: Administrator, bundle_id: Number) -> Response:
    """What changes if the gradings of a bundle are to count, before it is done."""
    with transaction(site_of(request).engine) as session:
        row = _row(session, bundle_id)
        counting = adoptable(session, bundle_id)
        return page(
            request,
            "bundle_adoption.html",
            bundle=row,
            counting=counting,
            MOST_COMPARED=MOST_COMPARED,
            recordings=sum(recordings for _, recordings in counting),
            before=counting[0][0] if counting else None,
            scores=compare_bundles(session, counting[0][0], row, MOST_COMPARED) if counting else [],
        )


@router.post("/{bundle_id}/adopt")
def adopt(request: Request, visit: Administrator, bundle_id: Number, form: Posted) -> Response:
    """Let a bundle's gradings count where it has graded."""
    with transaction(site_of(request).engine) as session:
        row = _row(session, bundle_id)
        changed = regrading.adopt(session, bundle_id)
        kind = AuditEventKind.BUNDLE_ADOPTED
        audit.record(session, visit.visitor.actor, kind, bundle=row.hash, recordings=changed)
    return _list(request, adopted=(row, changed))


def _list(
    request: Request,
    status: int = 200,
    *,
    adopted: tuple[Bundle, int] | None = None,
    problem: str | None = None,
) -> Response:
    site = site_of(request)
    with transaction(site.engine) as session:
        return page(
            request,
            "bundles.html",
            status,
            overview=overview(session, site.storage, site.settings),
            regradings=regrading.progress(session),
            history=activations.history(session),
            adopted=adopted,
            problem=problem,
        )


def _bundle(
    request: Request,
    bundle_id: int,
    status: int = 200,
    *,
    problem: str | None = None,
    detail: str | None = None,
) -> Response:
    site = site_of(request)
    with transaction(site.engine) as session:
        shown = bundle_in_full(session, site.storage, site.settings, _row(session, bundle_id))
        return page(request, "bundle.html", status, shown=shown, problem=problem, detail=detail)


def _decision(request: Request, bundle_id: int, error: PermanentError | None = None) -> Response:
    site = site_of(request)
    with transaction(site.engine) as session:
        row = _row(session, bundle_id)
        return page(
            request,
            "bundle_activation.html",
            422 if error else 200,
            shown=bundle_in_full(session, site.storage, site.settings, row),
            use=use_of_bundles(session),
            problem=_said(error) if error else None,
            detail=str(error) if error else None,
        )


def _rest(request: Request, visit: Visit, run_id: int, act: Callable[[Session, int], object]) -> Response:
    try:
        with transaction(site_of(request).engine) as session:
            act(session, run_id)
            kind = AuditEventKind.RECORDING_REGRADED
            audit.record(session, visit.visitor.actor, kind, regrading=run_id, change=act.__name__)
    except RegradingError as error:
        return _list(request, 422, problem=_said(error))
    return RedirectResponse("/admin/bundles", 303)


def _row(session: Session, number: int) -> Bundle:
    row = session.get(Bundle, number)
    if row is None:
        raise HTTPException(404)
    return row


def _said(error: PermanentError) -> str:
    return PROBLEMS.get(type(error), NOT_DONE)
