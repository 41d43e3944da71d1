"""Where files lie: received objects, crops and reports, behind one small interface.

Keys are relative paths made from content hashes, never from what a sender wrote, so that no UID or name can
point outside the storage, and the same content is stored once.
"""

from pathlib import Path
from typing import Protocol

from dicom.durable import fsync_folder, move_durably, write_durably


class Storage(Protocol):
    """Durable files by key. When a writing method returns, the content survives a power cut."""

    def adopt(self, source: Path, key: str) -> None:
        """Move a finished, flushed file into the storage; one that is already there is kept."""

    def write(self, key: str, content: bytes) -> None:
        """Store the content; what was there is replaced as a whole."""

    def read(self, key: str) -> bytes:
        """The content under the key."""

    def path(self, key: str) -> Path:
        """A local file with the content, for reading only."""


class FolderStorage:
    """A storage in a local or shared folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self, kind: str) -> None:
        """Make the folders for the contents of one kind, so that the first of each need not wait for it."""
        for number in range(256):
            (self.root / kind / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        fsync_folder(self.root / kind)

    def adopt(self, source: Path, key: str) -> None:
        """Move a file of the same file system into the storage; one that is already there is kept."""
        target = self.path(key)
        if target.exists():
            source.unlink(missing_ok=True)
            return
        move_durably(source, target)

    def write(self, key: str, content: bytes) -> None:
        """Store the content by writing a temporary file and renaming it."""
        write_durably(self.path(key), content)

    def read(self, key: str) -> bytes:
        """The content under the key."""
        return self.path(key).read_bytes()

    def path(self, key: str) -> Path:
        """The file in the folder."""
        return self.root / key


def content_key(kind: str, digest: str, suffix: str) -> str:
    """Key of a file named after its content or origin: ``kind/ab/abcdef….suffix``."""
    return f"{kind}/{digest[:2]}/{digest}.{suffix}"
