"""Where a command writes its results: looked at before the work, which may take hours."""

import os
from pathlib import Path

from grading.errors import PermanentError


class OutputError(PermanentError):
    """The results cannot be written where they were asked for."""

    code = "output.unwritable"


def check_folder(folder: Path) -> None:
    """Make the folder if need be. Raises `OutputError` where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): give --out another folder") from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} cannot be written to: change its permissions or give --out another")


def check_file(file: Path) -> None:
    """Raise `OutputError` where the file cannot be written."""
    if file.is_dir():
        raise OutputError(f"{file} is a folder: give --out the name of a file in it")
    check_folder(file.absolute().parent)
