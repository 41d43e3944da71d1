"""The peers that the settings name, as the DICOM room takes them."""

from dicom.peers import Peer
from dicom.tls import ClientTls
from dicom.web import WebPeer
from service.peer_settings import DicomAddress, PeerTls, WebAddress


def dicom_peer(address: DicomAddress) -> Peer:
    """A DICOM application."""
    return Peer(address.ae_title, address.host, address.port, _tls(address.tls))


def web_peer(address: WebAddress) -> WebPeer:
    """A DICOMweb server."""
    return WebPeer(address.url, address.user, address.password.get_secret_value(), _tls(address.tls))


def _tls(tls: PeerTls | None) -> ClientTls | None:
    return None if tls is None else ClientTls(tls.authorities, tls.certificate, tls.key)
