"""The storage commitment SCP (PS3.4 J, push model): telling a sender which of its objects we keep.

The request is answered at once; the report follows on an association that we open to the sender.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from dicom.peers import Peer, PeerUnavailableError, association
from dicom.statuses import SUCCESS
from dicom.uids import is_uid

MAX_OBJECTS = 10_000
"""In one request; a sender with more asks several times."""

_ALL_COMMITTED, _SOME_FAILED = 1, 2
"""Event types (PS3.4 J.3.3)."""
_NO_SUCH_INSTANCE = 0x0112


@dataclass(frozen=True)
class CommitmentRequest:
    """What a sender asks about: pairs of SOP class and instance UID."""

    transaction_uid: str
    objects: tuple[tuple[str, str], ...]
    calling_ae: str


def read_request(information: Dataset, calling_ae: str) -> CommitmentRequest | None:
    """The request in an N-ACTION's action information; None if it makes no sense."""
    transaction = str(information.get("TransactionUID", ""))
    items = information.get("ReferencedSOPSequence") or ()
    objects = tuple(
        (str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", "")))
        for item in items
    )
    uids = [transaction, *(uid for pair in objects for uid in pair)]
    if not objects or len(objects) > MAX_OBJECTS or not all(map(is_uid, uids)):
        return None
    return CommitmentRequest(transaction, objects, calling_ae)


def report_commitment(
    request: CommitmentRequest,
    kept: Collection[tuple[str, str]],
    peer: Peer,
    *,
    calling_ae: str,
    timeout: float = 30.0,
) -> None:
    """Tell the sender which of the objects are ``kept``. Raises what `dicom.peers.association` raises."""
    information = Dataset()
    information.TransactionUID = request.transaction_uid
    committed = [pair for pair in request.objects if pair in kept]
    failed = [pair for pair in request.objects if pair not in kept]
    if committed:
        information.ReferencedSOPSequence = [_item(pair) for pair in committed]
    if failed:
        information.FailedSOPSequence = [_item(pair, _NO_SUCH_INSTANCE) for pair in failed]
    role: SCP_SCU_RoleSelectionNegotiation = build_role(StorageCommitmentPushModel, scp_role=True)
    contexts = [build_context(StorageCommitmentPushModel)]
    with association(peer, calling_ae, contexts, timeout, negotiation=[role]) as opened:
        if not opened.accepted_contexts:
            raise PeerUnavailableError(f"{peer} takes no reports of storage commitment: allow them there.")
        status, _ = opened.send_n_event_report(
            information,
            _SOME_FAILED if failed else _ALL_COMMITTED,
            StorageCommitmentPushModel,
            StorageCommitmentPushModelInstance,
        )
        if status.get("Status") != SUCCESS:
            raise PeerUnavailableError(f"{peer} did not take the report of storage commitment: see its log.")


def _item(pair: tuple[str, str], reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = pair
    if reason is not None:
        item.FailureReason = reason
    return item
