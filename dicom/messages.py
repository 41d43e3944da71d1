"""The message layer of one incoming association: stored objects go to disk, all else is pynetdicom's.

A C-STORE request and the pieces of its data set come from the upper layer as they lie in its buffer; the
object is handed on, and answered, in the thread that read it.
"""

import queue
import time
from collections.abc import Callable
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from dicom.connection import RefusedPeerError
from dicom.replies import store_reply
from dicom.requests import StoreRequest, store_request
from dicom.spool import Spool, SpoolFile
from dicom.upper_layer import COMMAND, LAST, UpperLayer, as_primitive

_MAX_SMALL_BYTES = 1 << 22
"""For a command set with the data set of any request but a store."""
_WAIT_SECONDS = 0.5

OnStore = Callable[[Association, "Incoming"], tuple[int, str]]
"""Takes in a whole object; its status, and a comment where that is no success. It does not raise."""


class Incoming:
    """An object that comes in: what was asked, the abstract syntax it comes under, and its file."""

    def __init__(self, request: StoreRequest, context_id: int, abstract_syntax: str, file: SpoolFile) -> None:
        self.request = request
        self.context_id = context_id
        self.abstract_syntax = abstract_syntax
        self.file = file
        self.begun = time.monotonic()


class MessageLayer(DIMSEServiceProvider):
    """pynetdicom's message layer for one association, past which stored objects go."""

    def __init__(self, association: Association, spool: Spool, on_store: OnStore) -> None:
        super().__init__(association)
        self._spool = spool
        self._on_store = on_store
        self._incoming: Incoming | None = None
        self._command = b""
        self._small_bytes = 0

    def get_msg(self, block: bool = False) -> Any:
        """The next message; where pynetdicom would ask again a millisecond later, waits for half a second."""
        if block:
            return super().get_msg(block=True)
        try:
            return self.msg_queue.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            return None, None

    def receive_fragment(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take in a piece of a message (called by the upper layer's thread).

        Raises `RefusedPeerError` on fragments that no peer may send, or that come too slowly.
        """
        incoming = self._incoming
        if control & COMMAND:
            if incoming is not None or self.message is not None:
                raise RefusedPeerError("fragment_out_of_place")
            self._receive_command(context_id, control, fragment)
        elif incoming is not None:
            if context_id != incoming.context_id:
                raise RefusedPeerError("fragment_out_of_place")
            incoming.file.write(fragment)
            self._spool.check_pace(incoming.file.size, time.monotonic() - incoming.begun)
            if control & LAST:
                self._store(incoming)
        elif self.message is None or context_id != self.message.context_id:
            raise RefusedPeerError("fragment_out_of_place")
        else:
            self._count(fragment)
            self.receive_primitive(as_primitive(context_id, control, bytes(fragment)))

    def discard(self) -> bool:
        """Drop what has come in and was not stored, when the association ends; whether there was any."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return False
        incoming.file.discard()
        return True

    def _receive_command(self, context_id: int, control: int, fragment: memoryview) -> None:
        if not self._command:
            self._small_bytes = 0
        self._count(fragment)
        self._command += fragment
        if not control & LAST:
            return
        command, self._command = self._command, b""
        request = store_request(command)
        if request is None:
            self.receive_primitive(as_primitive(context_id, COMMAND | LAST, command))
            return
        context = self.assoc._accepted_cx.get(context_id)
        if context is None:
            raise RefusedPeerError("unknown_context")
        abstract_syntax = str(context.abstract_syntax)
        if request.sop_class_uid != abstract_syntax and (
            uid_to_service_class(request.sop_class_uid) is not StorageServiceClass
        ):
            raise RefusedPeerError("unserved_request")
        file = SpoolFile(
            self._spool,
            request.sop_class_uid,
            request.sop_instance_uid,
            str(context.transfer_syntax[0]),
        )
        self._incoming = Incoming(request, context_id, abstract_syntax, file)
        if not request.has_data_set:
            self._store(self._incoming)

    def _store(self, incoming: Incoming) -> None:
        self._incoming = None
        status, comment = self._on_store(self.assoc, incoming)
        request = incoming.request
        reply = store_reply(
            request.sop_class_uid, request.sop_instance_uid, request.message_id, status, comment
        )
        cast(UpperLayer, self.dul).send_message(incoming.context_id, reply)

    def _count(self, fragment: memoryview) -> None:
        self._small_bytes += len(fragment)
        if self._small_bytes > _MAX_SMALL_BYTES:
            raise RefusedPeerError("message_too_long")
