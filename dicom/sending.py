"""The storage SCU: objects from files to a peer over one association, as they are; an outcome for each."""

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import AssociationSocket

from dicom.statuses import SUCCESS, is_stored, is_transient, words
from dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from grading.errors import PermanentError, TransientError

_PEER = re.compile(r"([!-?A-\[\]-~][ -\[\]-~]{0,15})@([^@:\s]+|\[[^\]]+\]):(\d{1,5})")
_MAX_CONTEXTS = 128
_ACCEPTED, _REJECTED_FOR_GOOD = 0, 1
"""Results of an association request (PS3.8 Table 9-21)."""


class PeerAddressError(PermanentError):
    """A peer's address is not written as ``AE@host:port``."""

    code = "peer.address"


class PeerUnavailableError(TransientError):
    """The peer cannot be reached, is busy, or broke off."""

    code = "peer.unavailable"


class RejectedError(PermanentError):
    """The peer refuses this sender; its configuration or ours has to change."""

    code = "peer.rejected"


@dataclass(frozen=True)
class Peer:
    """Another DICOM application: its AE title and where it listens."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The peer written as ``AE@host:port``. Raises `PeerAddressError`."""
        found = _PEER.fullmatch(text.strip())
        if found is None or not 0 < int(found[3]) < 65536:
            raise PeerAddressError(f"{text!r} is not a DICOM address: write it as AE@host:port.")
        return cls(found[1], found[2].strip("[]"), int(found[3]))

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


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
class _Item:
    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def context(self) -> tuple[str, str]:
        return self.sop_class_uid, self.transfer_syntax_uid


def send_objects(
    paths: Sequence[Path],
    peer: Peer,
    *,
    calling_ae: str,
    on_sent: Callable[[Path, int], None] | None = None,
    timeout: float = 30.0,
) -> list[SendOutcome]:
    """Send DICOM files to a peer over one association, in order, each in the transfer syntax that it has.

    ``on_sent`` is called with the path and the reply's status after each reply. ``timeout`` (seconds) bounds
    the wait for the connection and for each reply. Returns one outcome per path; a file that is not DICOM
    only fails itself. Raises `PeerUnavailableError` when no association comes about and `RejectedError` when
    the peer rejects it for good. An association takes 128 kinds of object (class and syntax); further kinds
    fail as not accepted.
    """
    items = {path: _read_item(path) for path in paths}
    kinds = list(dict.fromkeys(item.context for item in items.values() if item is not None))
    if not kinds:
        return [_unreadable(path) for path in paths]
    contexts = [build_context(sop_class, [syntax]) for sop_class, syntax in kinds[:_MAX_CONTEXTS]]
    outcomes = []
    with _association(peer, calling_ae, contexts, timeout) as association:
        accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
        for path in paths:
            item = items[path]
            outcome = _unreadable(path) if item is None else _send(association, item, accepted)
            outcomes.append(outcome)
            if on_sent is not None and outcome.status is not None:
                on_sent(path, outcome.status)
    return outcomes


def echo(peer: Peer, calling_ae: str, timeout: float = 10.0) -> None:
    """C-ECHO: whether the peer is there and takes us. Raises `PeerUnavailableError` or `RejectedError`."""
    with _association(peer, calling_ae, [build_context(Verification)], timeout) as association:
        if not association.accepted_contexts:
            raise RejectedError(f"{peer} does not answer C-ECHO: allow Verification there.")
        if not association.is_established or association.send_c_echo().get("Status") != SUCCESS:
            raise PeerUnavailableError(f"{peer} did not answer C-ECHO: try again later.")


def _read_item(path: Path) -> _Item | None:
    try:
        meta = read_file_meta_info(path)
        return _Item(
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


def _send(association: Association, item: _Item, accepted: set[tuple[Any, Any]]) -> SendOutcome:
    def outcome(status: int | None, transient: bool, said: str) -> SendOutcome:
        return SendOutcome(item.path, item.sop_instance_uid, status, transient, said)

    if item.context not in accepted:
        return outcome(None, False, "the peer does not accept this kind of object in its transfer syntax")
    if not association.is_established:
        return outcome(None, True, "the association ended before the object was sent")
    try:
        reply = association.send_c_store(item.path)
    except OSError:
        return outcome(None, False, "the file cannot be read")
    except RuntimeError:  # the association ended between the check above and the call
        return outcome(None, True, "the association ended before the object was sent")
    status = cast(int | None, reply.get("Status"))
    if status is None:
        # pynetdicom may take a moment to notice, and would wait for the next reply until the timeout.
        if association.is_established:
            association.abort()
        return outcome(None, True, "the peer did not answer")
    return outcome(status, is_transient(status), words(status))


class _Entity(ApplicationEntity):
    """An application entity that keeps its sockets, to set them up and to close them.

    pynetdicom leaves them open when it cannot connect and when the peer is first to hang up.
    """

    def __init__(self, ae_title: str) -> None:
        super().__init__(ae_title)
        self.sockets: list[socket.socket] = []

    def _create_socket(self, *args: Any) -> AssociationSocket:
        transport = super()._create_socket(*args)
        connection = cast(socket.socket, transport.socket)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(connection)
        return transport


@contextmanager
def _association(
    peer: Peer, calling_ae: str, contexts: list[PresentationContext], timeout: float
) -> Iterator[Association]:
    entity = _Entity(calling_ae)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = timeout
    try:
        association = entity.associate(
            peer.host, peer.port, contexts=contexts, ae_title=peer.ae_title, max_pdu=131072
        )
    except socket.gaierror:
        raise PeerUnavailableError(f"The host of {peer} is unknown: correct it or the name server.") from None
    try:
        _check_answer(association, peer, calling_ae)
        yield association
    finally:
        if association.is_established:
            association.release()
        association.dul.join(timeout)
        for connection in entity.sockets:
            connection.close()


def _check_answer(association: Association, peer: Peer, calling_ae: str) -> None:
    """Raise unless the peer accepted the association, be it without any context."""
    answer = association.acceptor.primitive
    if answer is None or answer.result != _ACCEPTED:
        if answer is not None and answer.result == _REJECTED_FOR_GOOD:
            raise RejectedError(
                f"{peer} rejects the association from {calling_ae}: {answer.reason_str}. "
                "Enter both AE titles in both configurations."
            )
        raise PeerUnavailableError(f"{peer} cannot be reached or is busy: see that it runs, try again later.")
