"""The pages as one app: its parts, and how refusals are answered. No address holds more about a patient than
a number."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from service.access.oidc import Provider
from service.constancy import standing
from service.database import DatabaseUnavailableError, transaction
from service.folder_imports import Imports
from service.settings import Settings
from service.storage import Storage
from service.web import (
    administration,
    annotating,
    breaking_glass,
    bundles,
    by_provider,
    health_page,
    importing,
    landmarks,
    patients,
    raters,
    recording_actions,
    reports,
    signing_in,
    timeline,
    users,
)
from service.web.access import GlassToBreak, Refused, SignInNeeded
from service.web.forms import FORGED
from service.web.guard import Guard
from service.web.latest import Latest
from service.web.rendering import STATIC_FOLDER, message
from service.web.searches import Searches
from service.web.site import Site, site_of


def make_app(engine: Engine, storage: Storage, settings: Settings) -> FastAPI:
    """The pages over one database and one storage, as the settings have them.

    A page of another site that points its own name here is refused: see `web.names` of the settings.
    """
    app = FastAPI(title="Facialis", docs_url=None, redoc_url=None, openapi_url=None)
    provider = Provider(settings.web.oidc) if settings.web.oidc else None
    app.state.site = Site(engine, storage, settings, provider)
    app.state.searches = Searches()
    app.state.imports = Imports()
    app.state.health = Latest()
    hosts = list(settings.web.allowed_hosts)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    failed = message(None, "Something went wrong", FAILED, 500)
    app.add_middleware(Guard, failed=failed, secure=settings.web.secure)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    parts = (
        signing_in,
        by_provider,
        patients,
        recording_actions,
        landmarks,
        reports,
        timeline,
        breaking_glass,
        annotating,
        raters,
        importing,
        administration,
        bundles,
        health_page,
        users,
    )
    for part in parts:
        app.include_router(part.router)
    app.get("/health")(health)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(DatabaseUnavailableError, _database_down)
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(GlassToBreak, _to_glass)
    return app


def health(request: Request) -> Response:
    """Whether the pages can do their work, and how constancy stands, for who watches the service.

    It is open, since it tells nothing else.
    """
    site = site_of(request)
    try:
        with transaction(site.engine) as session:
            constancy = standing(session, site.settings)
    except DatabaseUnavailableError as error:
        return JSONResponse({"database": "unavailable", "error": error.code}, 503)
    told = "overdue" if constancy.overdue else constancy.verdict.value
    return JSONResponse({"database": "reachable", "constancy": told})


FAILED = (
    "This page could not be made. The service has noted where it failed in its log; "
    "nothing that was received or graded is lost."
)
_ANSWERS = {
    404: ("Not found", "There is no such page, or what it showed is no longer there."),
    405: ("Not possible here", "This address does not take what was sent to it."),
    FORGED: (
        "Not taken",
        "This form was made for another session. Open its page again and send it from there.",
    ),
}


def _not_served(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    title, text = _ANSWERS.get(status, ("Not possible", "This request cannot be answered."))
    return message(request, title, text, status)


def _not_found(request: Request, error: Exception) -> Response:
    return message(request, *_ANSWERS[404], 404)


def _to_sign_in(request: Request, error: Exception) -> Response:
    place = request.url.path if request.method == "GET" else ""
    return RedirectResponse(f"/sign-in?next={place}" if place not in ("", "/") else "/sign-in", 303)


def _refused(request: Request, error: Exception) -> Response:
    text = "Your roles do not include this page. An administrator can change them."
    return message(request, "Not for your roles", text, 403)


def _to_glass(request: Request, error: Exception) -> Response:
    assert isinstance(error, GlassToBreak)  # noqa: S101 - narrows what is registered for it
    return RedirectResponse(f"/break-glass/{error.patient_id}", 303)


def _database_down(request: Request, error: Exception) -> Response:
    return message(
        request,
        "The database does not answer",
        "Photos that arrive are not lost: senders are told to try again. Start the service with "
        "“facialis up”, or start the PostgreSQL server that it was given, then load this page again.",
        503,
    )
