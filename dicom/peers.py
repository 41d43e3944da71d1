"""Other DICOM applications, and associations with them that we open."""

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.events import Event
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket

from dicom.tls import ClientTls
from dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from grading.errors import PermanentError, TransientError

_PEER = re.compile(r"([!-?A-\[\]-~][ -\[\]-~]{0,15})@([^@:\s]+|\[[^\]]+\]):(\d{1,5})")
_ACCEPTED, _REJECTED_FOR_GOOD = 0, 1
"""Results of an association request (PS3.8 Table 9-21)."""
MAX_PDU = 131072


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
    """Another DICOM application: its AE title, where it listens, and whether TLS is spoken there."""

    ae_title: str
    host: str
    port: int
    tls: ClientTls | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The peer written as ``AE@host:port``. Raises `PeerAddressError`."""
        found = _PEER.fullmatch(text.strip())
        if found is None or not 0 < int(found[3]) < 65536:
            raise PeerAddressError(f"{text!r} is not a DICOM address: write it as AE@host:port.")
        return cls(found[1], found[2].strip("[]"), int(found[3]))

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


_UNTRUSTED = {9: "is not valid yet", 10: "has expired", 62: "is for another host"}
"""What OpenSSL finds at fault with a certificate, by its X509_V_ERR codes."""


def unreachable(peer: str, error: BaseException) -> PeerUnavailableError:
    """Why a connection does not come about, from the error or those behind it; ``peer`` is its address."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        inner = next((part for part in cause.args if isinstance(part, BaseException)), None)
        cause = (
            getattr(cause, "reason", None) if isinstance(getattr(cause, "reason", None), Exception) else inner
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        found = _UNTRUSTED.get(cause.verify_code, f"is not to be trusted ({cause.verify_message})")
        return PeerUnavailableError(f"The certificate of {peer} {found}: renew it there, or correct our TLS.")
    if cause is not None:
        return PeerUnavailableError(f"TLS with {peer} does not come about: correct it there or here.")
    return PeerUnavailableError(f"{peer} cannot be reached: see that it runs, try again later.")


@contextmanager
def association(
    peer: Peer,
    calling_ae: str,
    contexts: list[PresentationContext],
    timeout: float,
    *,
    negotiation: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An association for the time of the ``with`` block, be it without any accepted context.

    ``timeout`` (seconds) bounds the wait for the connection and for each reply. ``negotiation`` holds
    pynetdicom's extended negotiation items, ``handlers`` its pairs of event and function.

    Raises:
        PeerUnavailableError: no association comes about.
        RejectedError: the peer rejects it for good.
        CertificateError: our files for TLS cannot be used.
    """
    rejections: list[A_ASSOCIATE_RJ] = []
    entity = _Entity(calling_ae)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = timeout
    try:
        opened = entity.associate(
            peer.host,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            max_pdu=MAX_PDU,
            ext_neg=list(negotiation),
            evt_handlers=[
                (evt.EVT_CONN_OPEN, _leave_replies),
                (evt.EVT_PDU_RECV, _keep_rejection, [rejections]),
                *handlers,
            ],
            tls_args=(peer.tls.context(), peer.host) if peer.tls is not None else None,
        )
    except socket.gaierror:
        raise PeerUnavailableError(f"The host of {peer} is unknown: correct it or the name server.") from None
    try:
        _check_answer(opened, rejections, peer, calling_ae)
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        opened.dul.join(timeout)
        for connection in entity.sockets:
            connection.close()


class _Replies(DIMSEServiceProvider):
    """The messages that came in. While somebody waits for a reply, it is left to them.

    pynetdicom's own thread of an association looks for messages too, and is told to pause before we ask; but
    on a busy machine it may have been told to go on just before, and then took the reply away.
    """

    def get_msg(self, block: bool = False) -> Any:
        """The next message; without ``block``, (None, None) as well while the thread is to pause."""
        # In this order: what lies there before the pause was asked for answers nothing that came after.
        if not block and (self.msg_queue.empty() or not self.assoc._reactor_checkpoint.is_set()):
            return None, None
        return super().get_msg(block)


def _leave_replies(event: Event) -> None:
    event.assoc.dimse = _Replies(event.assoc)


class _Entity(ApplicationEntity):
    """An application entity that keeps its sockets, to set them up and to close them.

    pynetdicom leaves them open when it cannot connect and when the peer is first to hang up. A connection
    over TLS has a socket of its own in place of the first.
    """

    def __init__(self, ae_title: str) -> None:
        super().__init__(ae_title)
        self.sockets: list[socket.socket] = []

    def _create_socket(self, *args: Any) -> AssociationSocket:
        transport = super()._create_socket(*args)
        connection = cast(socket.socket, transport.socket)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(connection)
        if transport.tls_args is not None:
            context, host = transport.tls_args
            transport.tls_args = (cast(ssl.SSLContext, _KeepingContext(context, self.sockets)), host)
        return transport


class _KeepingContext:
    """A TLS context that adds each socket that it makes to a list."""

    def __init__(self, context: ssl.SSLContext, sockets: list[socket.socket]) -> None:
        self._context = context
        self._sockets = sockets

    def wrap_socket(self, plain: socket.socket, *, server_side: bool, server_hostname: str) -> ssl.SSLSocket:
        wrapped = self._context.wrap_socket(plain, server_side=server_side, server_hostname=server_hostname)
        self._sockets.append(wrapped)
        return wrapped


def _keep_rejection(event: Event, rejections: list[A_ASSOCIATE_RJ]) -> None:
    """Keep a rejection as it comes.

    pynetdicom hangs up on it; who waited for the connection and wakes up after that, as happens on a busy
    machine, finds none and looks no further.
    """
    if isinstance(event.pdu, A_ASSOCIATE_RJ):
        rejections.append(event.pdu)


def _check_answer(
    opened: Association, rejections: Sequence[A_ASSOCIATE_RJ], peer: Peer, calling_ae: str
) -> None:
    """Raise unless the peer accepted the association, be it without any context."""
    for rejection in rejections:
        if rejection.result == _REJECTED_FOR_GOOD:
            raise RejectedError(
                f"{peer} rejects the association from {calling_ae}: {rejection.reason_str}. "
                "Enter both AE titles in both configurations."
            )
    answer = opened.acceptor.primitive
    if answer is None or answer.result != _ACCEPTED:
        raise PeerUnavailableError(
            f"{peer} cannot be reached or is busy{', or TLS does not come about' if peer.tls else ''}: see "
            "that it runs, try again later."
        )
