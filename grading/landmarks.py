"""Points of a face in its level view: what they are called, where they begin, which of them are found.

All points are in pixels of the level view (`grading.framing.VIEW`), which has the eyes at the same places in
every photo. What they are for is in `grading.distances`. Facialis finds the irises, the brows and the corners
of the mouth by itself, where they are clear; a model that a site chooses finds more
(`grading.landmark_models`). What is not found begins where an average face has it, and a person moves it.
"""

import math
from collections.abc import Mapping
from typing import Literal

from grading.brows import brow_distances
from grading.errors import PermanentError
from grading.face import Photo
from grading.framing import VIEW
from grading.irises import find_irises
from grading.mouth import find_mouth

Place = tuple[float, float]
Points = Mapping[str, Place]
"""Where each point is, (x, y) by its id."""
Side = Literal["R", "L"]
SIDES: tuple[tuple[Side, int], ...] = (("R", -1), ("L", 1))
"""The patient's sides, each with the way in which it lies from the midline of the picture."""

_EYE = VIEW.distance / 2
_FROM_MIDDLE: dict[str, tuple[str, float, float]] = {
    "brow": ("Brow, above the iris", _EYE, -40),
    "upper": ("Upper lid, above the iris", _EYE, -10),
    "iris": ("Middle of the iris", _EYE, 0),
    "limbus": ("Outer edge of the iris", _EYE + 12, 0),
    "lower": ("Lower lid, below the iris", _EYE, 11),
    "corner": ("Corner of the mouth", 52, 138),
    "lip-top": ("Upper edge of the upper lip, half-way to the corner", 26, 128),
    "teeth-top": ("Lower edge of the upper lip, half-way to the corner", 26, 137),
    "teeth-bottom": ("Upper edge of the lower lip, half-way to the corner", 26, 137),
    "lip-bottom": ("Lower edge of the lower lip, half-way to the corner", 26, 154),
}
"""Name and, from between the eyes, how many pixels outwards and downwards an average face has the point."""
_LINE = 137
"""Where the line between the lips is on that face."""
LIP = "lip"
POINTS: dict[str, str] = {
    **{f"{side}-{point}": name for point, (name, _, _) in _FROM_MIDDLE.items() for side, _ in SIDES},
    LIP: "Lower edge of the lower lip, on the midline",
}
"""What is to be marked, by id; `R-` is the patient's right, on the left of the picture."""


class LandmarkError(PermanentError):
    """Points do not make a face that can be measured."""

    code = "landmarks.invalid"


def find_points(level: Photo) -> tuple[dict[str, Place], frozenset[str]]:
    """Where the points of a level view (512, 512, 3) uint8 begin, and which of them were found in it."""
    places = {LIP: (float(VIEW.midline), float(VIEW.eye_line + 158))}
    for point, (_, outwards, down) in _FROM_MIDDLE.items():
        for side, sign in SIDES:
            places[f"{side}-{point}"] = (VIEW.midline + sign * outwards, VIEW.eye_line + down)
    found = _place_irises(places, level) | _place_mouth(places, level)
    brows = brow_distances(level)
    if brows is not None:
        for side, share in (("R", brows.right), ("L", brows.left)):
            places[f"{side}-brow"] = (places[f"{side}-brow"][0], VIEW.eye_line - share * VIEW.distance)
            found.add(f"{side}-brow")
    return places, frozenset(found)


def is_within(place: Place) -> bool:
    """Whether a place lies in the view; NaN lies nowhere."""
    return 0 <= place[0] <= VIEW.width and 0 <= place[1] <= VIEW.height


def check_points(points: Points) -> None:
    """Raise `LandmarkError` where a point is missing or not within the view, or the eyes are not apart."""
    for point, name in POINTS.items():
        if not is_within(points.get(point, (math.nan, math.nan))):
            raise LandmarkError(f"{name} ({point[0]}) must lie within the photo: move it there")
    if math.dist(points["R-iris"], points["L-iris"]) < VIEW.distance / 4:
        raise LandmarkError("the irises are too close to each other: move each to its eye")


def _place_irises(places: dict[str, Place], level: Photo) -> set[str]:
    """Put the irises' points where they are found; the points that were.

    An eye without a clear iris keeps the middle between its corners, with the size of the other's iris: a
    person's two are about equally wide.
    """
    irises = find_irises(level)
    sizes = [iris.radius for iris in (irises.right, irises.left) if iris]
    found = set()
    for (side, sign), iris in zip(SIDES, (irises.right, irises.left), strict=True):
        if iris:
            places[f"{side}-iris"] = (iris.x, iris.y)
            for lid in ("upper", "lower"):
                places[f"{side}-{lid}"] = (iris.x, places[f"{side}-{lid}"][1])
            found |= {f"{side}-iris", f"{side}-limbus"}
        if sizes:
            x, y = places[f"{side}-iris"]
            places[f"{side}-limbus"] = (x + sign * (iris.radius if iris else sizes[0]), y)
    return found


def _place_mouth(places: dict[str, Place], level: Photo) -> set[str]:
    """Put the corners of the mouth where they are found, and all other points of the lips beside the line
    between them, to be moved from there; the points that were found."""
    mouth = find_mouth(level)
    if mouth is None:
        return set()
    below = mouth.line - (VIEW.eye_line + _LINE)
    places[LIP] = (places[LIP][0], places[LIP][1] + below)
    for side, corner in (("R", mouth.right), ("L", mouth.left)):
        places[f"{side}-corner"] = corner
        for point in ("lip-top", "teeth-top", "teeth-bottom", "lip-bottom"):
            _, y = places[f"{side}-{point}"]
            sunk = (corner[1] - mouth.line) / 4
            places[f"{side}-{point}"] = ((VIEW.midline + corner[0]) / 2, y + below + sunk)
    return {"R-corner", "L-corner"}
