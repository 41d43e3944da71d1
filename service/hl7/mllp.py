"""The minimal lower layer protocol as a client: one message, then its acknowledgement, then the next."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dicom.peers import PeerUnavailableError, unreachable
from dicom.tls import ClientTls

START, END = b"\x0b", b"\x1c\x0d"
LONGEST_ANSWER = 1 << 20
_CHUNK = 65536


@dataclass(frozen=True)
class MllpPeer:
    """Where an HL7 receiver listens, and whether TLS is spoken there."""

    host: str
    port: int
    tls: ClientTls | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@contextmanager
def mllp_connection(peer: MllpPeer, timeout: float) -> Iterator[socket.socket]:
    """A connection for the time of the ``with`` block; ``timeout`` (seconds) bounds each step.

    Raises:
        PeerUnavailableError: it does not come about.
        CertificateError: our files for TLS cannot be used.
    """
    context = None if peer.tls is None else peer.tls.context()
    try:
        connection = socket.create_connection((peer.host, peer.port), timeout)
    except OSError as error:
        raise unreachable(str(peer), error) from None
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            yield connection
            return
        try:
            secured = context.wrap_socket(connection, server_hostname=peer.host)
        except OSError as error:
            raise unreachable(str(peer), error) from None
        with secured:
            yield secured


def exchange(connection: socket.socket, message: bytes) -> bytes:
    """Send a message, and wait for the one that answers it.

    Raises:
        PeerUnavailableError: the connection broke or the answer did not come in time; whether the peer has
            the message is not known then.
    """
    try:
        connection.sendall(START + message + END)
        received = b""
        while not received.endswith(END):
            chunk = connection.recv(_CHUNK)
            if not chunk:
                raise PeerUnavailableError("the peer hung up before it answered")
            received += chunk
            if len(received) > LONGEST_ANSWER:
                raise PeerUnavailableError("the peer's answer does not end")
    except TimeoutError:
        raise PeerUnavailableError("the peer did not answer in time") from None
    except OSError:
        raise PeerUnavailableError("the connection broke before the peer answered") from None
    return received.partition(START)[2].removesuffix(END)
