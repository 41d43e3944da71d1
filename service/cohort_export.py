"""The recordings that raters scored as a cohort folder, ready for `facialis train`; no name or date in it.

A patient is the number of the record here (`P12`), a recording its own number.
"""

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from dicom.pixels import decode_photo
from grading.annotations import ANNOTATIONS, Annotation
from grading.cohort import LABELS
from grading.errors import PermanentError
from grading.protocols import JENA9
from grading.scales import SCALES
from service.records import ratings
from service.records.models import Photo, Recording
from service.series import graded_photos
from service.storage import Storage

EVERYTHING = "all-" + ANNOTATIONS
"""Beside the table that training reads: what raters gave before scores were settled, repeats included."""
JPEG_QUALITY = 95
_ITEMS = [item.id for scale in SCALES.values() for item in scale.items]
_KEYS = ["subject", "session", "person", "group", "side", "days_from_surgery"]


class CohortFolderError(PermanentError):
    """A cohort folder cannot be written."""

    code = "cohort.not_written"


@dataclass(frozen=True)
class Written:
    """How many recordings and photos a folder holds now, and which were left out, with the reason."""

    recordings: int
    photos: int
    left_out: tuple[tuple[int, str], ...]


def write_cohort(
    session: Session,
    storage: Storage,
    folder: Path,
    *,
    healthy: Collection[int] = (),
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Written:
    """Write every recording with a finished annotation or a settled score to a new folder.

    Parameters:
        healthy: numbers of the patients who have no palsy; everybody else counts as a patient with one.
        progress: called with how many of how many recordings are done.

    Raises:
        CohortFolderError: the folder is not empty, or nothing was scored.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CohortFolderError(f"{folder} is not empty: give a new folder")
    everything = ratings.all_ratings(session, again=True)
    counting = [one for one in everything if not one.rater.endswith(ratings.AGAIN)]
    numbers = sorted({int(one.session) for one in counting})
    if not numbers:
        raise CohortFolderError("no rater has finished a recording yet: there is nothing to write")
    settled = ratings.settled_scores(session, numbers)
    query = select(Recording).where(Recording.id.in_(numbers)).order_by(Recording.id)
    loaded = query.options(selectinload(Recording.photos), selectinload(Recording.surgery))
    rows, left_out, photos = [], [], 0
    for done, recording in enumerate(session.scalars(loaded), start=1):
        try:
            photos += _write_photos(recording, storage, folder)
        except PermanentError as error:
            left_out.append((recording.id, str(error)))
        else:
            rows.append(_row(recording, recording.patient_key in healthy, settled.get(recording.id, {})))
        progress(done, len(numbers))
    folder.mkdir(parents=True, exist_ok=True)
    kept = {str(row["session"]) for row in rows}
    _write_table(folder / LABELS, rows, _KEYS)
    _write_ratings(folder / ANNOTATIONS, _unsettled(counting, settled), kept)
    _write_ratings(folder / EVERYTHING, everything, kept)
    return Written(len(rows), photos, tuple(left_out))


def _write_photos(recording: Recording, storage: Storage, folder: Path) -> int:
    """The photos of the paper's nine poses under their numbers; all or none."""
    by_pose: dict[str | None, Photo] = {photo.pose: photo for photo in graded_photos(recording)}
    missing = [pose.name for pose in JENA9.required if pose.code not in by_pose]
    if missing:
        raise CohortFolderError(f"it has no photo of {', '.join(missing)}")
    pixels = {
        pose.number: decode_photo(storage.path(by_pose[pose.code].storage_key))
        for pose in JENA9.poses
        if pose.code in by_pose
    }
    place = folder / ratings.subject_of(recording) / str(recording.id)
    place.mkdir(parents=True)
    for number, photo in pixels.items():
        Image.fromarray(photo).save(place / f"{number}.jpg", "JPEG", quality=JPEG_QUALITY)
    return len(pixels)


def _row(recording: Recording, healthy: bool, settled: Mapping[str, float]) -> dict[str, object]:
    side = recording.affected_side or (recording.surgery.side if recording.surgery else None)
    subject = ratings.subject_of(recording)
    return {
        "subject": subject,
        "session": recording.id,
        "person": subject,
        "group": "healthy" if healthy else "palsy",
        "side": side if side in ("L", "R") and not healthy else "",
        "days_from_surgery": "" if recording.days_from_surgery is None else recording.days_from_surgery,
        **{item: f"{value:g}" for item, value in settled.items()},
    }


def _unsettled(
    everything: Sequence[Annotation], settled: Mapping[int, Mapping[str, float]]
) -> list[Annotation]:
    """Without the scores of items that were settled, whose labels stand in the other table."""
    found = []
    for one in everything:
        known = settled.get(int(one.session), {})
        scores = {item: value for item, value in one.scores.items() if item not in known}
        found.append(Annotation(one.subject, one.session, one.rater, scores))
    return found


def _write_ratings(path: Path, found: Sequence[Annotation], kept: Collection[str]) -> None:
    rows = [
        {"subject": one.subject, "session": one.session, "rater": one.rater}
        | {item: f"{value:g}" for item, value in one.scores.items()}
        for one in found
        if one.session in kept
    ]
    _write_table(path, rows, ["subject", "session", "rater"])


def _write_table(path: Path, rows: Sequence[Mapping[str, object]], keys: Sequence[str]) -> None:
    """A column per key, and per item that any row has."""
    items = [item for item in _ITEMS if any(item in row for row in rows)] or ["R1"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*keys, *items], restval="")
        writer.writeheader()
        writer.writerows(rows)
