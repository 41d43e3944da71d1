"""The pages to sign in and out, and of one's own account."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.access import sessions
from service.access.accounts import change_password
from service.access.passwords import PasswordError, fits
from service.access.roles import Right
from service.access.signing_in import TooManyAttemptsError, admit, check, forgive, record_failure
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Account
from service.web.access import Allow, Visit, current_visit
from service.web.forms import Form, posted
from service.web.language import languages
from service.web.rendering import page, words_for
from service.web.site import Site, address_of, site_of

PLACE = re.compile(r"/(?!/)[A-Za-z0-9/._-]{0,200}")
"""Where a sign-in may lead: a page of ours."""
WRONG = "The name or the password is not right."

router = APIRouter()
SignedIn = Annotated[Visit, Depends(Allow(Right.SIGNED_IN))]
Posted = Annotated[Form, Depends(posted)]


@router.get("/sign-in")
def ask(request: Request) -> Response:
    """The form, unless somebody is signed in."""
    visit = current_visit(request)
    if visit is not None:
        return RedirectResponse(visit.home, 303)
    return sign_in_form(request, own_place(request.query_params.get("next", "")))


@router.post("/sign-in")
def sign_in(request: Request, form: Posted) -> Response:
    """Let in who knows a name and its password."""
    site, address = site_of(request), address_of(request)
    name, password, place = form.text("name"), form.text("password"), own_place(form.text("next"))
    try:
        with transaction(site.engine) as session:
            admit(session, name, address)
    except TooManyAttemptsError as error:
        with transaction(site.engine) as session:
            record_failure(session, name, address, "too many attempts")
        waiting = words_for(request)(
            "Too many sign-ins failed; try again in {minutes} minutes.", minutes=error.minutes
        )
        return sign_in_form(request, place, waiting, 429)
    with transaction(site.engine) as session:
        account = check(session, name, password)
        if account is None:
            record_failure(session, name, address, "wrong name or password, or disabled")
            return sign_in_form(request, place, WRONG, 403)
        forgive(session, account, address)
        return let_in(site, session, account, address, place, "password")


def let_in(site: Site, session: Session, account: Account, address: str, place: str, way: str) -> Response:
    """Begin a session and lead on; ``way`` is how it was shown who it is."""
    sessions.clear_ended(session, site.lifetime)
    secret = sessions.begin(session, account, address)
    session.flush()
    visitor = sessions.find_visitor(session, secret, site.lifetime, address)
    assert visitor is not None  # noqa: S101 - begun just now
    audit.record(session, visitor.actor, AuditEventKind.SIGNED_IN, way=way)
    response = RedirectResponse(place or Visit(visitor, "").home, 303)
    site.set_cookie(response, site.session_cookie, secret)
    site.drop_cookie(response, site.visit_cookie)
    return response


@router.post("/sign-out")
def sign_out(request: Request, visit: SignedIn, form: Posted) -> Response:
    """End the session."""
    site = site_of(request)
    with transaction(site.engine) as session:
        sessions.end(session, visit.visitor.session_id)
        audit.record(session, visit.visitor.actor, AuditEventKind.SIGNED_OUT)
    response = RedirectResponse("/sign-in", 303, headers={"Clear-Site-Data": '"cache"'})
    site.drop_cookie(response, site.session_cookie)
    return response


@router.get("/account")
def account(request: Request, visit: SignedIn) -> Response:
    """One's own account."""
    return page(request, "account.html", problem=None)


@router.post("/account/language")
def choose_language(request: Request, visit: SignedIn, form: Posted) -> Response:
    """The language of the pages for whoever is signed in."""
    code = form.text("language")
    with transaction(site_of(request).engine) as session:
        row = session.get_one(Account, visit.visitor.account_id)
        row.language = code if code in languages() else None
    return RedirectResponse("/account", 303)


@router.post("/account/password")
def change(request: Request, visit: SignedIn, form: Posted) -> Response:
    """Another password for whoever is signed in; all other browsers have to sign in again."""
    site, address = site_of(request), address_of(request)
    try:
        with transaction(site.engine) as session:
            admit(session, visit.visitor.name, address)
        with transaction(site.engine) as session:
            row = session.scalars(select(Account).filter_by(id=visit.visitor.account_id)).one()
            if not fits(form.text("present"), row.password_hash):
                return page(request, "account.html", 403, problem="The present password is not right.")
            change_password(session, visit.visitor.actor, row, form.text("new"))
            forgive(session, row, address)
            return let_in(site, session, row, address, "/account", "changed password")
    except (PasswordError, TooManyAttemptsError) as error:
        return page(request, "account.html", 422, problem=str(error))


def sign_in_form(request: Request, place: str, problem: str | None = None, status: int = 200) -> Response:
    """The page to sign in, with what went wrong."""
    site = site_of(request)
    known = request.cookies.get(site.visit_cookie)
    secret = known or sessions.new_secret()
    answer = page(
        request,
        "sign_in.html",
        status,
        form_token=sessions.form_token(secret),
        next=place,
        problem=problem,
        oidc=site.settings.web.oidc,
    )
    # A page that asks for news after its session ended is led here too, beside a form being filled in.
    if known is None and request.headers.get("sec-fetch-dest", "document") == "document":
        site.set_cookie(answer, site.visit_cookie, secret)
    return answer


def own_place(text: str) -> str:
    """A page of ours that a sign-in may lead to; empty for anything else."""
    return text if PLACE.fullmatch(text) else ""
