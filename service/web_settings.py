"""Settings of the web pages: where they listen, under which names, and how long sessions last."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from service.peer_settings import Port, Section

RoleName = Literal["viewer", "clinician", "rater", "administrator"]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - named, not listened on


class WebTlsSettings(Section):
    """TLS for the web pages, with PEM files; without a certificate it is not spoken."""

    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        return self


class OidcSettings(Section):
    """The hospital's identity provider (OpenID Connect), by which users may sign in."""

    issuer: str
    """Its address, as it names itself in its tokens."""
    client_id: str
    client_secret: SecretStr | None = None
    scopes: str = "openid profile"
    name_claim: str = "preferred_username"
    """The claim that holds the name that the audit trail knows people by."""
    roles_claim: str = "roles"
    """The claim that holds what ``roles`` maps; dots lead into others, as ``realm_access.roles``."""
    roles: dict[RoleName, tuple[str, ...]]
    """Values of that claim, by the role that each gives."""
    label: str = ""
    """What the button to sign in says, such as the hospital's name."""
    authorities: Path | None = None
    """PEM file of those who may have signed the provider's certificate; none means the system's."""

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, issuer: str) -> str:
        address = urlsplit(issuer)
        if address.scheme != "https" and address.hostname not in (*LOOPBACK, "::1"):
            raise ValueError("must begin with https://, unless it is on this machine")
        return issuer


class WebSettings(Section):
    """The web pages."""

    host: str = "127.0.0.1"
    """The address to listen on. Beyond this machine only with TLS, or behind a proxy that speaks it."""
    port: Port = 8080
    names: tuple[str, ...] = ()
    """Host names under which browsers open the pages; others are refused, but for this machine's own."""
    tls: WebTlsSettings = WebTlsSettings()
    proxies: tuple[IPv4Address | IPv6Address, ...] = ()
    """Proxies that speak TLS with the browsers; who they say is asking is believed."""
    oidc: OidcSettings | None = None
    time_zone: str | None = None
    """IANA name of the zone that times are shown in, such as ``Europe/Berlin``; none means this machine's."""
    idle_minutes: float = Field(default=30, gt=0)
    """A session ends when nothing was asked for so long."""
    session_hours: float = Field(default=12, gt=0)
    """A session ends so long after the sign-in in any case."""
    upload_gigabytes: float = Field(default=4, gt=0)
    """Of photos and tables that may be sent at once to be imported (10⁹ bytes)."""

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone that times are shown in, None for this machine's."""
        return ZoneInfo(self.time_zone) if self.time_zone else None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError("is no IANA time zone, such as Europe/Berlin")
        return name

    @property
    def secure(self) -> bool:
        """Whether browsers speak TLS with the pages."""
        return self.tls.certificate is not None or bool(self.proxies)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The names under which the pages answer."""
        own = () if self.host in EVERY_ADDRESS else (self.host,)
        return tuple(dict.fromkeys((*LOOPBACK, *own, *self.names)))

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.host in LOOPBACK or self.host == "::1":
            return self
        if not self.secure:
            raise ValueError(
                f"with host {self.host} passwords and photos would travel in the clear: set web.tls, or "
                "web.proxies to the addresses of the proxies that speak TLS in front"
            )
        if self.host in EVERY_ADDRESS and not self.names:
            raise ValueError(f"with host {self.host} set web.names too, to the names that browsers use")
        return self
