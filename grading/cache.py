"""A folder of arrays under a hash of what they were made from and by.

Several processes on several machines may fill one folder: a file appears whole or not at all, and carries a
checksum, so that one which a disk damaged is made anew rather than believed.
"""

import hashlib
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from grading.errors import PermanentError

_CHECKSUM_BYTES = 4


class CacheError(PermanentError):
    """The cache folder cannot be written to."""

    code = "cache.unwritable"


class Cache:
    """Arrays by content; with no folder it keeps nothing.

    ``contents`` are hashes of the files that an array was made from, ``made_by`` names everything that made
    it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def holds(self, made_by: str, *contents: str) -> bool:
        """Whether there is a file, whole or damaged."""
        path = self._path(made_by, contents)
        return path is not None and path.exists()

    def read(self, made_by: str, *contents: str) -> NDArray[Any] | None:
        """What was kept; None where there is nothing, or it is damaged and has to be made anew."""
        path = self._path(made_by, contents)
        if path is None:
            return None
        try:
            stored = path.read_bytes()
            values, checksum = stored[:-_CHECKSUM_BYTES], stored[-_CHECKSUM_BYTES:]
            if _checksum(values) != checksum:
                return None
            kept: NDArray[Any] = np.load(io.BytesIO(values), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return kept

    def write(self, values: NDArray[Any], made_by: str, *contents: str) -> None:
        """Keep values whole or not at all. Raises `CacheError`."""
        path = self._path(made_by, contents)
        if path is None:
            return
        stored = io.BytesIO()
        np.save(stored, values, allow_pickle=False)
        with _told(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            # the name is new on every machine; a process that is killed leaves the file behind
            partial = path.with_name(f"{path.stem}.{uuid4().hex}.part")
            partial.write_bytes(stored.getvalue() + _checksum(stored.getvalue()))
            partial.replace(path)

    def space(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Zeros: in memory, or with a folder in a file there that vanishes with the array.

        Raises `CacheError`.
        """
        if self._folder is None or 0 in shape:
            return np.zeros(shape, dtype=np.float32)
        with _told(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)

    def _path(self, made_by: str, contents: tuple[str, ...]) -> Path | None:
        if self._folder is None:
            return None
        key = hashlib.sha256(" ".join((*contents, made_by)).encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.npy"


def content_of(path: Path) -> str:
    """The hash of a file; one that is missing or unreadable is left for its reader to name."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return f"unreadable {path}"


def _checksum(values: bytes) -> bytes:
    return zlib.crc32(values).to_bytes(_CHECKSUM_BYTES, "big")


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"the cache cannot be written to {folder} ({error.strerror}): make room there, or name another "
            "folder with --cache"
        ) from error
