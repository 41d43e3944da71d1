"""Signing in by the hospital's identity provider: the way there and the way back."""

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.access import sessions
from service.access.accounts import AccountError, adopt
from service.access.oidc import Provider, ProviderRefusedError, ProviderUnavailableError
from service.database import transaction
from service.records import audit
from service.records.audit import Actor, Outcome, system
from service.records.audit_events import AuditEventKind
from service.records.models import ActorKind
from service.web.signing_in import let_in, own_place, sign_in_form
from service.web.site import address_of, site_of

BACK = "/sign-in/provider/back"

router = APIRouter()


@router.get("/sign-in/provider")
def there(request: Request) -> Response:
    """Send the browser to the provider, with a new secret for this attempt."""
    site, provider = site_of(request), _provider(request)
    secret, place = sessions.new_secret(), own_place(request.query_params.get("next", ""))
    try:
        address = provider.way_there(secret, _back(request), place)
    except ProviderUnavailableError as error:
        return sign_in_form(request, place, str(error), 503)
    response = RedirectResponse(address, 303)
    site.set_cookie(response, site.visit_cookie, secret)
    return response


@router.get(BACK)
def back(request: Request) -> Response:
    """Let in whoever the provider says it is."""
    site, provider, address = site_of(request), _provider(request), address_of(request)
    secret = request.cookies.get(site.visit_cookie, "")
    asked, place = request.query_params, ""
    try:
        place = own_place(provider.place(secret, asked.get("state", "")))
        if "code" not in asked:
            # Whatever the provider says besides is its own words, which are not repeated.
            raise ProviderRefusedError("the identity provider let nobody in")
        person = provider.way_back(secret, _back(request), asked["code"])
        with transaction(site.engine) as session:
            account = adopt(session, system("identity provider", address), person)
            return let_in(site, session, account, address, place, "identity provider")
    except (ProviderRefusedError, ProviderUnavailableError, AccountError) as error:
        with transaction(site.engine) as session:
            actor = Actor(ActorKind.USER, "unknown name", address)
            kind, refused = AuditEventKind.SIGNED_IN, Outcome.REFUSED
            audit.record(session, actor, kind, outcome=refused, reason=str(error), way="identity provider")
        status = 503 if isinstance(error, ProviderUnavailableError) else 403
        return sign_in_form(request, place, str(error), status)


def _provider(request: Request) -> Provider:
    provider = site_of(request).provider
    if provider is None:
        raise HTTPException(404)
    return provider


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{BACK}"
