"""Signing in by the hospital's identity provider: OpenID Connect, authorization code with PKCE.

Nothing is stored between the way there and the way back: state, nonce and the PKCE verifier are derived from
the random value of the browser's visit cookie, which is new for each attempt.
"""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from grading.errors import PermanentError, TransientError
from service.access.roles import Role
from service.web_settings import OidcSettings

SECONDS = 10
KNOWN_SECONDS = 3600
"""How long the provider's description is kept."""
CLOCK_SECONDS = 60
"""By how much the provider's clock may differ from ours."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures only: a shared secret would let anybody who knows it make tokens."""


class ProviderUnavailableError(TransientError):
    """The identity provider cannot be reached, or does not answer as OpenID Connect asks."""

    code = "sign_in.provider_unavailable"


class ProviderRefusedError(PermanentError):
    """The identity provider let somebody in not at all, or in a way that cannot be trusted."""

    code = "sign_in.provider_refused"


@dataclass(frozen=True)
class Person:
    """Whoever the provider says signed in; ``roles`` are those that the settings make of the claim."""

    issuer: str
    subject: str
    name: str
    display_name: str
    roles: tuple[Role, ...]


class Provider:
    """The identity provider that the settings name."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None

    def way_there(self, secret: str, redirect_uri: str, place: str) -> str:
        """The provider's address that a browser with this ``secret`` is sent to.

        Parameters:
            place: a page of ours that the sign-in shall lead to.

        Raises:
            ProviderUnavailableError: the provider does not answer.
        """
        with self._session(redirect_uri) as session:
            address, _state = session.create_authorization_url(
                self._description()["authorization_endpoint"],
                state=f"{_derived(secret, f'state {place}')}~{place}",
                nonce=_derived(secret, "nonce"),
                code_verifier=_derived(secret, "verifier"),
            )
        return cast(str, address)

    def place(self, secret: str, state: str) -> str:
        """Where a sign-in leads that comes back with ``state``.

        Raises:
            ProviderRefusedError: the state is not of this browser.
        """
        mac, _, place = state.partition("~")
        if not secret or not hmac.compare_digest(mac.encode(), _derived(secret, f"state {place}").encode()):
            raise ProviderRefusedError("this sign-in was not begun in this browser; begin anew")
        return place

    def way_back(self, secret: str, redirect_uri: str, code: str) -> Person:
        """Who signed in, by the code that the browser brought back.

        Raises:
            ProviderUnavailableError: the provider does not answer.
            ProviderRefusedError: it refuses the code, or its token is not for us, or says no name.
        """
        description = self._description()
        try:
            with self._session(redirect_uri) as session:
                token = session.fetch_token(
                    description["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=_derived(secret, "verifier"),
                    timeout=SECONDS,
                )
        except AuthlibBaseError as error:
            raise ProviderRefusedError(f"the identity provider refused the code ({error.error})") from error
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailableError("the identity provider gave no token") from error
        keys = KeySet.import_key_set(cast(Any, self._fetch(description["jwks_uri"])))
        return self._person(_claims(token, keys, self.settings, _derived(secret, "nonce")))

    def _person(self, claims: Mapping[str, Any]) -> Person:
        settings = self.settings
        name = claims.get(settings.name_claim)
        if not isinstance(name, str) or not name.strip():
            raise ProviderRefusedError(f"the identity provider's token has no claim {settings.name_claim}")
        values = _claim(claims, settings.roles_claim)
        given = {values} if isinstance(values, str) else set(map(str, values or ()))
        roles = tuple(
            role for role in Role if any(value in given for value in settings.roles.get(role.value, ()))
        )
        full = claims.get("name")
        return Person(claims["iss"], str(claims["sub"]), name, full if isinstance(full, str) else "", roles)

    def _session(self, redirect_uri: str) -> OAuth2Session:
        settings = self.settings
        secret = settings.client_secret
        session = OAuth2Session(
            client_id=settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=settings.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        session.verify = str(settings.authorities) if settings.authorities else True
        return session

    def _description(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery)."""
        with self._lock:
            if self._known is not None and time.monotonic() < self._known[0]:
                return self._known[1]
            issuer = self.settings.issuer.rstrip("/")
            said = self._fetch(f"{issuer}/.well-known/openid-configuration")
            needed = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
            if not needed <= said.keys() or said["issuer"].rstrip("/") != issuer:
                raise ProviderUnavailableError("the identity provider describes another issuer than web.oidc")
            self._known = (time.monotonic() + KNOWN_SECONDS, said)
            return said

    def _fetch(self, address: str) -> dict[str, Any]:
        authorities = self.settings.authorities
        try:
            answer = requests.get(address, timeout=SECONDS, verify=str(authorities) if authorities else True)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailableError("the identity provider does not answer") from error
        if not isinstance(found, dict):
            raise ProviderUnavailableError("the identity provider's answer is not understood")
        return found


def _claims(token: Mapping[str, Any], keys: KeySet, settings: OidcSettings, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that is signed by the provider, for us, now, and for this attempt."""
    rules = jwt.JWTClaimsRegistry(
        leeway=CLOCK_SECONDS,
        iss={"essential": True, "value": settings.issuer},
        aud={"essential": True, "value": settings.client_id},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        found = jwt.decode(str(token.get("id_token")), keys, algorithms=ALGORITHMS)
        rules.validate(found.claims)
    except (JoseError, ValueError) as error:
        raise ProviderRefusedError(
            f"the identity provider's token cannot be trusted ({type(error).__name__})"
        ) from error
    party = found.claims.get("azp", settings.client_id)
    if party != settings.client_id:
        raise ProviderRefusedError("the identity provider's token is for another service")
    return found.claims


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or within others by names with dots between, such as ``realm_access.roles``."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _derived(secret: str, purpose: str) -> str:
    digest = hmac.new(secret.encode(), f"oidc {purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
