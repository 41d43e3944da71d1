"""The door of the interfaces for programs: nothing behind it is reached without a token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from grading.errors import FacialisError
from service.api.limits import RateLimit
from service.api.problems import ApiError
from service.database import transaction
from service.records import audit, tokens
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import ActorKind
from service.refusals import Refusals

log = structlog.get_logger()

MOST_BYTES = 16 << 20
"""Of a request's body: more than any import of a department's surgeries needs."""


class UnauthenticatedError(ApiError):
    """The request carries no token that is known and good: make one with `facialis token create`."""

    code = "api.unauthenticated"
    status = 401
    headers = {"WWW-Authenticate": 'Bearer realm="Facialis"'}  # noqa: RUF012 - never changed


class ForbiddenError(ApiError):
    """The token's scope does not include what was asked for."""

    code = "api.forbidden"
    status = 403


class TooManyRequestsError(ApiError):
    """The token was used more often than the settings allow; Retry-After tells when to go on."""

    code = "api.too_many_requests"
    status = 429

    def __init__(self, seconds: float) -> None:
        super().__init__("this token is used too often: wait as long as Retry-After says")
        self.headers = {"Retry-After": str(int(seconds) + 1)}


class TooLargeError(ApiError):
    """The body of a request is larger than is taken, or does not say how large it is."""

    code = "api.too_large"
    status = 413


@dataclass(frozen=True)
class Caller:
    """The service that asks: its token's name and scope, and the network address it asks from."""

    name: str
    scope: tokens.Scope
    address: str | None

    @property
    def actor(self) -> Actor:
        """The caller as the audit trail names it."""
        return Actor(ActorKind.TOKEN, self.name, self.address)

    @property
    def signature(self) -> str:
        """The caller as the changes of a record name it."""
        return f"token {self.name}"


class Gate:
    """ASGI middleware that lets in who shows a token, no oftener than ``limit`` allows.

    Tokens are looked up anew for each request, so that a revoked one is refused at once. What is refused is
    told by ``refuse``, before anything of the body is read; who shows no good token is counted for the trail.
    """

    def __init__(
        self,
        app: ASGIApp,
        engine: Engine,
        limit: RateLimit,
        refuse: Callable[[FacialisError], Response],
        refusals: Refusals,
    ) -> None:
        self.app, self.engine, self.limit, self.refuse = app, engine, limit, refuse
        self.refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            caller = await run_in_threadpool(self._caller, scope)
        except FacialisError as error:
            log.warning("api.refused", code=error.code, address=_address(scope))
            if isinstance(error, UnauthenticatedError):
                self.refusals.note(error.code, _address(scope))
            await self.refuse(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not shown.startswith(tokens.PREFIX):
            raise UnauthenticatedError("show a service token: Authorization: Bearer facialis_…")
        with transaction(self.engine) as session:
            token = tokens.find_token(session, shown)
        if token is None:
            raise UnauthenticatedError("the token is unknown, expired or revoked")
        seconds = self.limit.take(token.id)
        if seconds:
            raise TooManyRequestsError(seconds)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MOST_BYTES:
            raise TooLargeError(f"send a Content-Length of at most {MOST_BYTES} bytes")
        return Caller(token.name, tokens.Scope(token.scope), _address(scope))


def _address(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _caller_with(needed: tokens.Scope) -> Callable[[Request], Caller]:
    def caller(request: Request) -> Caller:
        found: Caller = request.state.caller
        if not found.scope.includes(needed):
            engine: Engine = request.app.state.engine
            with transaction(engine) as session:
                kind = AuditEventKind.ACCESS_REFUSED
                audit.record(session, found.actor, kind, outcome=audit.Outcome.REFUSED, needed=needed.value)
            raise ForbiddenError(f"this needs a token of scope {needed}; this one's is {found.scope}")
        return found

    return caller


Reader = Annotated[Caller, Depends(_caller_with(tokens.Scope.READ))]
Writer = Annotated[Caller, Depends(_caller_with(tokens.Scope.WRITE))]
Admin = Annotated[Caller, Depends(_caller_with(tokens.Scope.ADMIN))]
"""The caller of a function that needs the scope: whoever has less is refused."""
