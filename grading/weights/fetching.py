"""Downloads published weights: checked, gone on with where it broke off, and whole or not at all.

While it runs the file has the ending `.part`. That is kept where a download breaks off or is interrupted, and
the next one asks the server for the rest only (HTTP Range, RFC 9110 section 14).
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from http.client import HTTPException
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from grading.weights.errors import DownloadError
from grading.weights.sources import Source, find, hash_fits, sha256_of

Progress = Callable[[int, int | None], None]
"""Told how many bytes of how many are there; the total is None where the server does not say."""

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 4
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses after which trying again makes sense."""


def fetch(
    source: Source,
    folder: Path,
    *,
    mirror: str | None = None,
    progress: Progress | None = None,
    pause_seconds: float = 1.0,
) -> Path:
    """Download a backbone's weights into the folder and return the file; the right one there is kept.

    ``mirror`` is an address, http or https, under which the file lies with its published name, in place of
    its own server. A broken connection is tried again three times, after ``pause_seconds`` and twice as long
    each time.

    Raises `DownloadError` with what to do: the server cannot be reached or refuses, the disk is full, another
    process is at it, or what came is not the published file (then it is thrown away).
    """
    kept = find(source, folder)
    if kept and hash_fits(source, sha256_of(kept)):
        return kept
    if source.url is None:
        raise DownloadError(f"the weights of {source.backbone} cannot be downloaded: import a file of them")
    url = f"{mirror.rstrip('/')}/{source.file}" if mirror else source.url
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url} is no http or https address: correct the mirror")
    part = folder / f"{source.file}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileIO(part, "ab") as file:
            # a killed process loses its hold by itself
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _receive_patiently(url, file, progress or (lambda done, total: None), pause_seconds)
            os.fsync(file.fileno())
        sha256 = sha256_of(part)
        if not hash_fits(source, sha256):
            part.unlink()
            raise DownloadError(
                f"what came from {url} has the SHA-256 {sha256[:8]}…, the published file has "
                f"{source.sha256}…: fetch it again; if that does not help, a proxy may answer in its place"
            )
        return part.replace(folder / source.file)
    except BlockingIOError:
        raise DownloadError(
            f"another process is downloading {source.file}: wait until it has ended"
        ) from None
    except (OSError, HTTPException) as error:
        raise DownloadError(
            f"{source.file} could not be downloaded from {url} ({error}): check the network and fetch it "
            "again, or bring the file from another machine and import it"
        ) from error


def _receive_patiently(url: str, file: FileIO, progress: Progress, pause_seconds: float) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _receive(url, file, progress)
        except (OSError, HTTPException) as error:
            refused = isinstance(error, HTTPError) and error.code not in _PASSING
            if refused or attempt == _ATTEMPTS:
                raise
        time.sleep(pause_seconds * 2 ** (attempt - 1))
    return None


def _receive(url: str, file: FileIO, progress: Progress) -> None:
    """Append what the file lacks. Raises OSError or HTTPException where the connection fails or breaks."""
    start = os.fstat(file.fileno()).st_size
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)  # noqa: S310 - http(s) only
    except HTTPError as error:
        if error.code != 416:
            raise
        error.close()
        if error.headers["Content-Range"] == f"bytes */{start}":
            return  # nothing is lacking
        file.truncate(0)
        raise ConnectionError("the part from an earlier download does not fit") from error
    with response:
        if start and response.status != 206:
            file.truncate(0)  # the server knows no Range and sends the whole file
            start = 0
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        folder = Path(os.fsdecode(file.name)).parent
        if total is not None and total - start > shutil.disk_usage(folder).free:
            raise _full(folder, total - start)
        done = start
        while chunk := response.read(_CHUNK):
            try:
                _write(file, chunk)
            except OSError as error:
                raise _full(folder, len(chunk)) from error
            done += len(chunk)
            progress(done, total)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _full(folder: Path, needed: int) -> DownloadError:
    return DownloadError(
        f"{folder} cannot take another {needed / 2**20:.0f} MiB: make room on its disk and fetch again"
    )
