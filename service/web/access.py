"""Who may open a page: every route names the right that it needs as a dependency.

`Allow` is for what depends on the right alone, `AllowPatient` for what is of one patient. Both give the page
its `Visit`. Refusals are recorded, and answered by the handlers in `service.web.app`.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from service.access import sessions
from service.access.roles import Right
from service.access.sessions import Visitor
from service.database import transaction
from service.records import audit
from service.records.audit import Outcome
from service.records.audit_events import AuditEventKind
from service.records.models import KeptObject, Recording
from service.web.site import address_of, site_of

MOST = 2**63 - 1


def row_number(text: str) -> int | None:
    """The number of a row as an address or a form writes it; None for what can be none."""
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))
    return int(text) if plain and int(text) <= MOST else None


@dataclass(frozen=True)
class Visit:
    """A request by somebody who is signed in; ``form_token`` is for the forms of the page."""

    visitor: Visitor
    form_token: str

    def may(self, right: str) -> bool:
        """Whether the visitor has a right, by its name in `Right`."""
        return Right(right) in self.visitor.rights

    @property
    def home(self) -> str:
        """The first page of who is signed in."""
        if Right.LIST in self.visitor.rights:
            return "/"
        if Right.ANNOTATE in self.visitor.rights:
            return "/annotate"
        return "/admin/health" if Right.ADMINISTER in self.visitor.rights else "/account"


class SignInNeeded(Exception):  # noqa: N818 - no fault, an answer
    """Nobody is signed in, or not any more."""


class Refused(Exception):  # noqa: N818 - no fault, an answer
    """The roles of whoever is signed in do not give the right."""


class GlassToBreak(Exception):  # noqa: N818 - no fault, an answer
    """The patient may be seen, once a reason is given."""

    def __init__(self, patient_id: int) -> None:
        self.patient_id = patient_id


def current_visit(request: Request, *, used: bool = True) -> Visit | None:
    """Whoever is signed in, None if nobody is; ``used`` as in `service.access.sessions.find_visitor`."""
    site = site_of(request)
    secret = request.cookies.get(site.session_cookie)
    if not secret:
        return None
    with transaction(site.engine) as session:
        visitor = sessions.find_visitor(session, secret, site.lifetime, address_of(request), used=used)
    if visitor is None:
        return None
    visit = Visit(visitor, sessions.form_token(secret))
    request.state.visit = visit
    return visit


@dataclass(frozen=True)
class Allow:
    """Dependency: somebody with this right is signed in; ``by_itself`` as in `AllowPatient`."""

    right: Right
    by_itself: bool = False

    def __call__(self, request: Request) -> Visit:
        visit = _signed_in(request, used=not self.by_itself)
        if self.right not in visit.visitor.rights:
            raise _refusal(request, visit, self.right, None)
        return visit


@dataclass(frozen=True)
class AllowPatient:
    """Dependency: somebody is signed in who may see the patient of the address, by right or by override.

    The address names the patient, or a recording or kept object of one. What a page asks ``by_itself``, time
    and again, does not keep a session from ending.
    """

    right = Right.PATIENTS
    by_itself: bool = False

    def __call__(self, request: Request) -> Visit:
        visit = _signed_in(request, used=not self.by_itself)
        if Right.PATIENTS in visit.visitor.rights:
            return visit
        with transaction(site_of(request).engine) as session:
            patient_id = patient_of(session, request.path_params)
            if patient_id is not None and Right.BREAK_GLASS in visit.visitor.rights:
                if sessions.glass_is_broken(session, visit.visitor, patient_id):
                    return visit
                raise GlassToBreak(patient_id)
        raise _refusal(request, visit, Right.PATIENTS, patient_id)


def _signed_in(request: Request, *, used: bool = True) -> Visit:
    visit = current_visit(request, used=used)
    if visit is None:
        raise SignInNeeded
    return visit


def _refusal(request: Request, visit: Visit, right: Right, patient_id: int | None) -> Refused:
    with transaction(site_of(request).engine) as session:
        audit.record(
            session,
            visit.visitor.actor,
            AuditEventKind.ACCESS_REFUSED,
            patient=patient_id,
            outcome=Outcome.REFUSED,
            page=request.scope["route"].path,
            needs=right.value,
        )
    return Refused()


def patient_of(session: Session, address: dict[str, str]) -> int | None:
    """The patient that an address is about; None if there is none."""
    for name, number in address.items():
        known = row_number(number)
        if known is None:
            return None
        if name == "patient_id":
            return known
        if name == "recording_id":
            return session.scalar(select(Recording.patient_key).where(Recording.id == known))
        if name == "kept_id":
            return session.scalar(select(KeptObject.patient_key).where(KeptObject.id == known))
    return None
