"""Documents as files: written beside their place, flushed to the disk, then renamed, so that none is half.

A file is named by its document's UID, which is derived: written again, it is the same file.
"""

import tempfile
from collections.abc import Mapping

from dicom.durable import write_durably
from dicom.peers import PeerUnavailableError
from service.delivery.by_hl7 import message_of
from service.delivery.fhir_transaction import transaction_of
from service.delivery.outcomes import Outcome, Outcomes, Parcel, prepared
from service.hl7.oru import control_id
from service.peer_settings import FolderDestination
from service.storage import Storage

SUFFIXES = {"pdf": "pdf", "sr": "dcm", "maps": "dcm", "oru": "hl7", "fhir": "json"}


def write(parcels: Mapping[int, Parcel], destination: FolderDestination, storage: Storage) -> Outcomes:
    """Write the documents. A folder that is away fails its documents for the time being."""
    return {row: _write(parcel, destination, storage) for row, parcel in parcels.items()}


def check(destination: FolderDestination) -> None:
    """Write a file into the folder and take it away again.

    Raises:
        PeerUnavailableError: the folder is not there, or takes no files of ours.
    """
    folder = destination.path
    if not folder.is_dir():
        raise PeerUnavailableError(
            f"the folder {folder} is not there: make it, or mount the share that it lies on"
        )
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".facialis-"):
            pass
    except OSError as error:
        raise PeerUnavailableError(
            f"the folder {folder} takes no files ({error.strerror}): let this account write there"
        ) from error


def _write(parcel: Parcel, destination: FolderDestination, storage: Storage) -> Outcome:
    folder = destination.path
    if not folder.is_dir():
        # A share that is not mounted must not be taken for an empty folder, and made on the local disk.
        return Outcome(ok=False, words=f"the folder {folder} is not there", transient=True)
    content = prepared(lambda: _content(parcel, destination, storage))
    if isinstance(content, Outcome):
        return content
    target = folder / f"{parcel.uid}.{SUFFIXES[parcel.kind]}"
    try:
        write_durably(target, content)
    except OSError as error:
        return Outcome(ok=False, words=f"cannot be written: {error.strerror}", transient=True)
    return Outcome(ok=True, words=f"written as {target.name}")


def _content(parcel: Parcel, destination: FolderDestination, storage: Storage) -> bytes:
    if parcel.kind == "oru":
        control = control_id(parcel.uid, destination.name, parcel.retries)
        return message_of(parcel, destination.message, storage, control)
    if parcel.kind == "fhir":
        return transaction_of(parcel, destination, storage, create_patients=True)
    return (parcel.document if parcel.kind == "pdf" else parcel.content).read_bytes()
