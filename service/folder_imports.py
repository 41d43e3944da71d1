"""A folder that was uploaded: what a dry run finds in it, and its import in the background."""

import contextlib
import json
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Engine

from grading.annotations import ANNOTATIONS
from grading.cohort import LABELS
from grading.csv_tables import Problem
from grading.errors import FacialisError, PermanentError
from grading.parallel import map_threads
from grading.photos import SUFFIXES, check_photo
from service.cohort_import import NOTHING, Taken, import_folder, import_series, own_receiver, read_folder
from service.database import transaction
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.settings import Settings
from service.uploads import DISK, IMPORTING, Upload

log = structlog.get_logger()

CHECKED = "checked.json"
MOST_TOLD = 500
"""Problems that are listed."""
MOST_REMEMBERED = 100
FAILED = "the import broke off, and the service has noted where: tell an administrator"


@dataclass(frozen=True)
class Checked:
    """What a dry run found: problems that keep the folder out, and photos that would be left out."""

    rater: str
    recordings: int
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...]


def check(upload: Upload, rater: str) -> Checked:
    """Look at every row and every photo, and note what was found beside them."""
    problems: list[Problem] = []
    found = read_folder(upload.folder, rater or None, problems.append)
    photos = [(series, path) for series in found for path in series.recording.photos.values()]
    faults = map_threads(_fault, [path for _, path in photos])
    for (series, _), fault in zip(photos, faults, strict=True):
        if fault is not None:
            message = f"{series.recording.subject}/{series.recording.session}: {fault}"
            problems.append(Problem(upload.folder / LABELS, series.row, message))
    problems.sort(key=lambda one: (one.table.name == ANNOTATIONS, one.row or 0))
    checked = Checked(rater, len(found), tuple(problems), (*upload.misplaced, *_unnamed(upload.folder)))
    written = {
        "rater": rater,
        "recordings": checked.recordings,
        "problems": [(one.table.name, one.row, one.message) for one in problems],
        "left_out": checked.left_out,
    }
    (upload.folder / CHECKED).write_text(json.dumps(written), encoding="utf-8")
    return checked


def checked(upload: Upload) -> Checked:
    """What `check` noted. Raises OSError where the folder is being deleted."""
    noted = json.loads((upload.folder / CHECKED).read_text(encoding="utf-8"))
    problems = tuple(Problem(Path(table), row, message) for table, row, message in noted["problems"])
    return Checked(noted["rater"], noted["recordings"], problems, tuple(noted["left_out"]))


def dry_run(engine: Engine, upload: Upload, rater: str, settings: Settings) -> Taken:
    """What an import would do. Raises as `service.cohort_import`."""
    found = read_folder(upload.folder, rater or None)
    with transaction(engine) as session:
        return import_folder(session, found, own_receiver(settings), dry_run=True)


def _fault(path: Path) -> str | None:
    try:
        check_photo(path)
    except PermanentError as error:
        return str(error)
    return None


def _unnamed(folder: Path) -> list[str]:
    """Folders of photos that no row names."""
    rows: list[Problem] = []
    named = {series.folder for series in read_folder(folder, None, rows.append)}
    if rows:
        # their rows may be among those with a problem
        return []
    holding = {path.parent for path in folder.glob("*/*/*") if path.suffix.lower() in SUFFIXES}
    return sorted(str(path.relative_to(folder)) for path in holding - named)


class Import:
    """One import, from when it was confirmed; ``problem`` is why it broke off."""

    def __init__(self, upload: Upload, rater: str, actor: Actor) -> None:
        self.upload, self.rater, self.actor = upload, rater, actor
        self.done = self.total = 0
        self.taken = NOTHING
        self.problem: str | None = None
        self.ended = False

    def run(self, engine: Engine, settings: Settings) -> None:
        """Take in one recording after the other; what was taken in stays, the same again changes nothing."""
        mark = self.upload.folder / IMPORTING
        try:
            mark.touch()
            found = read_folder(self.upload.folder, self.rater or None)
            self.total = len(found)
            for series in found:
                with transaction(engine) as session:
                    self.taken += import_series(session, series, own_receiver(settings), dry_run=False)
                self.done += 1
            self.upload.remove()
        except FacialisError as error:
            self.problem = str(error)
        except OSError:
            self.problem = DISK
        except Exception as error:
            # Its text may quote a row, so only its kind is written down.
            log.error("import.failed", kind=type(error).__name__)
            self.problem = FAILED
        finally:
            mark.unlink(missing_ok=True)
            if self.done:
                self._record(engine)
            self.ended = True

    def _record(self, engine: Engine) -> None:
        with contextlib.suppress(FacialisError), transaction(engine) as session:
            kind = AuditEventKind.DATA_IMPORTED
            audit.record(session, self.actor, kind, table="folder", rows=self.done)


class Imports:
    """The imports of this process, by the account and word of their uploads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[int, str], Import] = {}

    def find(self, account: int, word: str) -> Import | None:
        """The import of an upload, None if it was not confirmed."""
        return self._known.get((account, word))

    def start(
        self, engine: Engine, settings: Settings, account: int, upload: Upload, rater: str, actor: Actor
    ) -> None:
        """Begin to import an upload, unless that is being done already."""
        with self._lock:
            known = self.find(account, upload.word)
            if known is not None and not (known.ended and known.problem):
                return
            while len(self._known) >= MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            begun = self._known[account, upload.word] = Import(upload, rater, actor)
        threading.Thread(target=partial(begun.run, engine, settings), daemon=True).start()
