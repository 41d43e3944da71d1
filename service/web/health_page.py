"""How the installation does, for administrators: parts, constancy, work, processes, disks, peers."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service import health
from service.access.roles import Right
from service.constancy import largest
from service.database import transaction
from service.records import circuits, constancy
from service.records.constancy import NoSuchCheckError
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, posted
from service.web.latest import Latest
from service.web.rendering import message, page
from service.web.site import site_of

ADDRESS = "/admin/health"
CHECKS = 14
"""Of constancy that are listed: two weeks."""

router = APIRouter(prefix=ADDRESS)
Number = Annotated[int, Path(ge=1, le=MOST)]
Administrator = Annotated[Visit, Depends(Allow(Right.ADMINISTER))]
Watcher = Annotated[Visit, Depends(Allow(Right.ADMINISTER, by_itself=True))]
Posted = Annotated[Form, Depends(posted)]


@router.get("")
def show(request: Request, visit: Administrator) -> Response:
    """How the installation does."""
    return _show(request, None)


@router.get("/version")
def version(request: Request, visit: Watcher) -> Response:
    """A word that changes whenever the page does."""
    site = site_of(request)

    def look() -> str:
        with transaction(site.engine) as session:
            return health.look(session, site.settings).version

    return Response(_latest(request).version(look), media_type="text/plain")


@router.post("/test")
def test(request: Request, visit: Administrator, form: Posted) -> Response:
    """Ask a destination or source whether it is there."""
    tested = health.ask_peer(site_of(request).settings, form.text("peer"))
    if tested is None:
        raise HTTPException(404)
    return _show(request, tested)


@router.post("/constancy")
def check_now(request: Request, visit: Administrator, form: Posted) -> Response:
    """Have a worker check constancy now."""
    with transaction(site_of(request).engine) as session:
        constancy.ask(session, visit.visitor.name)
    return RedirectResponse(f"{ADDRESS}#constancy", 303)


@router.post("/constancy/{check_id}/accept")
def accept(request: Request, visit: Administrator, check_id: Number, form: Posted) -> Response:
    """Take the scores of a check as right."""
    try:
        with transaction(site_of(request).engine) as session:
            constancy.accept(session, check_id, visit.visitor.actor)
    except NoSuchCheckError as error:
        return message(request, "Not done", str(error), 409, back=ADDRESS)
    return RedirectResponse(f"{ADDRESS}#constancy", 303)


def _show(request: Request, tested: health.Finding | None) -> Response:
    site = site_of(request)
    with transaction(site.engine) as session:
        found = health.look(session, site.settings)
        _latest(request).seen(found.version)
        return page(
            request,
            "admin_health.html",
            health=found,
            version=found.version,
            peers=health.peers(site.settings),
            askers=health.askers(site.settings),
            resting=circuits.open_circuits(session),
            tested=tested,
            checks=[(check, largest(check.compared)) for check in constancy.latest(session, CHECKS)],
            daily=site.settings.constancy,
        )


def _latest(request: Request) -> Latest:
    latest: Latest = request.app.state.health
    return latest
