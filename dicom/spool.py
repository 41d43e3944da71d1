"""Where an incoming object's bytes go while they come in: a locked temporary file.

pynetdicom can write incoming objects to a temporary file by itself, but in a folder that is set for the whole
process, without a limit, and a full disk ends its network thread, so that the sender hears nothing until it
times out. `SpoolingProvider` gives each incoming message a file of ours instead, which never raises while the
network is read: it remembers what went wrong and lets the rest of the object pass.
"""

import fcntl
import hashlib
import os
import queue
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from dicom.durable import begin_flush
from dicom.file_head import file_head
from dicom.replies import store_reply
from dicom.upper_layer import RefusedPeerError, as_primitive
from grading.errors import PermanentError, TransientError

_PREFIX, _SUFFIX = "incoming-", ".part"
_COMMAND, _LAST = 1, 2
"""Bits of the message control header (PS3.8 E.2)."""
_MAX_SMALL_BYTES = 1 << 22
"""For a command set with the data set of any request but a store."""
_WAIT_SECONDS = 0.5


class DiskFullError(TransientError):
    """The disk has less room than the mark under which nothing is taken in."""

    code = "dicom.disk_full"


class OversizeObjectError(PermanentError):
    """An object is larger than the limit."""

    code = "dicom.too_large"


@dataclass(frozen=True)
class Spool:
    """A folder for what is coming in. Sizes in bytes.

    An object that has been coming for ``slow_after`` seconds must average ``min_bytes_per_second``.
    """

    folder: Path
    min_free_bytes: int
    max_object_bytes: int
    slow_after: float = 60.0
    min_bytes_per_second: float = 1024.0

    def sweep(self) -> int:
        """Remove what killed processes left behind; a file that a living one writes is locked and stays.

        Returns the number of files removed.
        """
        removed = 0
        for path in self.folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                path.unlink(missing_ok=True)
                removed += 1
        return removed


class SpoolFile:
    """One incoming object on disk, written by pynetdicom's message through ``write`` and ``file.flush``.

    ``failure`` is what kept the bytes from being written, if anything. ``size`` counts the data set's bytes.
    The file is locked for as long as it is open.
    """

    def __init__(self, spool: Spool, message: DIMSEMessage, association: Association) -> None:
        self._spool = spool
        self._message = message
        self._association = association
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self.name = ""
        self.size = 0
        self.failure: Exception | None = None

    @property
    def file(self) -> Self:
        """Itself: pynetdicom flushes through the attribute that `tempfile` gives its files."""
        return self

    @property
    def open(self) -> bool:
        """Whether there is a file that may still be written."""
        return self._file is not None

    def write(self, fragment: bytes | memoryview) -> None:
        """Take in the next bytes of the data set."""
        if self.failure is not None:
            return
        self.size += len(fragment)
        try:
            if self.size > self._spool.max_object_bytes:
                raise OversizeObjectError("The object is over the size limit: raise it or send less.")
            if self._file is None:
                self._open()
            cast(BinaryIO, self._file).write(fragment)
            self._digest.update(fragment)
        # Whatever went wrong, raising here would end the network thread before a reply could be sent.
        except Exception as failure:
            self.failure = failure
            self.discard()

    def flush(self) -> None:
        """Nothing: `finish` flushes, once."""

    def finish(self) -> None:
        """Begin to put the bytes on the disk. Raises what kept them from being written, or `OSError`."""
        if self.failure is not None:
            raise self.failure
        if self._file is not None:
            self._file.flush()
            begin_flush(self._file.fileno())

    def wait(self) -> None:
        """Return once the bytes are on the disk. Raises `OSError` when it refuses them."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def sha256(self) -> str:
        """The hash (hex) over the transfer syntax UID in ASCII, a newline and the data set as sent.

        Preamble and file meta are left out: a resend hashes equal.
        """
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file and let go of its lock; what is on disk stays."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as failure:  # the disk is full, and the rest of the buffer cannot be written
                self.failure = self.failure or failure

    def discard(self) -> None:
        """Close the file and remove it, unless it has been moved away."""
        self.close()
        if self.name:
            Path(self.name).unlink(missing_ok=True)

    def _open(self) -> None:
        if shutil.disk_usage(self._spool.folder).free < self._spool.min_free_bytes:
            raise DiskFullError("The disk is nearly full: make room, then send again.")
        descriptor, self.name = tempfile.mkstemp(_SUFFIX, _PREFIX, self._spool.folder)
        self._file = os.fdopen(descriptor, "wb")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        command = self._message.command_set
        context = self._association._accepted_cx[cast(int, self._message.context_id)]
        syntax = str(context.transfer_syntax[0])
        self._digest = hashlib.sha256(f"{syntax}\n".encode())
        self._file.write(
            file_head(str(command.AffectedSOPClassUID), str(command.AffectedSOPInstanceUID), syntax)
        )


class _Inbox(queue.Queue[Any]):
    """The association's messages. A whole object is stored in the thread that read it, without a hop."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        context_id, message = item
        association = self._association
        if (
            isinstance(message, C_STORE)
            and threading.current_thread() is association.dul
            and association.is_established
            and context_id in association._accepted_cx
        ):
            association._serve_request(message, context_id)
            # A request that makes no sense is never handed to the receiver, which else takes the file.
            cast(SpoolFile, message._dataset_file).discard()
        else:
            super().put(item, block, timeout)


class SpoolingProvider(DIMSEServiceProvider):
    """pynetdicom's message layer for one association, with a `SpoolFile` behind every object.

    The upper layer hands it fragments as they lie in its buffer (`receive_fragment`).
    """

    def __init__(self, association: Association, spool: Spool) -> None:
        super().__init__(association)
        self._spool = spool
        self._files: list[SpoolFile] = []
        self._begun = 0.0
        self._small_bytes = 0
        self.msg_queue = _Inbox(association)

    def get_msg(self, block: bool = False) -> Any:
        """The next message; where pynetdicom would ask again a millisecond later, waits for half a second."""
        if block:
            return super().get_msg(block=True)
        try:
            return self.msg_queue.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            return None, None

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message; the answer to a store by the short way."""
        if not isinstance(primitive, C_STORE) or primitive.MessageIDBeingRespondedTo is None:
            super().send_msg(primitive, context_id)
            return
        reply = store_reply(
            cast(UID, primitive.AffectedSOPClassUID),
            cast(UID, primitive.AffectedSOPInstanceUID),
            primitive.MessageIDBeingRespondedTo,
            cast(int, primitive.Status),
            str(primitive.ErrorComment or ""),
        )
        self.dul.send_pdu(as_primitive(context_id, _COMMAND | _LAST, reply))

    def receive_fragment(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take in a piece of a message (called by the upper layer's thread).

        Raises `RefusedPeerError` on fragments that no peer may send, or that come too slowly.
        """
        message = self.message
        if control & _COMMAND:
            self._receive_command(context_id, control, fragment)
        elif message is None or context_id != message.context_id:
            raise RefusedPeerError("fragment_out_of_place")
        elif isinstance(message._data_set_file, SpoolFile):
            file = message._data_set_file
            file.write(fragment)
            seconds = time.monotonic() - self._begun
            if seconds > self._spool.slow_after and file.size < seconds * self._spool.min_bytes_per_second:
                raise RefusedPeerError("slow")
            if control & _LAST:
                self.receive_primitive(as_primitive(context_id, control, b""))
        else:
            self._count(fragment)
            self.receive_primitive(as_primitive(context_id, control, bytes(fragment)))

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take in one piece in pynetdicom's own form."""
        if self.message is None:
            self.message = DIMSEMessage()
            # Declared as a file of tempfile; what is used of it is write, file.flush, close and name.
            file = SpoolFile(self._spool, self.message, self.assoc)
            self.message._data_set_file = file  # type: ignore[assignment]
            self._files = [*(each for each in self._files if each.open), file]
            self._begun = time.monotonic()
        super().receive_primitive(primitive)

    def discard(self) -> bool:
        """Drop what has come in and was not stored, when the association ends; whether there was any."""
        unfinished = [file for file in self._files if file.open]
        for file in unfinished:
            file.discard()
        return bool(unfinished)

    def _receive_command(self, context_id: int, control: int, fragment: memoryview) -> None:
        if self.message is None:
            self._small_bytes = 0
        elif self.message.context_id is not None:
            raise RefusedPeerError("fragment_out_of_place")
        self._count(fragment)
        self.receive_primitive(as_primitive(context_id, control, bytes(fragment)))
        if self.message is not None and control & _LAST and not isinstance(self.message, C_STORE_RQ):
            # What comes with another request than a store is short, and read as a whole.
            self.message._data_set_file = None

    def _count(self, fragment: memoryview) -> None:
        self._small_bytes += len(fragment)
        if self._small_bytes > _MAX_SMALL_BYTES:
            raise RefusedPeerError("message_too_long")
