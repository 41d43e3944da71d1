"""Settings of the DICOM receiver."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field

from service.peer_settings import AeTitle, Port, Section
from service.server_settings import TlsSettings


class CommitmentPeer(Section):
    """A sender that may ask whether we keep its objects, and where it takes the answer."""

    ae_title: AeTitle
    host: str
    port: Port


class ReceiverSettings(Section):
    """The DICOM receiver."""

    ae_title: AeTitle = "FACIALIS"
    host: str = "127.0.0.1"
    port: Port = 11112
    known_callers: tuple[AeTitle, ...] = ()
    """Calling AE titles that may associate; empty means anybody."""
    known_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that may connect, such as ``10.1.2.0/24``; empty means anybody."""
    tls: TlsSettings = TlsSettings()
    processes: int = Field(default=1, ge=1)
    """Processes that share the port."""
    max_associations: int = Field(default=20, ge=1)
    """In each process."""
    idle_seconds: float = Field(default=60, gt=0)
    """An association that is silent for so long is aborted."""
    pdu_seconds: float = Field(default=30, gt=0)
    """A sender that needs longer for one PDU is aborted, and one that sends under 1 KiB/s for longer."""
    commitment_peers: tuple[CommitmentPeer, ...] = ()
    """Senders that may ask whether we keep what they sent (storage commitment)."""
    min_free_bytes: int = Field(default=1 << 30, ge=0)
    """With less free disk than this the receiver answers "out of resources" and senders try again."""
    max_object_bytes: int = Field(default=1 << 30, ge=1 << 20)
