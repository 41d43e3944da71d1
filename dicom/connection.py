"""A peer's connection: read a quarter of a megabyte at a time, with limits on a PDU's length and time."""

import os
import select
import socket
import ssl
import threading
import time
from typing import cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

MAX_PDU_BYTES = 1 << 20
"""More than we ask for, since some senders do not heed that, and more than any association request has."""

_WAIT_SECONDS = 0.5
"""How long to sleep at most before looking at the timers (ARTIM, idle)."""

_BUFFER_BYTES = (1 << 18) + 4096
"""Two PDUs of the length that we ask for: so much is read at once, and fits into a core's cache."""


class RefusedPeerError(OSError):
    """The peer does what no peer should; the message is a short code for the log."""


class Connection(AssociationSocket):
    """A peer's socket. Reading stops when a PDU is too long, or takes longer than ``pdu_seconds``."""

    def __init__(self, association: Association, connection: socket.socket, pdu_seconds: float) -> None:
        self.wakeups = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.fault = ""
        self._closing = threading.Lock()
        self._pdu_seconds = pdu_seconds
        self._deadline = 0.0
        # What was read and nobody has taken yet lies between the two marks.
        self._buffer = bytearray(_BUFFER_BYTES)
        self._begin = self._end = 0
        connection.settimeout(pdu_seconds)
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._poll.register(self.wakeups, select.POLLIN)
        super().__init__(association, client_socket=connection)

    @property
    def ready(self) -> bool:
        """Whether the peer has sent something; waits for it until woken, half a second at most."""
        connection = self.socket
        if connection is None or not self._is_connected:
            return False
        if self.pending:
            return True
        try:
            found = self._poll.poll(0 if self.event_queue.queue else _WAIT_SECONDS * 1000)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        descriptors = {descriptor for descriptor, _ in found}
        if self.wakeups in descriptors:
            os.eventfd_read(self.wakeups)
            descriptors.remove(self.wakeups)
        return bool(descriptors)

    @property
    def pending(self) -> bool:
        """Whether something that the peer has sent was read already, and not yet taken."""
        connection = self.socket
        return self._end > self._begin or (isinstance(connection, ssl.SSLSocket) and connection.pending() > 0)

    def wake(self) -> None:
        """End the wait in `ready`, from another thread."""
        # Without the lock the descriptor could be another file's by the time it is written to.
        with self._closing:
            if self.wakeups >= 0:
                os.eventfd_write(self.wakeups, 1)

    def peek_head(self) -> bytes:
        """The first six bytes of a PDU, which stay to be taken, or fewer if the peer hangs up.

        The time limit of the PDU begins. Raises `RefusedPeerError` or `OSError`, as all that reads.
        """
        self._deadline = time.monotonic() + self._pdu_seconds
        available = self._fill(6)
        return bytes(self._buffer[self._begin : self._begin + available])

    def recv(self, nr_bytes: int) -> bytearray:
        """``nr_bytes`` from the peer, fewer if it hangs up."""
        available = self._fill(nr_bytes)
        self._begin += available
        return self._buffer[self._begin - available : self._begin]

    def take(self, count: int) -> memoryview:
        """The next bytes, where they lie until more is read. Raises `OSError` also if the peer hangs up."""
        if self._fill(count) < count:
            raise ConnectionResetError("the peer hung up inside a PDU")
        self._begin += count
        return memoryview(self._buffer)[self._begin - count : self._begin]

    def release(self) -> None:
        """Close what the connection holds; nothing may be called afterwards."""
        self._shutdown_socket()
        # pynetdicom's way of closing leaves the socket open when the peer was first to hang up.
        self._connection.close()
        with self._closing:
            os.close(self.wakeups)
            self.wakeups = -1

    def refuse(self, fault: str) -> RefusedPeerError:
        """Note why the peer is refused; the error to raise."""
        self.fault = self.fault or fault
        return RefusedPeerError(fault)

    def _fill(self, count: int) -> int:
        """Read until ``count`` bytes lie in the buffer, with what else has come; how many of them do."""
        if self._end - self._begin >= count:
            return count
        if count > MAX_PDU_BYTES:
            raise self.refuse("pdu_too_long")
        if self._begin + count > len(self._buffer):
            # A new buffer, or the front of this one: what was taken from it is through.
            rest = self._buffer[self._begin : self._end]
            if count > len(self._buffer):
                self._buffer = bytearray(count)
            self._begin, self._end = 0, len(rest)
            self._buffer[: self._end] = rest
        connection = cast(socket.socket, self.socket)
        with memoryview(self._buffer) as room:
            while self._end - self._begin < count:
                if time.monotonic() > self._deadline:
                    raise self.refuse("slow")
                try:
                    read = connection.recv_into(room[self._end :])
                except TimeoutError:
                    raise self.refuse("slow") from None
                if not read:
                    break
                self._end += read
        return min(count, self._end - self._begin)
