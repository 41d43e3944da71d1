"""pynetdicom's upper layer for one incoming association, with limits and without its waits.

As it comes, pynetdicom reads 4 KiB at a time, makes several objects and queue hops of each PDU, asks every
millisecond whether there is something to do, takes in PDUs of up to 4 GiB and waits without end for a peer
that stops in the middle of one. Here data go from the socket into one buffer and from there to the message
layer; the thread sleeps until the peer or the association has something for it; a PDU has a size limit and,
once begun, a time limit. The state machine, negotiation and services are pynetdicom's own.
"""

import queue
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol, cast

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import P_DATA

from dicom.connection import Connection, RefusedPeerError

COMMAND, LAST = 1, 2
"""Bits of the message control header (PS3.8 E.2)."""

_DATA_PDU = 0x04
_TRANSFER = "Sta6"
"""The state of PS3.8 9.2 in which data are transferred."""


class Fragments(Protocol):
    """The message layer as the upper layer sees it: `dicom.messages.MessageLayer`."""

    def receive_fragment(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take in a piece of a message; ``control`` is its message control header (PS3.8 E.2)."""

    def discard(self) -> bool:
        """Drop what has come in of an unfinished object; whether there was any."""


class _WakingQueue(queue.Queue[Any]):
    """A queue that tells somebody of each item."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._tell()


class UpperLayer(DULServiceProvider):
    """The thread that reads one association's PDUs. ``ended`` is told what was wrong, "" for nothing."""

    def __init__(
        self,
        association: Association,
        connection: socket.socket,
        pdu_seconds: float,
        ended: Callable[[Association, str], None],
    ) -> None:
        super().__init__(association)
        self._ended = ended
        # The association's thread waits for messages, so whatever else is for it has to end that wait.
        self.to_user_queue = _WakingQueue(lambda: association.dimse.msg_queue.put((None, None)))
        self.name = f"UpperLayer-{association.name}"
        association.dul = self
        association.dul.socket = self.connection = Connection(association, connection, pdu_seconds)
        # These set the timers of whatever upper layer the association has.
        association.acse_timeout = association.ae.acse_timeout
        association.network_timeout = association.ae.network_timeout

    def send_pdu(self, primitive: Any) -> None:
        """Hand the upper layer something to send."""
        super().send_pdu(primitive)
        self._wake()

    def send_message(self, context_id: int, command: bytes) -> None:
        """Send a command set that fits into one PDU, while data are transferred; by this thread only."""
        value = struct.pack(">LBB", len(command) + 2, context_id, COMMAND | LAST) + command
        self.connection.send(struct.pack(">BBL", _DATA_PDU, 0, len(value)) + value)

    def kill_dul(self) -> None:
        """Ask the thread to end."""
        super().kill_dul()
        self._wake()

    def stop_dul(self) -> bool:
        """End the thread if the association is over; whether it was."""
        if threading.current_thread() is self:
            # pynetdicom aborts over a request that nobody can serve, and would wait here for its own end.
            self.connection.refuse("unserved_request")
            self._do_next()
            self.kill_dul()
            return True
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        self.join()
        return True

    def idle_timer_expired(self) -> bool:
        """Whether the peer has been silent for too long."""
        expired = super().idle_timer_expired()
        if expired:
            self.connection.refuse("idle")
        return expired

    def run_reactor(self) -> None:
        """The thread's work, until the connection is closed; what it held is let go of."""
        fault = ""
        try:
            self._idle_timer.start()
            self.assoc._dul_ready.set()
            while not self._kill_thread:
                self._do_next()
        # The outermost call of a thread: a peer's nonsense must not end in a trace of the interpreter.
        except Exception as error:
            fault = f"protocol: {type(error).__name__}"
            self._abort()
        finally:
            if cast(Fragments, self.assoc.dimse).discard():
                fault = fault or "hung_up_inside_an_object"
            self.connection.release()
            self.assoc.dimse.msg_queue.put((None, None))
            if self.assoc.requestor.primitive is None:
                # A probe that only connected: the association would wait on for its request.
                self.to_user_queue.put(None)
            self._ended(self.assoc, self.connection.fault or fault)

    def _do_next(self) -> None:
        """One turn of pynetdicom's loop: something to send, else something that came; then what follows."""
        if self.artim_timer.expired:
            self.event_queue.put("Evt18")
        if not self._process_recv_primitive() and self._is_transport_event():
            self._idle_timer.restart()
        while self.event_queue.queue and not self._kill_thread:
            self.state_machine.do_action(self.event_queue.get())

    def _abort(self) -> None:
        """Tell the peer and end the association, past the state machine."""
        pdu = A_ABORT_RQ()
        pdu.source, pdu.reason_diagnostic = 0x02, 0x00
        if self.socket is not None and self.socket.socket is not None:
            self.socket.send(pdu.encode())
        self.assoc.is_aborted, self.assoc.is_established = True, False
        self.assoc._kill = True

    def _wake(self) -> None:
        if threading.current_thread() is not self:
            self.connection.wake()

    def _read_pdu_data(self) -> None:
        """Take in PDUs that have come: data directly, everything else as pynetdicom does."""
        try:
            while True:
                head = self.connection.peek_head()
                if self.state_machine.current_state != _TRANSFER or len(head) < 6 or head[0] != _DATA_PDU:
                    super()._read_pdu_data()
                    return
                (length,) = struct.unpack_from(">L", head, 2)
                self._take_in(length)
                # Whatever the association wants comes between two PDUs.
                if self._kill_thread or self.to_provider_queue.queue or self.event_queue.queue:
                    return
                if not self.connection.pending:
                    return
                self._idle_timer.restart()
        except RefusedPeerError as error:
            self.connection.refuse(str(error))
            self.event_queue.put("Evt19")
        except OSError:
            self.event_queue.put("Evt17")
        except Exception:
            self.connection.refuse("unreadable_message")
            raise

    def _take_in(self, length: int) -> None:
        """Read the presentation data values of a P-DATA-TF PDU (PS3.8 9.3.5) and pass them on."""
        body = self.connection.take(6 + length)[6:]
        fragments = cast(Fragments, self.assoc.dimse)
        at = 0
        while at < length:
            if at + 6 > length:
                raise self.connection.refuse("garbage")
            size, context_id, control = struct.unpack_from(">LBB", body, at)
            end = at + 4 + size
            if size < 2 or end > length:
                raise self.connection.refuse("garbage")
            fragments.receive_fragment(context_id, control, body[at + 6 : end])
            at = end


def as_primitive(context_id: int, control: int, fragment: bytes) -> P_DATA:
    """One fragment in pynetdicom's own form."""
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((context_id, bytes([control]) + fragment))
    return primitive
