"""Points of photos on record: where they begin, how they are kept, what they measure.

A photo has one set of points that clinicians share, and one of each assignment of a rater: in a hidden repeat
the rater starts anew.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from PIL import Image
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading import distances
from grading.distances import Measure
from grading.landmark_models import (
    BUILT_IN,
    LandmarkModel,
    LandmarkModelError,
    dlib_68,
    find_with,
    own_model,
)
from grading.landmarks import Place, Side, check_points, find_points
from grading.protocols import PROTOCOLS
from service.landmark_settings import LandmarkSettings
from service.records.models import Landmarks, Photo, Recording
from service.series import graded_photos
from service.storage import Storage

REST = "REST"
SHARED = 0
"""In place of an assignment's number: the points of clinicians."""
COLUMNS = (
    "recording", "recorded_on", "photo", "pose", "measure", "unit", "right", "left", "right_less_left",
    "percent", "percent_of", "mm_per_pixel", "model", "licence", "automatic_points", "marked_by", "marked_at",
)  # fmt: skip
"""``percent`` is the difference in % of what ``percent_of`` says: the healthy side, or the mean of both."""


@dataclass(frozen=True)
class Begun:
    """Points as a model places them; ``fault`` says why not by the one that is set, None where it was."""

    places: Mapping[str, Place]
    found: frozenset[str]
    model: LandmarkModel
    fault: str | None


def chosen_model(settings: LandmarkSettings) -> LandmarkModel:
    """The model that is set."""
    if settings.model == "own" and settings.file and settings.sha256:
        return own_model(
            settings.name, settings.licence, settings.file, settings.sha256, commercial=settings.commercial
        )
    return dlib_68() if settings.model == "dlib-68" else BUILT_IN


def model_choices(settings: LandmarkSettings) -> tuple[LandmarkModel, ...]:
    """All models that could be set, the own one where it is."""
    known = BUILT_IN, dlib_68()
    return (*known, chosen_model(settings)) if settings.model == "own" else known


def shown_photos(recording: Recording) -> list[Photo]:
    """What can be looked at, in the order of the protocol."""
    known = PROTOCOLS[recording.protocol].by_code
    photos = [photo for photo in graded_photos(recording) if photo.view_key and photo.pose in known]
    return sorted(photos, key=lambda photo: known[photo.pose or REST].number)


def begin(storage: Storage, photo: Photo, model: LandmarkModel) -> Begun:
    """The points of a photo as the model places them, by Facialis's own finders where it cannot.

    Raises OSError where the view is not on the disk or no picture.
    """
    with Image.open(io.BytesIO(storage.read(photo.view_key or ""))) as image:
        level = np.asarray(image.convert("RGB"))
    try:
        places, found = find_with(model, level)
    except LandmarkModelError as error:
        return Begun(*find_points(level), BUILT_IN, str(error))
    return Begun(places, found, model, None)


def keep(
    session: Session,
    photo: Photo,
    points: Mapping[str, Place],
    begun: Begun,
    by: str,
    assignment: int = SHARED,
) -> None:
    """Keep the points of a photo in place of what there was.

    Raises `LandmarkError` where they make no face that can be measured.
    """
    check_points(points)
    distances.scale_of_irises(points)
    row = {
        "points": points,
        "model": begun.model.name,
        "licence": begun.model.licence,
        "automatic": sorted(id_ for id_ in begun.found if points[id_] == begun.places[id_]),
        "marked_by": by,
        "marked_at": func.clock_timestamp(),
    }
    session.execute(
        insert(Landmarks)
        .values(photo_key=photo.id, assignment=assignment, **row)
        .on_conflict_do_update(index_elements=["photo_key", "assignment"], set_=row)
    )


def kept_points(session: Session, photo: Photo, assignment: int = SHARED) -> Landmarks | None:
    """The points of a photo on record."""
    return session.get(Landmarks, (photo.id, assignment))


def places_of(kept: Landmarks) -> dict[str, Place]:
    """Where they are."""
    return {point: (float(x), float(y)) for point, (x, y) in kept.points.items()}


def scale_of(session: Session, recording: Recording, assignment: int = SHARED) -> float | None:
    """Millimetres per pixel by the irises at rest; None until the points of that photo were saved."""
    rest = next((photo for photo in shown_photos(recording) if photo.pose == REST), None)
    kept = kept_points(session, rest, assignment) if rest else None
    return distances.scale_of_irises(places_of(kept)) if kept else None


def affected_side(recording: Recording) -> Side | None:
    """The side with the palsy, where it is known."""
    side = recording.affected_side or (recording.surgery.side if recording.surgery else None)
    return cast(Side, side) if side in ("R", "L") else None


def measures_csv(session: Session, recording: Recording) -> str:
    """What the clinicians' points of a recording measure; it names nobody but who marked them."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    scale, affected = scale_of(session, recording), affected_side(recording)
    day = recording.recorded_at.date() if recording.recorded_at else ""
    poses = PROTOCOLS[recording.protocol].by_code
    for photo in shown_photos(recording):
        kept = kept_points(session, photo)
        if kept is None or photo.pose is None:
            continue
        about = (recording.id, day, poses[photo.pose].number, photo.pose)
        origin = (
            "" if scale is None else f"{scale:.5f}",
            kept.model,
            kept.licence,
            " ".join(kept.automatic),
            kept.marked_by,
            kept.marked_at.isoformat(timespec="seconds"),
        )
        whole = "healthy" if affected else "mean"
        for one in distances.measure(places_of(kept), scale, affected):
            table.writerow((*about, *_row(one), whole, *origin))
    return text.getvalue()


def _row(one: Measure) -> Sequence[Any]:
    values = (one.right, one.left, one.difference, one.percent)
    return one.id, one.unit, *("" if value is None else round(value, 2) for value in values)
