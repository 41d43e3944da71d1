"""Folders of photos that a browser sent, until somebody confirms that they are to be imported.

``<data>/uploads/<account>-<word>/`` holds a cohort folder (`grading.cohort`). An account has one at a time;
what is not confirmed is deleted after `KEPT_HOURS`, by the workers' clock and before the next upload. Nothing
outside the folder is ever written, whatever a browser calls its files.
"""

import re
import secrets
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from grading.annotations import ANNOTATIONS
from grading.cohort import LABELS
from grading.errors import PermanentError
from grading.photos import SUFFIXES
from service.settings import Settings

FOLDER = "uploads"
KEPT_HOURS = 4
MOST_FILES = 20_000
MOST_FOLDERS = 20
"""Of all accounts together."""
LONGEST_NAME = 100
IMPORTING = "importing"
"""A file in a folder that is being imported."""
CHUNK = 1 << 18
ZIP = ".zip"
DISK = "the disk takes nothing at the moment: tell an administrator"
_WORD = re.compile(r"[A-Za-z0-9_-]{20,40}")


class UploadError(PermanentError):
    """What a browser sent cannot be kept; the message says what to do."""

    code = "upload.refused"


@dataclass(eq=False)
class Upload:
    """A folder that fills with what is sent, at most ``room`` bytes more.

    ``misplaced`` are names of photos that do not say whose and when they are, or came twice.
    """

    folder: Path
    word: str
    room: int = 0
    files: int = 0
    misplaced: list[str] = field(default_factory=list)

    def open(self, name: str, table: str | None = None) -> IO[bytes] | None:
        """A new file for what a browser calls ``name``; None for what is not wanted.

        ``table`` is the file's name where the browser's field said that it is this table.

        Raises `UploadError` where there are too many files.
        """
        if not table and PurePosixPath(name).suffix.lower() == ZIP and not self.packed.exists():
            return self.packed.open("wb")
        place = PurePosixPath(table) if table else place_of(name)
        if place is None:
            if PurePosixPath(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                self.misplaced.append(name)
            return None
        self.files += 1
        if self.files > MOST_FILES:
            raise UploadError(f"these are more than {MOST_FILES} files: send fewer recordings at once")
        file = self.folder.joinpath(*place.parts)
        if file.exists() and not table:
            self.misplaced.append(name)
            return None
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("wb")

    def take(self, size: int) -> None:
        """Count bytes before they are written. Raises `UploadError` where they are too many."""
        self.room -= size
        if self.room < 0:
            raise UploadError("the files are larger than what may be sent at once: send fewer recordings")

    @property
    def packed(self) -> Path:
        """Where a ZIP file lies until it was unpacked."""
        return self.folder / f"packed{ZIP}"

    def unpack(self) -> None:
        """Take the files of a ZIP file that was sent as if they had been. Raises `UploadError`."""
        if not self.packed.exists():
            return
        try:
            with zipfile.ZipFile(self.packed) as packed:
                for entry in packed.infolist():
                    target = None if entry.is_dir() else self.open(entry.filename)
                    if target is None:
                        continue
                    with target, packed.open(entry) as source:
                        while chunk := source.read(CHUNK):
                            self.take(len(chunk))
                            target.write(chunk)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise UploadError("the ZIP file is damaged or has a password: pack it again without") from error
        self.packed.unlink()

    def remove(self) -> None:
        """Delete everything that was sent."""
        shutil.rmtree(self.folder, ignore_errors=True)


def place_of(name: str) -> PurePosixPath | None:
    """Where a file belongs by its name and the last two folders around it; None if it is not wanted.

    A photo is ``subject/session/1.jpg``, or ``subject_session_1.jpg`` without folders.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    if not parts or any(part.startswith(".") or len(part) > LONGEST_NAME or "\0" in part for part in parts):
        return None
    last = parts[-1].lower()
    if last in (LABELS, ANNOTATIONS):
        return PurePosixPath(last)
    if PurePosixPath(last).suffix not in SUFFIXES:
        return None
    if len(parts) == 1:
        parts = parts[0].rsplit("_", 2)
    return PurePosixPath(*parts[-3:]) if len(parts) >= 3 and all(parts[-3:]) else None


def begin(settings: Settings, account: int, size: int) -> Upload:
    """A new folder for ``size`` bytes; what the account sent before and did not confirm is deleted.

    Raises:
        UploadError: it is too large, or there is no room for it.
    """
    clear(settings.data_dir)
    most = int(settings.web.upload_gigabytes * 1e9)
    if size > most:
        raise UploadError(
            f"this is larger than what may be sent at once ({settings.web.upload_gigabytes:g} GB): "
            "send fewer recordings, or ask an administrator"
        )
    root = settings.data_dir / FOLDER
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in _folders(root):
            if folder.name.startswith(f"{account}-") and not (folder / IMPORTING).exists():
                shutil.rmtree(folder, ignore_errors=True)
        if len(list(_folders(root))) >= MOST_FOLDERS:
            raise UploadError("too many imports wait for somebody to confirm them: try again later")
        # Once as it comes, once as it is kept.
        if shutil.disk_usage(root).free - 2 * size < settings.receiver.min_free_bytes:
            raise UploadError("the disk has no room for these photos: tell an administrator")
        word = secrets.token_urlsafe(16)
        folder = root / f"{account}-{word}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UploadError(DISK) from error
    return Upload(folder, word, most)


def find(data_dir: Path, account: int, word: str) -> Upload | None:
    """What an account sent under this word, None if it is gone."""
    folder = data_dir / FOLDER / f"{account}-{word}"
    return Upload(folder, word) if _WORD.fullmatch(word) and folder.is_dir() else None


def clear(data_dir: Path, now: float | None = None) -> None:
    """Delete what has lain longer than `KEPT_HOURS`; ``now`` is in seconds of `time.time`."""
    limit = (now or time.time()) - KEPT_HOURS * 3600
    for folder in _folders(data_dir / FOLDER):
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def _folders(root: Path) -> Iterator[Path]:
    return (folder for folder in sorted(root.glob("*-*")) if folder.is_dir())
