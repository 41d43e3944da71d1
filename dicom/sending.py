"""The storage SCU: objects from files to a peer over one association; an outcome for each.

An object goes as it is, in the transfer syntax that it has. Where the peer does not take that one, it goes
uncompressed in one that the peer takes: the same object under the same UID, its pixels not compressed again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.pixels.utils import decompress
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom.peers import Peer, PeerAddressError, PeerUnavailableError, RejectedError, association
from dicom.statuses import SUCCESS, is_stored, is_transient, words

__all__ = [
    "Peer",
    "PeerAddressError",
    "PeerUnavailableError",
    "RejectedError",
    "SendOutcome",
    "echo",
    "send_objects",
]

FALLBACKS = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
"""What an object is converted to, in this order, where the peer does not take it as it is."""
_MAX_CONTEXTS = 128


@dataclass(frozen=True)
class SendOutcome:
    """What became of one file. ``status`` is the peer's reply, None when there was none.

    ``transient`` tells whether sending it again later may help; ``words`` says what happened.
    """

    path: Path
    sop_instance_uid: str
    status: int | None
    transient: bool
    words: str

    @property
    def ok(self) -> bool:
        """Whether the peer keeps the object."""
        return self.status is not None and is_stored(self.status)


@dataclass(frozen=True)
class Item:
    """A DICOM file by its file meta information."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def syntaxes(self) -> tuple[str, ...]:
        """The transfer syntaxes in which it can be sent, its own first."""
        return tuple(dict.fromkeys([self.transfer_syntax_uid, *FALLBACKS]))


def send_objects(
    paths: Sequence[Path],
    peer: Peer,
    *,
    calling_ae: str,
    on_sent: Callable[[Path, int], None] | None = None,
    timeout: float = 30.0,
) -> list[SendOutcome]:
    """Send DICOM files to a peer over one association, in order.

    ``on_sent`` is called with the path and the reply's status after each reply. ``timeout`` (seconds) bounds
    the wait for the connection and for each reply. Returns one outcome per path; a file that is not DICOM
    only fails itself. Raises as `dicom.peers.association` does. An association takes 128 pairs of class and
    syntax; objects of further ones fail as not accepted.
    """
    items = {path: read_item(path) for path in paths}
    known = [item for item in items.values() if item is not None]
    if not known:
        return [_unreadable(path) for path in paths]
    own = [(item.sop_class_uid, item.transfer_syntax_uid) for item in known]
    others = [(item.sop_class_uid, syntax) for item in known for syntax in item.syntaxes]
    pairs = list(dict.fromkeys([*own, *others]))[:_MAX_CONTEXTS]
    contexts = [build_context(sop_class, [syntax]) for sop_class, syntax in pairs]
    outcomes = []
    with association(peer, calling_ae, contexts, timeout) as opened:
        accepted = {(str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in opened.accepted_contexts}
        for path in paths:
            item = items[path]
            outcome = _unreadable(path) if item is None else _send(opened, item, accepted)
            outcomes.append(outcome)
            if on_sent is not None and outcome.status is not None:
                on_sent(path, outcome.status)
    return outcomes


def echo(peer: Peer, calling_ae: str, timeout: float = 10.0) -> None:
    """C-ECHO: whether the peer is there and takes us. Raises as `dicom.peers.association` does."""
    with association(peer, calling_ae, [build_context(Verification)], timeout) as opened:
        if not opened.accepted_contexts:
            raise RejectedError(f"{peer} does not answer C-ECHO: allow Verification there.")
        if not opened.is_established or opened.send_c_echo().get("Status") != SUCCESS:
            raise PeerUnavailableError(f"{peer} did not answer C-ECHO: try again later.")


def read_item(path: Path) -> Item | None:
    """The file's identity, None where it is no DICOM file."""
    try:
        meta = read_file_meta_info(path)
        return Item(
            path,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
    except (InvalidDicomError, AttributeError, EOFError, OSError, ValueError, LookupError):
        return None


def _unreadable(path: Path) -> SendOutcome:
    said = "not a DICOM file" if path.is_file() else "the file is not there"
    return SendOutcome(path, "", None, False, said)


def _send(opened: Association, item: Item, accepted: set[tuple[str, str]]) -> SendOutcome:
    def outcome(status: int | None, transient: bool, said: str) -> SendOutcome:
        return SendOutcome(item.path, item.sop_instance_uid, status, transient, said)

    syntax = next((one for one in item.syntaxes if (item.sop_class_uid, one) in accepted), None)
    if syntax is None:
        return outcome(None, False, "the peer does not accept this kind of object in any transfer syntax")
    if not opened.is_established:
        return outcome(None, True, "the association ended before the object was sent")
    converted = "" if syntax == item.transfer_syntax_uid else f", sent as {UID(syntax).name}"
    try:
        reply = opened.send_c_store(_uncompressed(item.path) if converted else item.path)
    except OSError:
        return outcome(None, False, "the file cannot be read")
    except (ValueError, NotImplementedError, AttributeError):
        return outcome(None, False, f"the object cannot be converted to {UID(syntax).name}")
    except RuntimeError:  # the association ended between the check above and the call
        return outcome(None, True, "the association ended before the object was sent")
    status = cast(int | None, reply.get("Status"))
    if status is None:
        # pynetdicom may take a moment to notice, and would wait for the next reply until the timeout.
        if opened.is_established:
            opened.abort()
        return outcome(None, True, "the peer did not answer")
    return outcome(status, is_transient(status), words(status) + converted)


def _uncompressed(path: Path) -> Dataset:
    """The file's object without compression; its UID stays. pynetdicom encodes it as the peer takes it."""
    dataset: Any = dcmread(path)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        decompress(dataset, generate_instance_uid=False)
    elif syntax.is_deflated:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return cast(Dataset, dataset)
