"""The pages about users: who may sign in and as what."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.errors import FacialisError
from service.access import accounts
from service.access.accounts import AccountError
from service.access.passwords import generate_password
from service.access.roles import Right, Role
from service.database import DatabaseUnavailableError, transaction
from service.records.models import Account
from service.web.access import MOST, Allow, Visit
from service.web.forms import Form, posted
from service.web.rendering import page
from service.web.site import site_of

router = APIRouter(prefix="/admin/users")
Number = Annotated[int, Path(ge=1, le=MOST)]
Administrator = Annotated[Visit, Depends(Allow(Right.ADMINISTER))]
Posted = Annotated[Form, Depends(posted)]


@router.get("")
def users(request: Request, visit: Administrator) -> Response:
    """Everybody who may sign in, or might."""
    return _users(request)


@router.post("")
def add(request: Request, visit: Administrator, form: Posted) -> Response:
    """A new user, with a password that is shown once."""
    password = generate_password()
    try:
        with transaction(site_of(request).engine) as session:
            made = accounts.add_account(
                session,
                visit.visitor.actor,
                form.text("name"),
                _roles(form),
                password=password,
                display_name=form.text("full_name"),
            )
    except FacialisError as error:
        return _problem(request, error)
    return _users(request, fresh=(made.name, password))


@router.post("/{account_id}/roles")
def roles(request: Request, visit: Administrator, account_id: Number, form: Posted) -> Response:
    """Other roles for a user."""
    try:
        with transaction(site_of(request).engine) as session:
            row = _account(session, account_id)
            form.check_seen(" ".join(row.roles))
            accounts.change_roles(session, visit.visitor.actor, row, _roles(form))
    except FacialisError as error:
        return _problem(request, error)
    return RedirectResponse("/admin/users", 303)


@router.post("/{account_id}/password")
def password(request: Request, visit: Administrator, account_id: Number, form: Posted) -> Response:
    """A new password for a user, which is shown once."""
    chosen = generate_password()
    try:
        with transaction(site_of(request).engine) as session:
            row = _account(session, account_id)
            accounts.change_password(session, visit.visitor.actor, row, chosen)
    except FacialisError as error:
        return _problem(request, error)
    return _users(request, fresh=(row.name, chosen))


@router.post("/{account_id}/enabled")
def enabled(request: Request, visit: Administrator, account_id: Number, form: Posted) -> Response:
    """Let a user in no more, or again."""
    change = accounts.enable if form.text("enabled") == "yes" else accounts.disable
    try:
        with transaction(site_of(request).engine) as session:
            change(session, visit.visitor.actor, _account(session, account_id))
    except FacialisError as error:
        return _problem(request, error)
    return RedirectResponse("/admin/users", 303)


def _users(
    request: Request, status: int = 200, *, fresh: tuple[str, str] | None = None, problem: str | None = None
) -> Response:
    with transaction(site_of(request).engine) as session:
        rows = accounts.list_accounts(session)
    return page(
        request, "admin_users.html", status, accounts=rows, roles=list(Role), fresh=fresh, problem=problem
    )


def _problem(request: Request, error: FacialisError) -> Response:
    if isinstance(error, DatabaseUnavailableError):
        raise error
    return _users(request, 422, problem=str(error))


def _account(session: Session, number: int) -> Account:
    row = session.get(Account, number, with_for_update=True)
    if row is None:
        raise AccountError("there is no such user any more")
    return row


def _roles(form: Form) -> list[Role]:
    return [role for role in Role if role.value in form.texts("role")]
