"""The peers that the settings name, as the DICOM room takes them."""

from dicom.peers import Peer
from dicom.tls import ClientTls
from dicom.web import WebPeer
from service.peer_settings import DicomAddress, PeerTls, WebAddress
from service.receiver_settings import CommitmentPeer


def dicom_peer(address: DicomAddress) -> Peer:
    """A DICOM application."""
    return Peer(address.ae_title, address.host, address.port, client_tls(address.tls))


def asker(address: CommitmentPeer) -> Peer:
    """A sender that asks for storage commitment, where it takes the answer."""
    return Peer(address.ae_title, address.host, address.port)


def web_peer(address: WebAddress) -> WebPeer:
    """A DICOMweb server."""
    return WebPeer(address.url, address.user, address.password.get_secret_value(), client_tls(address.tls))


def client_tls(tls: PeerTls | None) -> ClientTls | None:
    """The files of TLS, None where it is not spoken."""
    return None if tls is None else ClientTls(tls.authorities, tls.certificate, tls.key)
