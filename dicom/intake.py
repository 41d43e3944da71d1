"""What the receiver hands on, and to whom: the seam between the network and the records."""

import enum
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from dicom.headers import PhotoHeader


@dataclass(frozen=True)
class ReceivedObject:
    """A whole object in the spool, on disk. The intake moves ``path`` away; what is left there is removed.

    ``sha256`` (hex) is over the transfer syntax UID, a newline and the data set's bytes as sent; ``size`` is
    the number of those bytes.
    """

    path: Path
    sha256: str
    size: int
    header: PhotoHeader
    calling_ae: str
    peer_address: str
    received_at: datetime


class Stored(enum.Enum):
    """What the intake made of an object. All are Success to the sender."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Intake(Protocol):
    """Who records received objects. Called from several threads at once."""

    def store(self, received: ReceivedObject) -> Stored:
        """Record an object durably. `TransientError` or `OSError` mean later, `PermanentError` never."""

    def quarantine(self, path: Path, reason: str, calling_ae: str) -> None:
        """Move bytes that cannot be accepted to where a person can look at them."""
