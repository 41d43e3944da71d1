"""An existing folder of photos with its tables: the photos are sent to the receiver, the scores recorded.

It is a cohort folder (`grading.cohort`) whose `labels.csv` also says in ``recorded_on`` when the photos of a
recording were taken. The same folder again changes nothing.
"""

import csv
import datetime as dt
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dicom.sending import Peer, send_objects
from grading.annotations import ANNOTATIONS, Annotation, read_annotations
from grading.cohort import LABELS, LabelledRecording, read_cohort
from grading.errors import PermanentError
from grading.rated_cohort import check_known
from grading.scales import scale_of
from service.outgoing import series_objects, series_uid
from service.records.annotations import find_annotation, save_annotation, scores_given
from service.records.models import Recording

CALLING_AE = "FACIALIS-SEND"
NOON = dt.time(12)


class FolderImportError(PermanentError):
    """A folder cannot be imported as it is."""

    code = "cohort.not_imported"


@dataclass(frozen=True)
class Series:
    """A recording of the folder; ``patient_id`` is under whom it is filed."""

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


def read_folder(folder: Path, rater: str | None) -> list[Series]:
    """The recordings of a folder with what raters gave each.

    Parameters:
        rater: who gave the scores in `labels.csv`; None leaves them out; `annotations.csv` counts anyway.

    Raises:
        CohortError, AnnotationError: a table is missing or wrong, or a photo is.
        FolderImportError: a date is missing or wrong, or two recordings are of one person and day.
    """
    cohort = read_cohort(folder)
    path = folder / ANNOTATIONS
    annotations = read_annotations(path) if path.exists() else ()
    check_known(annotations, cohort, path)
    days = _days(folder / LABELS)
    found, seen = [], set[str]()
    for one in cohort.recordings:
        key = one.subject, one.session
        of_raters = [row for row in annotations if (row.subject, row.session) == key]
        if rater and one.labels:
            of_raters.append(Annotation(*key, rater, one.labels))
        taken = dt.datetime.combine(days[key], NOON)
        series = Series(one, folder / one.subject / one.session, one.subject, taken, tuple(of_raters))
        if series.uid in seen:
            raise FolderImportError(
                f"{folder / LABELS}: {one.subject}/{one.session} is of the same subject and day as another "
                "recording: correct one of the dates"
            )
        seen.add(series.uid)
        found.append(series)
    return found


def import_folder(
    session: Session,
    found: list[Series],
    peer: Peer,
    *,
    dry_run: bool,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Taken:
    """Send what is not on record to a receiver of this installation, and record the raters' scores.

    Raises:
        FolderImportError: the receiver did not take a photo, or belongs to another installation.
        PermanentError, TransientError: the receiver cannot be reached, or a photo cannot be read.
    """
    recordings = known = photos = annotations = 0
    notes: list[str] = []
    for done, series in enumerate(found, start=1):
        there = _recording(session, series)
        if there is None:
            recordings, photos = recordings + 1, photos + len(series.recording.photos)
            if not dry_run:
                _send(series, peer)
                there = _recording(session, series)
                if there is None:
                    raise FolderImportError(
                        f"{peer} took the photos but they are not in this database: give our own receiver"
                    )
        else:
            known += 1
        new, differing = _record(session, there, series, dry_run=dry_run)
        annotations += new
        notes += differing
        progress(done, len(found))
    return Taken(recordings, known, photos, annotations, tuple(notes))


def _recording(session: Session, series: Series) -> int | None:
    return session.scalar(select(Recording.id).where(Recording.series_uid == series.uid))


def _send(series: Series, peer: Peer) -> None:
    with tempfile.TemporaryDirectory() as work:
        files = series_objects(series.folder, Path(work) / "series", series.patient_id, "", series.taken)
        refused = [one for one in send_objects(files, peer, calling_ae=CALLING_AE) if not one.ok]
    if refused:
        raise FolderImportError(f"{series.folder}: {peer} refused {refused[0].path.name}: {refused[0].words}")


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


def _days(path: Path) -> dict[tuple[str, str], dt.date]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    days = {}
    for number, row in enumerate(rows, start=2):
        try:
            day = dt.date.fromisoformat((row.get("recorded_on") or "").strip())
        except ValueError:
            raise FolderImportError(
                f"{path} row {number}: recorded_on must say when the photos were taken, as 2024-05-31"
            ) from None
        days[row["subject"].strip(), row["session"].strip()] = day
    return days
