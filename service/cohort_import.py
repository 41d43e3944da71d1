"""An existing folder of photos with its tables: the photos are sent to the receiver, the scores recorded.

It is a cohort folder (`grading.cohort`) whose `labels.csv` also says in ``recorded_on`` when the photos of a
recording were taken. The same folder again changes nothing.
"""

import datetime as dt
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dicom.sending import Peer, send_objects
from grading.annotations import ANNOTATIONS, Annotation, numbered_annotations
from grading.annotations import refuse as annotation_problem
from grading.cohort import LABELS, LabelledRecording, read_cohort
from grading.cohort import refuse as cohort_problem
from grading.csv_tables import OnProblem, Problem, read_rows
from grading.errors import PermanentError
from grading.rated_cohort import check_known
from grading.scales import scale_of
from service.outgoing import series_objects, series_uid
from service.records.annotations import find_annotation, save_annotation, scores_given
from service.records.models import Recording
from service.settings import Settings
from service.tables import CellError, read_date

CALLING_AE = "FACIALIS-SEND"
NOON = dt.time(12)


class FolderImportError(PermanentError):
    """A folder cannot be imported as it is."""

    code = "cohort.not_imported"


@dataclass(frozen=True)
class Series:
    """A recording of the folder, in row ``row`` of `labels.csv`; ``patient_id`` is under whom it is filed."""

    row: int
    recording: LabelledRecording
    folder: Path
    patient_id: str
    taken: dt.datetime
    ratings: tuple[Annotation, ...]

    @property
    def uid(self) -> str:
        """Its series, the same each time."""
        return series_uid(self.patient_id, self.taken)


@dataclass(frozen=True)
class Taken:
    """What an import did, or in a dry run would do; ``notes`` are about scores that differ and were kept."""

    recordings: int
    known: int
    photos: int
    annotations: int
    notes: tuple[str, ...]

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.recordings + other.recordings,
            self.known + other.known,
            self.photos + other.photos,
            self.annotations + other.annotations,
            self.notes + other.notes,
        )


NOTHING = Taken(0, 0, 0, 0, ())


def read_folder(folder: Path, rater: str | None, on_problem: OnProblem | None = None) -> list[Series]:
    """The recordings of a folder with what raters gave each.

    Parameters:
        rater: who gave the scores in `labels.csv`; None leaves them out; `annotations.csv` counts anyway.
        on_problem: what is done about each problem; None raises the first.

    Raises:
        CohortError, AnnotationError: a table is missing or wrong, or a photo is.
        FolderImportError: a date is missing or wrong, or two recordings are of one person and day.
    """
    cohort = read_cohort(folder, on_problem=on_problem or cohort_problem)
    path, table = folder / ANNOTATIONS, folder / LABELS
    of_raters = on_problem or annotation_problem
    annotations = numbered_annotations(path, of_raters) if path.exists() else []
    check_known(annotations, cohort, path, of_raters)
    tell = on_problem or _refuse
    days = _days(table, tell)
    found, seen = [], dict[str, LabelledRecording]()
    for one in cohort.recordings:
        key = one.subject, one.session
        given = [row for _, row in annotations if (row.subject, row.session) == key]
        if rater and one.labels:
            given.append(Annotation(*key, rater, one.labels))
        if key not in days:
            # its problem was told
            continue
        number, day = days[key]
        taken = dt.datetime.combine(day, NOON)
        series = Series(number, one, folder / one.subject / one.session, one.subject, taken, tuple(given))
        twin = seen.setdefault(series.uid, one)
        if twin is not one:
            message = f"{one.subject}/{twin.session} is of the same subject and day: correct one of the dates"
            tell(Problem(table, number, message))
        found.append(series)
    return found


def own_receiver(settings: Settings) -> Peer:
    """The receiver of this installation, as the settings have it on this machine."""
    return Peer(settings.receiver.ae_title, "127.0.0.1", settings.receiver.port)


def import_folder(
    session: Session,
    found: list[Series],
    peer: Peer,
    *,
    dry_run: bool,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Taken:
    """Send what is not on record to a receiver of this installation, and record the raters' scores.

    Raises as `import_series`.
    """
    taken = NOTHING
    for done, series in enumerate(found, start=1):
        taken += import_series(session, series, peer, dry_run=dry_run)
        progress(done, len(found))
    return taken


def import_series(session: Session, series: Series, peer: Peer, *, dry_run: bool) -> Taken:
    """Send one recording if it is not on record, and record the raters' scores of it.

    Raises:
        FolderImportError: the receiver did not take a photo, or belongs to another installation.
        PermanentError, TransientError: the receiver cannot be reached, or a photo cannot be read.
    """
    there = _recording(session, series)
    new = there is None
    if new and not dry_run:
        _send(series, peer)
        there = _recording(session, series)
        if there is None:
            raise FolderImportError(
                f"{peer} took the photos but they are not in this database: give our own receiver"
            )
    annotations, notes = _record(session, there, series, dry_run=dry_run)
    photos = len(series.recording.photos) if new else 0
    return Taken(int(new), int(not new), photos, annotations, tuple(notes))


def _recording(session: Session, series: Series) -> int | None:
    return session.scalar(select(Recording.id).where(Recording.series_uid == series.uid))


def _send(series: Series, peer: Peer) -> None:
    with tempfile.TemporaryDirectory() as work:
        files = series_objects(series.folder, Path(work) / "series", series.patient_id, "", series.taken)
        refused = [one for one in send_objects(files, peer, calling_ae=CALLING_AE) if not one.ok]
    if refused:
        where = f"{series.recording.subject}/{series.recording.session}"
        raise FolderImportError(f"{where}: {peer} refused a photo: {refused[0].words}")


def _record(
    session: Session, recording: int | None, series: Series, *, dry_run: bool
) -> tuple[int, list[str]]:
    """How many annotations are new, and what is told of those that differ from the ones on record."""
    new, notes = 0, []
    for one in series.ratings:
        for scale, scores in _by_scale(one.scores).items():
            known = find_annotation(session, recording, one.rater, scale) if recording else None
            if known is None:
                new += 1
                if recording and not dry_run:
                    save_annotation(session, recording, one.rater, scores)
            elif scores_given(known) != scores:
                notes.append(
                    f"{one.subject}/{one.session}: {one.rater} has other {scale} scores on record; they stay"
                )
    return new, notes


def _by_scale(scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for item, value in scores.items():
        found.setdefault(scale_of(item).id, {})[item] = value
    return found


def _refuse(problem: Problem) -> None:
    raise FolderImportError(str(problem))


def _days(path: Path, on_problem: OnProblem) -> dict[tuple[str, str], tuple[int, dt.date]]:
    """The row and day of each recording."""
    days = {}
    for number, row in read_rows(path, ("subject", "session"), "", on_problem)[0]:
        cells = {name: (value or "").strip() for name, value in row.items() if name}
        try:
            day = read_date(cells.get("recorded_on", ""))
        except CellError:
            message = "recorded_on must say when the photos were taken, as 2024-05-31 or 31.05.2024"
            on_problem(Problem(path, number, message))
            continue
        days[cells["subject"], cells["session"]] = number, day
    return days
