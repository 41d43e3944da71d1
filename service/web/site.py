"""What the pages share: the records, the files, the settings, and what follows from them for browsers."""

import datetime as dt
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from service.access.oidc import Provider
from service.access.sessions import Lifetime
from service.settings import Settings
from service.storage import Storage


@dataclass(frozen=True)
class Site:
    """One installation's pages; ``provider`` is the identity provider, None without one."""

    engine: Engine
    storage: Storage
    settings: Settings
    provider: Provider | None

    @property
    def lifetime(self) -> Lifetime:
        """How long sessions last."""
        web = self.settings.web
        return Lifetime(dt.timedelta(minutes=web.idle_minutes), dt.timedelta(hours=web.session_hours))

    @property
    def session_cookie(self) -> str:
        """Name of the cookie of who is signed in; browsers hold the prefix to what it promises."""
        return "__Host-facialis" if self.settings.web.secure else "facialis"

    @property
    def visit_cookie(self) -> str:
        """Name of the cookie that guards forms before the sign-in."""
        return f"{self.session_cookie}-visit"

    def set_cookie(self, response: Response, name: str, value: str) -> None:
        """Give the browser a cookie until it is closed, out of reach of scripts and of other sites' forms."""
        response.set_cookie(
            name, value, path="/", secure=self.settings.web.secure, httponly=True, samesite="lax"
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, path="/", secure=self.settings.web.secure, httponly=True, samesite="lax")


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    return cast(Site, request.app.state.site)


def address_of(request: Request) -> str:
    """Where a request comes from, through the proxies that the settings name."""
    return request.client.host if request.client else "unknown"
