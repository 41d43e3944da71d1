"""Settings of the systems that we call: where they are, how we sign in, what they get."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag, field_validator

AeTitle = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
ObjectKind = Literal["pdf", "sr", "maps"]
"""Documents that are DICOM objects."""
MessageKind = Literal["oru", "fhir"]
"""Documents that are messages: HL7 v2 ORU^R01, and a FHIR transaction."""
DocumentKind = ObjectKind | MessageKind


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


class _Web(Section):
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


class WebAddress(_Web):
    """Where a DICOMweb server is: the address under which its `/studies` lies."""

    kind: Literal["dicomweb"]


class PatientSystems(Section):
    """How FHIR names the issuers of patients' IDs."""

    systems: dict[str, str] = Field(default_factory=dict)
    """FHIR's identifier system by the issuer in DICOM; that of ``""`` is for IDs without an issuer."""


class FhirAddress(_Web, PatientSystems):
    """Where a FHIR R4 server is: its base address, and our sign-in there by password or by bearer token."""

    kind: Literal["fhir"]
    token: SecretStr = SecretStr("")


class MessageSettings(Section):
    """What HL7 v2 messages say beside the results."""

    sending_application: Name = "FACIALIS"
    sending_facility: str = Field(default="", max_length=64)
    receiving_application: str = Field(default="", max_length=64)
    receiving_facility: str = Field(default="", max_length=64)
    character_set: Literal["UNICODE UTF-8", "8859/1", "8859/15", "ASCII"] = "UNICODE UTF-8"
    """MSH-18. A message that it cannot carry is not sent."""
    assigning_authority: str = Field(default="", max_length=64)
    """PID-3.4 of patients whose ID has no issuer in DICOM."""
    parts: tuple[Literal["scores", "pdf"], ...] = ("scores", "pdf")
    """Scores as OBX NM, the report as OBX ED, or both."""
    pdf_code: tuple[str, str, str] = ("18748-4", "Diagnostic imaging study", "LN")
    """OBX-3 of the report: code, words, coding system."""
    pdf_data: tuple[str, str, str, str] = ("FACIALIS", "application", "pdf", "Base64")
    """The first four components of the report's OBX-5, which receivers read in different ways."""


class Only(Section):
    """Which results go to a destination; what is not set holds nothing back."""

    issuers: tuple[str, ...] = ()
    """Issuers of the patient's ID."""
    protocols: tuple[str, ...] = ()
    """Photo protocols."""
    days_from_surgery: tuple[int, int] | None = None
    """First and last day; a recording without a surgery is held back."""


class _Receives(Section):
    name: Name
    when: Literal["on_grading", "on_sign_off"] = "on_grading"
    """Whether documents go as soon as they are written, or wait until the report is signed off."""
    only: Only = Only()

    @property
    def ordered(self) -> bool:
        """Whether a patient's documents go one after the other, in the order in which they were written."""
        return False


class _ReceivesObjects(_Receives):
    documents: tuple[ObjectKind, ...] = ("pdf", "sr")
    """What it gets: the report as PDF, the numbers as structured report, and, where `maps` is among them, the
    photos with what each place of the face adds to each score."""


class Destination(_ReceivesObjects, DicomAddress):
    """Where documents are sent by C-STORE."""

    commitment: bool = False
    """Whether a delivery counts only once the peer has committed itself to keep the document."""


class WebDestination(_ReceivesObjects, WebAddress):
    """Where documents are sent by STOW-RS."""


class Hl7Destination(_Receives):
    """Where results are sent as HL7 v2 ORU^R01 over MLLP."""

    kind: Literal["hl7"]
    host: str
    port: Port
    tls: PeerTls | None = None
    answer_seconds: float = Field(default=30, gt=0, le=120)
    """How long the acknowledgement is waited for."""
    accept_acknowledgement: bool = False
    """Whether the receipt alone is to be acknowledged (enhanced mode, MSH-15 AL), not the use."""
    message: MessageSettings = MessageSettings()
    documents: tuple[Literal["oru"], ...] = ("oru",)

    @property
    def ordered(self) -> bool:
        """A later result of a patient may replace an earlier one, so that their order counts."""
        return True


class FhirDestination(_Receives, FhirAddress):
    """Where results are sent as a FHIR R4 transaction."""

    create_patients: bool = True
    """Whether a patient that the server does not know is made there; else the transaction fails."""
    documents: tuple[Literal["fhir"], ...] = ("fhir",)


class FolderDestination(_Receives, PatientSystems):
    """A folder that documents are written to: the PDF as such, the structured report as a DICOM file."""

    kind: Literal["folder"]
    path: Path
    documents: tuple[DocumentKind, ...] = ("pdf",)
    message: MessageSettings = MessageSettings()
    """Of the documents of kind `oru`."""


class Source(DicomAddress):
    """An archive that is searched by C-FIND."""

    name: Name
    retrieve: Literal["get", "move"] = "get"
    """C-GET, or C-MOVE to our receiver, which the archive has to know by its AE title."""


class WebSource(WebAddress):
    """An archive that is searched by QIDO-RS."""

    name: Name


class FhirSource(FhirAddress):
    """A FHIR server that is asked for patients' surgeries."""

    name: Name
    codes: dict[str, Literal["", "L", "R", "B"]] = Field(default_factory=dict)
    """Codes of the procedures that count, with the side that each means (or ""); empty: all count."""


def _kind(value: Any) -> str:
    kind = value.get("kind", "dicom") if isinstance(value, dict) else getattr(value, "kind", "dicom")
    return str(kind)


AnyDestination = Annotated[
    Annotated[Destination, Tag("dicom")]
    | Annotated[WebDestination, Tag("dicomweb")]
    | Annotated[Hl7Destination, Tag("hl7")]
    | Annotated[FhirDestination, Tag("fhir")]
    | Annotated[FolderDestination, Tag("folder")],
    Discriminator(_kind),
]
AnySource = Annotated[
    Annotated[Source, Tag("dicom")]
    | Annotated[WebSource, Tag("dicomweb")]
    | Annotated[FhirSource, Tag("fhir")],
    Discriminator(_kind),
]
AnyPeer = AnyDestination | AnySource
PEER_KINDS = ("dicom", "dicomweb", "hl7", "fhir", "folder")
"""How a peer is spoken with, as `kind` says it."""
