"""The storage commitment SCU (PS3.4 J, push model): asking a peer whether it will keep what we sent.

The answer comes in an N-EVENT-REPORT, on the association of the request or later on one that the peer opens
to our receiver.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from dicom.peers import Peer, PeerUnavailableError, association
from dicom.statuses import SUCCESS
from grading.errors import PermanentError

_REQUEST = 1
"""Action type "request storage commitment"."""


class CommitmentNotOfferedError(PermanentError):
    """A destination is set to commit what it stores, but does not offer storage commitment."""

    code = "commitment.not_offered"


@dataclass(frozen=True)
class CommitmentReport:
    """What a peer says of one request: UIDs that it keeps, and UIDs that it does not, with a reason each."""

    transaction_uid: str
    committed: frozenset[str]
    failed: Mapping[str, int]


def read_report(information: Dataset) -> CommitmentReport:
    """The report of an N-EVENT-REPORT's event information."""
    committed = information.get("ReferencedSOPSequence") or ()
    failed = information.get("FailedSOPSequence") or ()
    return CommitmentReport(
        str(information.get("TransactionUID", "")),
        frozenset(str(item.ReferencedSOPInstanceUID) for item in committed),
        {str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason", 0)) for item in failed},
    )


def request_commitment(
    objects: Sequence[tuple[str, str]],
    peer: Peer,
    transaction_uid: str,
    *,
    calling_ae: str,
    wait: float = 2.0,
    timeout: float = 30.0,
) -> CommitmentReport | None:
    """Ask a peer to keep objects, given as pairs of SOP class and instance UID.

    Returns its report if it comes on this association within ``wait`` seconds, else None: it is to come on an
    association to our receiver. Raises `CommitmentNotOfferedError`, `PeerUnavailableError`, and what
    `dicom.peers.association` raises.
    """
    reports: list[CommitmentReport] = []
    arrived = threading.Event()

    def on_report(event: Event) -> tuple[int, None]:
        report = read_report(event.event_information)
        if report.transaction_uid == transaction_uid:
            reports.append(report)
            arrived.set()
        return SUCCESS, None

    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, on_report)]
    contexts = [build_context(StorageCommitmentPushModel)]
    with association(peer, calling_ae, contexts, timeout, handlers=handlers) as opened:
        if not opened.accepted_contexts:
            raise CommitmentNotOfferedError(
                f"{peer} does not offer storage commitment: allow it there, or set commitment to false."
            )
        status, _ = opened.send_n_action(
            _request(objects, transaction_uid),
            _REQUEST,
            StorageCommitmentPushModel,
            StorageCommitmentPushModelInstance,
        )
        if status.get("Status") != SUCCESS:
            raise PeerUnavailableError(f"{peer} did not take the request to commit: see its log.")
        arrived.wait(wait)
    return reports[0] if reports else None


def _request(objects: Sequence[tuple[str, str]], transaction_uid: str) -> Dataset:
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = []
    for sop_class, uid in objects:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = uid
        request.ReferencedSOPSequence.append(item)
    return request
