"""DICOM objects to a PACS, by C-STORE over one association or by STOW-RS over one connection."""

from collections.abc import Mapping

from dicom.sending import SendOutcome, send_objects
from dicom.web import store_objects
from service.delivery.outcomes import Outcome, Outcomes, Parcel
from service.peer_settings import Destination, WebDestination
from service.peers import dicom_peer, web_peer


def store(parcels: Mapping[int, Parcel], destination: Destination, calling_ae: str) -> Outcomes:
    """Send by C-STORE. Raises as `dicom.peers.association` does."""
    files = [parcel.content for parcel in parcels.values()]
    return _outcomes(parcels, send_objects(files, dicom_peer(destination), calling_ae=calling_ae))


def store_by_web(parcels: Mapping[int, Parcel], destination: WebDestination) -> Outcomes:
    """Send by STOW-RS. Raises `PeerUnavailableError` or `RejectedError`."""
    files = [parcel.content for parcel in parcels.values()]
    return _outcomes(parcels, store_objects(files, web_peer(destination)))


def _outcomes(parcels: Mapping[int, Parcel], found: list[SendOutcome]) -> Outcomes:
    return {
        row: Outcome(one.ok, one.words, one.transient, answered=one.status is not None)
        for row, one in zip(parcels, found, strict=True)
    }
