"""Settings that our own servers share."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from service.peer_settings import Section


class TlsSettings(Section):
    """TLS of a server of ours, with PEM files; without a certificate it is not spoken."""

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None
    """Whose client certificates are believed."""
    require_client: bool = False
    """Whether a sender has to show a certificate."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.require_client and self.authorities is None:
            raise ValueError("require_client needs authorities")
        return self
