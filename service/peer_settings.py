"""Settings of the systems that we call: where they are, how we sign in, what they get."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag, field_validator

AeTitle = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
DocumentKind = Literal["pdf", "sr"]


class Section(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PeerTls(Section):
    """TLS towards a peer, all PEM files: an empty section means TLS with the system's authorities."""

    authorities: Path | None = None
    certificate: Path | None = None
    """Ours, where the peer asks for one."""
    key: Path | None = None


class DicomAddress(Section):
    """Where a DICOM application listens."""

    kind: Literal["dicom"] = "dicom"
    ae_title: AeTitle
    host: str
    port: Port
    tls: PeerTls | None = None


class WebAddress(Section):
    """Where a DICOMweb server is: the address under which its `/studies` lies."""

    kind: Literal["dicomweb"]
    url: str
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: PeerTls | None = None

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")


class _Receives(Section):
    name: Name
    documents: tuple[DocumentKind, ...] = ("pdf", "sr")
    """What it gets: the report as PDF, the numbers as structured report, or both."""


class Destination(_Receives, DicomAddress):
    """Where documents are sent by C-STORE."""

    commitment: bool = False
    """Whether a delivery counts only once the peer has committed itself to keep the document."""


class WebDestination(_Receives, WebAddress):
    """Where documents are sent by STOW-RS."""


class Source(DicomAddress):
    """An archive that is searched by C-FIND."""

    name: Name
    retrieve: Literal["get", "move"] = "get"
    """C-GET, or C-MOVE to our receiver, which the archive has to know by its AE title."""


class WebSource(WebAddress):
    """An archive that is searched by QIDO-RS."""

    name: Name


def _kind(value: Any) -> str:
    kind = value.get("kind", "dicom") if isinstance(value, dict) else getattr(value, "kind", "dicom")
    return str(kind)


AnyDestination = Annotated[
    Annotated[Destination, Tag("dicom")] | Annotated[WebDestination, Tag("dicomweb")], Discriminator(_kind)
]
AnySource = Annotated[
    Annotated[Source, Tag("dicom")] | Annotated[WebSource, Tag("dicomweb")], Discriminator(_kind)
]
AnyPeer = AnyDestination | AnySource
