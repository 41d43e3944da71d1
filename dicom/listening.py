"""The server that accepts associations: who may connect, how many, TLS; processes may share a socket."""

import gc
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from dicom.upper_layer import UpperLayer

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POLL_SECONDS = 0.1
_COLLECT_SECONDS = 30.0
_SPARE_CONNECTIONS = 32
"""Connections beside those of associations: peers that are being rejected, and probes."""


def peer_of(association: Association) -> dict[str, str]:
    """Who has opened an association, for the log: AE title and address."""
    requestor = association.requestor
    return {"calling_ae": requestor.ae_title.strip(), "peer_address": str(requestor.address)}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, for one or several servers of this and forked processes. Raises `OSError`."""
    address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(address[0], address[1])
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address[4])
        listening.listen(128)
        # Another process may be first to accept a connection that this one was woken for.
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


class _Handler(RequestHandler):
    """Sets up one connection, in a thread of its own."""

    server: "ReceiverServer"

    def handle(self) -> None:
        """Shake hands for TLS where it is spoken, then start the association."""
        self.request.settimeout(self.server.handshake_seconds)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls is not None:
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except OSError as error:
                reason = getattr(error, "reason", None) or type(error).__name__
                self.server.refused("tls", self.client_address[0], str(reason).lower())
                self.request.close()
                self.server.closed()
                return
        super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        UpperLayer(association, self.request, self.server.pdu_seconds, self.server.ended)
        return association


class ReceiverServer(ThreadedAssociationServer):
    """Accepts connections from a listening socket.

    ``refused`` is called with a reason, the peer's address and a detail for each connection that is not let
    in; ``fault`` with the association and what was wrong when one ends by the peer's fault.
    """

    daemon_threads = True

    def __init__(
        self,
        entity: ApplicationEntity,
        address: tuple[str, int],
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: None,
        evt_handlers: list[Any],
        *,
        listening: socket.socket,
        known_addresses: Sequence[Network],
        max_associations: int,
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
        pdu_seconds: float,
        refused: Callable[[str, str, str], None],
        fault: Callable[[Association, str], None],
    ) -> None:
        self.tls = tls
        self.handshake_seconds = handshake_seconds
        self.pdu_seconds = pdu_seconds
        self.refused = refused
        self._listening = listening
        self._known = tuple(known_addresses)
        self._max_connections = max_associations + _SPARE_CONNECTIONS
        self._connections = 0
        self._lock = threading.Lock()
        self._fault = fault
        self._collected = time.monotonic()
        super().__init__(
            entity, address, ae_title, contexts, evt_handlers=evt_handlers, request_handler=_Handler
        )

    def server_bind(self) -> None:
        """Take over the socket that listens already."""
        unused = cast(socket.socket, self.socket)
        unused.close()
        self.socket = self._listening
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """Nothing: it listens."""

    def server_close(self) -> None:
        """Close this server's handle on the socket; other processes may go on listening."""
        cast(socket.socket, self.socket).close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the connection is let in."""
        address = str(client_address[0])
        if self._known and not any(ipaddress.ip_address(address) in network for network in self._known):
            self.refused("address", address, "not among the known addresses")
            return False
        with self._lock:
            if self._connections >= self._max_connections:
                full = True
            else:
                full = False
                self._connections += 1
        if full:
            self.refused("too_many", address, f"{self._max_connections} connections are open")
        return not full

    def ended(self, association: Association, fault: str) -> None:
        """Count a connection out (called by its upper layer at its end)."""
        self.closed()
        if fault:
            self._fault(association, fault)

    def closed(self) -> None:
        """Count a connection out."""
        with self._lock:
            self._connections -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection could not be set up, such as for want of threads."""
        self.closed()
        self.refused("fault", str(client_address[0]), "the connection could not be set up")

    def service_actions(self) -> None:
        """Collect ended associations, which hold references to each other."""
        if time.monotonic() - self._collected > _COLLECT_SECONDS:
            self._collected = time.monotonic()
            gc.collect()
