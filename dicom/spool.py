"""Where an incoming object's bytes go while they come in: a locked temporary file.

pynetdicom can write incoming objects to a temporary file by itself, but in a folder that is set for the whole
process, without a limit, and a full disk ends its network thread, so that the sender hears nothing until it
times out. A `SpoolFile` never raises while the network is read: it remembers what went wrong and lets the
rest of the object pass.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dicom.connection import RefusedPeerError
from dicom.durable import begin_flush
from dicom.file_head import file_head
from grading.errors import PermanentError, TransientError

_PREFIX, _SUFFIX = "incoming-", ".part"


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

    def check_pace(self, size: int, seconds: float) -> None:
        """Raise `RefusedPeerError` if ``size`` bytes in so many seconds are too slow."""
        if seconds > self.slow_after and size < seconds * self.min_bytes_per_second:
            raise RefusedPeerError("slow")

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
    """One incoming object on disk.

    ``failure`` is what kept the bytes from being written, if anything. ``size`` counts the data set's bytes.
    The file is locked for as long as it is open.
    """

    def __init__(self, spool: Spool, sop_class_uid: str, sop_instance_uid: str, syntax: str) -> None:
        self._spool = spool
        self._head = file_head(sop_class_uid, sop_instance_uid, syntax)
        self._digest = hashlib.sha256(f"{syntax}\n".encode())
        self._descriptor = -1
        self.name = ""
        self.size = 0
        self.failure: Exception | None = None

    def write(self, fragment: bytes | memoryview) -> None:
        """Take in the next bytes of the data set."""
        if self.failure is not None:
            return
        self.size += len(fragment)
        try:
            if self.size > self._spool.max_object_bytes:
                raise OversizeObjectError("The object is over the size limit: raise it or send less.")
            if self._descriptor < 0:
                self._open()
            self._write(fragment)
            self._digest.update(fragment)
        # Whatever went wrong, raising here would end the network thread before a reply could be sent.
        except Exception as failure:
            self.failure = failure
            self.discard()

    def finish(self) -> None:
        """Begin to put the bytes on the disk. Raises what kept them from being written."""
        if self.failure is not None:
            raise self.failure
        if self._descriptor >= 0:
            begin_flush(self._descriptor)

    def wait(self) -> None:
        """Return once the bytes are on the disk. Raises `OSError` when it refuses them."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)

    def sha256(self) -> str:
        """The hash (hex) over the transfer syntax UID in ASCII, a newline and the data set as sent.

        Preamble and file meta are left out: a resend hashes equal.
        """
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Close the file, let go of its lock, and remove it unless it has been moved away."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # Late word of a full disk: what was to stay has been flushed.
            with suppress(OSError):
                os.close(descriptor)
            Path(self.name).unlink(missing_ok=True)

    def _open(self) -> None:
        if shutil.disk_usage(self._spool.folder).free < self._spool.min_free_bytes:
            raise DiskFullError("The disk is nearly full: make room, then send again.")
        self._descriptor, self.name = tempfile.mkstemp(_SUFFIX, _PREFIX, self._spool.folder)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._write(self._head)

    def _write(self, content: bytes | memoryview) -> None:
        written = os.write(self._descriptor, content)
        while written < len(content):
            written += os.write(self._descriptor, content[written:])
