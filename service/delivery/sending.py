"""One door to all kinds of destination, and which documents go to which of them."""

from collections.abc import Mapping

from service.delivery import by_dicom, by_fhir, by_hl7, to_folder
from service.delivery.outcomes import Outcomes, Parcel
from service.fhir import client as fhir_client
from service.peer_settings import (
    AnyDestination,
    Destination,
    FhirDestination,
    FolderDestination,
    Hl7Destination,
    WebDestination,
)
from service.records.models import Recording
from service.storage import Storage


def send_parcels(
    parcels: Mapping[int, Parcel],
    destination: AnyDestination,
    storage: Storage,
    calling_ae: str,
    seconds: float,
) -> Outcomes:
    """Send documents to one destination; what became of each. ``calling_ae`` is our AE title.

    Messages that have not been begun after ``seconds`` are left for later: a slow peer must not outlast the
    sender's lease.

    Raises:
        PeerUnavailableError: the destination cannot be reached.
        RejectedError: it lets us send nothing.
        CertificateError: our files for TLS cannot be used.
    """
    match destination:
        case Destination():
            return by_dicom.store(parcels, destination, calling_ae)
        case WebDestination():
            return by_dicom.store_by_web(parcels, destination)
        case Hl7Destination():
            return by_hl7.send(parcels, destination, storage, seconds)
        case FhirDestination():
            return by_fhir.send(parcels, destination, storage, seconds)
        case FolderDestination():
            return to_folder.write(parcels, destination, storage)


def check_destination(destination: Hl7Destination | FhirDestination | FolderDestination) -> str:
    """Whether a destination is there, in words. Raises as `send_parcels` does."""
    match destination:
        case Hl7Destination():
            by_hl7.check(destination)
            return "takes connections; whether it speaks HL7 is known once it has acknowledged a message"
        case FhirDestination():
            fhir_client.check(destination)
            return "answers FHIR"
        case FolderDestination():
            to_folder.check(destination)
            return f"the folder {destination.path} takes files"


def wants(destination: AnyDestination, kind: str, recording: Recording) -> bool:
    """Whether a document of ``kind`` of this recording is for the destination."""
    only = destination.only
    if kind not in destination.documents:
        return False
    issuer = recording.patient.issuer if recording.patient else ""
    if only.issuers and issuer not in only.issuers:
        return False
    if only.protocols and recording.protocol not in only.protocols:
        return False
    if only.days_from_surgery is not None:
        first, last = only.days_from_surgery
        days = recording.days_from_surgery
        return days is not None and first <= days <= last
    return True
