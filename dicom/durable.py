"""Writing that survives a power cut: data reach the disk before anybody is told that they did."""

import ctypes
import os
import tempfile
from pathlib import Path

_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
_WRITE = 2


def begin_flush(descriptor: int) -> None:
    """Have the disk begin to take what was written, without waiting for it; a flush must still follow.

    `sync_file_range` is Linux's; where it is not, the flush has it all to do.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _WRITE)


def fsync_file(path: Path) -> None:
    """Flush a file's bytes to the disk. Raises `OSError` when the disk refuses."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries (new, renamed and removed names) to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_durably(source: Path, target: Path) -> None:
    """Rename a flushed file to ``target`` on the same file system, replacing what is there; flush the names.

    Folders that ``target`` needs are made. Raises `OSError` (``EXDEV`` across file systems); then ``source``
    is still where it was.
    """
    try:
        source.replace(target)
    except FileNotFoundError:
        _make_folders(target.parent)
        source.replace(target)
    fsync_folder(target.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or all of the new, which survives a power cut."""
    _make_folders(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)
