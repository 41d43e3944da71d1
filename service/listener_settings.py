"""Settings of the HL7 v2 listener: where it listens, whom it believes, what it makes of messages."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, field_validator

from service.hl7.fields import CHARACTER_SETS
from service.peer_settings import Port, Section
from service.server_settings import TlsSettings

FieldPath = Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9]{2}-[1-9][0-9]*(\.[1-9][0-9]*)?)?$")]
"""A field or a component of it, such as ``OBR-4.2``; empty for none."""
Trigger = Annotated[str, Field(pattern=r"^[A-Z]{3}\^[A-Z][0-9]{2}$")]
"""MSH-9.1 and MSH-9.2, such as ``SIU^S12``."""


class ProcedureRule(Section):
    """Where messages of some triggers tell of a surgery: each ``segment`` of them is one."""

    triggers: tuple[Trigger, ...]
    segment: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{2}$")]
    dates: tuple[FieldPath, ...]
    """The day: the first of these that holds one."""
    procedure: FieldPath
    code: FieldPath = ""
    side: FieldPath = ""
    surgeon: FieldPath = ""
    order: FieldPath = ""
    """What names the order or appointment: a later message about the same one replaces what waits."""
    codes: dict[str, str] = Field(default_factory=dict)
    """Codes of the surgeries that count, with the side that each means (or ""); empty: all count."""

    @field_validator("codes")
    @classmethod
    def _known_sides(cls, codes: dict[str, str]) -> dict[str, str]:
        if any(side not in ("", "L", "R", "B") for side in codes.values()):
            raise ValueError('a code means the side "L", "R", "B" or ""')
        return codes


SCHEDULED = ProcedureRule(
    triggers=("SIU^S12", "SIU^S13", "SIU^S14"),
    segment="AIS",
    dates=("AIS-4", "SCH-11.4"),
    procedure="AIS-3.2",
    code="AIS-3.1",
    order="SCH-1.1",
)
ORDERED = ProcedureRule(
    triggers=("ORM^O01",),
    segment="OBR",
    dates=("OBR-36", "OBR-7"),
    procedure="OBR-4.2",
    code="OBR-4.1",
    side="OBR-15.5",
    order="ORC-2.1",
)


class ListenerSettings(Section):
    """The HL7 v2 listener; without a port there is none."""

    host: str = "127.0.0.1"
    port: Port | None = None
    tls: TlsSettings = TlsSettings()
    known_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that may connect; empty means anybody."""
    max_connections: int = Field(default=50, ge=1)
    message_seconds: float = Field(default=30, gt=0)
    """A message that takes longer to come is refused."""
    max_message_bytes: int = Field(default=16 << 20, ge=1 << 10)
    character_set: str = "UNICODE UTF-8"
    """Of messages whose MSH-18 is empty."""
    issuers: dict[str, str] = Field(default_factory=dict)
    """Issuers of patients' IDs, as photos name them, by assigning authority (PID-3.4); else the same."""
    identifier_types: tuple[str, ...] = ("MR", "PI", "PT", "")
    """Which of a patient's identifiers count (PID-3.5)."""
    new_patients: bool = False
    """Whether messages about patients who are not on record make them; else those are left."""
    ignored: tuple[Trigger, ...] = ()
    """Triggers that are acknowledged and left."""
    procedures: tuple[ProcedureRule, ...] = (SCHEDULED, ORDERED)
    keep_days: int = Field(default=30, ge=0)
    """So long the text of a message is kept after it was used."""

    @field_validator("character_set")
    @classmethod
    def _known_set(cls, name: str) -> str:
        if name not in CHARACTER_SETS:
            raise ValueError(f"must be one of {', '.join(filter(None, CHARACTER_SETS))}")
        return name


def split_path(path: str) -> tuple[str, int, int]:
    """Segment, field and component of a `FieldPath`; component 0 is the whole field."""
    found = re.fullmatch(r"([A-Z0-9]{3})-(\d+)(?:\.(\d+))?", path)
    assert found is not None  # noqa: S101 - the settings were checked
    return found[1], int(found[2]), int(found[3] or 0)
