"""DICOMweb as a client (PS3.18): objects to a server by STOW-RS."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicom.peers import PeerUnavailableError, RejectedError, unreachable
from dicom.sending import SendOutcome
from dicom.statuses import SUCCESS, is_transient, words
from dicom.tls import ClientTls

_NOT_FOR_US = {401, 403, 404, 405}
_LATER = {408, 425, 429}


@dataclass(frozen=True)
class WebPeer:
    """A DICOMweb server: the address under which `/studies` lies, and how we sign in."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ClientTls | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url


@contextmanager
def web_client(peer: WebPeer, timeout: float = 30.0) -> Iterator[DICOMwebClient]:
    """A client of the server over one session, so over one connection, for the time of the ``with`` block.

    ``timeout`` (seconds) bounds the wait for the connection and for each reply. It does not try again by
    itself: that is for the caller, who also knows what may be done twice.
    """
    session = requests.Session()
    if peer.user:
        session.auth = (peer.user, peer.password)
    if peer.tls is not None:
        # Else authorities that the machine's environment names would come before ours.
        session.trust_env = False
        session.verify = str(peer.tls.authorities) if peer.tls.authorities else True
        if peer.tls.certificate is not None:
            session.cert = (str(peer.tls.certificate), str(peer.tls.key or peer.tls.certificate))
    client = DICOMwebClient(peer.url, session=session, timeout=timeout)
    client.set_http_retry_params(retry=False)
    with session:
        yield client


def store_objects(paths: Sequence[Path], peer: WebPeer, timeout: float = 30.0) -> list[SendOutcome]:
    """Store DICOM files on a server, each as it is and in a request of its own.

    Returns one outcome per path; a file that is not DICOM only fails itself, and what follows a request that
    failed as a whole is not sent. Raises `PeerUnavailableError` when the server cannot be reached and
    `RejectedError` when it does not let us store, unless it has stored something before.
    """
    outcomes: list[SendOutcome] = []
    with web_client(peer, timeout) as client:
        for path in paths:
            try:
                outcomes.append(_store(client, path, peer))
            except (PeerUnavailableError, RejectedError) as error:
                if not any(outcome.status is not None for outcome in outcomes):
                    raise
                transient = isinstance(error, PeerUnavailableError)
                outcomes.append(SendOutcome(path, "", None, transient, str(error)))
                break
    left = paths[len(outcomes) :]
    return outcomes + [SendOutcome(path, "", None, True, "not sent yet") for path in left]


def check(peer: WebPeer, timeout: float = 10.0) -> None:
    """Whether the server answers a search. Raises `PeerUnavailableError` or `RejectedError`."""
    try:
        with web_client(peer, timeout) as client:
            client.search_for_studies(limit=1)
    except requests.RequestException as error:
        raise explain(error, peer) from None


def explain(error: requests.RequestException, peer: WebPeer) -> PeerUnavailableError | RejectedError:
    """What a failed request means for the caller."""
    if error.response is None:
        return unreachable(str(peer), error)
    status = error.response.status_code
    if status >= 500 or status in _LATER:
        return PeerUnavailableError(f"{peer} answered HTTP {status}: try again later.")
    return RejectedError(f"{peer} refuses us (HTTP {status}): correct its address or our rights there.")


def _store(client: DICOMwebClient, path: Path, peer: WebPeer) -> SendOutcome:
    try:
        dataset = dcmread(path)
        uid = str(dataset.SOPInstanceUID)
    except (InvalidDicomError, AttributeError):
        return SendOutcome(path, "", None, False, "not a DICOM file")
    except OSError:
        return SendOutcome(path, "", None, False, "the file is not there")
    try:
        answer = client.store_instances([dataset])
    except requests.RequestException as error:
        response = error.response
        if response is None or response.status_code in _NOT_FOR_US:
            raise explain(error, peer) from None
        transient = response.status_code >= 500 or response.status_code in _LATER
        return SendOutcome(path, uid, None, transient, f"the server answered HTTP {response.status_code}")
    status = _status(answer)
    return SendOutcome(path, uid, status, is_transient(status), words(status))


def _status(answer: Dataset) -> int:
    """The one object's status: failure and warning reasons are numbered as those of C-STORE (PS3.18 I.2)."""
    for item in answer.get("FailedSOPSequence") or ():
        return int(item.FailureReason)
    for item in answer.get("ReferencedSOPSequence") or ():
        return int(item.get("WarningReason", SUCCESS))
    return SUCCESS
