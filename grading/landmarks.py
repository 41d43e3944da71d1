"""Points of a face and the distances between them, right against left, in millimetres and per cent.

All points are in pixels of the level view (`grading.framing.VIEW`), which has the eyes at the same places in
every photo, so that a scale found in one photo of a series holds in the others. The definitions are those of
Emotrics and Auto-eFACE (measurements.py): heights are taken square to the line through the irises.

Automatic are the irises and the brows, where they are clear. No model of further points is at hand that may
be used commercially: the others begin where they are in an average face, and a person moves them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grading.brows import brow_distances
from grading.errors import PermanentError
from grading.face import Photo
from grading.framing import VIEW
from grading.irises import find_irises

IRIS_MM = 11.77
"""Mean diameter of an adult's iris (Emotrics); people differ by about 5 %, and so does every length."""

Place = tuple[float, float]
Points = Mapping[str, Place]
"""Where each point is, (x, y) by its id."""
Side = Literal["R", "L"]

_EYE = VIEW.distance / 2
_FROM_MIDDLE: dict[str, tuple[str, float, float]] = {
    "brow": ("Brow, above the iris", _EYE, -40),
    "upper": ("Upper lid, above the iris", _EYE, -10),
    "iris": ("Middle of the iris", _EYE, 0),
    "limbus": ("Outer edge of the iris", _EYE + 12, 0),
    "lower": ("Lower lid, below the iris", _EYE, 11),
    "corner": ("Corner of the mouth", 52, 138),
}
"""Name and, from between the eyes, how many pixels outwards and downwards an average face has the point."""
LIP = "lip"
POINTS: dict[str, str] = {
    **{f"{side}-{point}": name for point, (name, _, _) in _FROM_MIDDLE.items() for side in ("R", "L")},
    LIP: "Lower edge of the lower lip, on the midline",
}
"""What is to be marked, by id; `R-` is the patient's right, on the left of the picture."""


class LandmarkError(PermanentError):
    """Points do not make a face that can be measured."""

    code = "landmarks.invalid"


@dataclass(frozen=True)
class Measure:
    """One measure of both sides, in millimetres (``unit`` mm) or degrees.

    Millimetres are None where no scale is known; ``percent`` is the difference in % of the healthy side, or
    of the mean where that is not known, and None where there is nothing to divide by.
    """

    id: str
    name: str
    unit: str
    right: float | None
    left: float | None
    percent: float | None

    @property
    def difference(self) -> float | None:
        """Right less left, in the unit."""
        return None if self.right is None or self.left is None else self.right - self.left


def find_points(level: Photo) -> tuple[dict[str, Place], frozenset[str]]:
    """Where the points of a level view (512, 512, 3) uint8 begin, and which of them were found in it."""
    places = {LIP: (float(VIEW.midline), float(VIEW.eye_line + 158))}
    for point, (_, outwards, down) in _FROM_MIDDLE.items():
        for side, sign in (("R", -1), ("L", 1)):
            places[f"{side}-{point}"] = (VIEW.midline + sign * outwards, VIEW.eye_line + down)
    found = _place_irises(places, level)
    brows = brow_distances(level)
    if brows is not None:
        for side, share in (("R", brows.right), ("L", brows.left)):
            places[f"{side}-brow"] = (places[f"{side}-brow"][0], VIEW.eye_line - share * VIEW.distance)
            found.add(f"{side}-brow")
    return places, frozenset(found)


def _place_irises(places: dict[str, Place], level: Photo) -> set[str]:
    """Put the irises' points where they are found; the points that were.

    An eye without a clear iris keeps the middle between its corners, with the size of the other's iris: a
    person's two are about equally wide.
    """
    irises = find_irises(level)
    sizes = [iris.radius for iris in (irises.right, irises.left) if iris]
    found = set()
    for side, sign, iris in (("R", -1, irises.right), ("L", 1, irises.left)):
        if iris:
            places[f"{side}-iris"] = (iris.x, iris.y)
            found |= {f"{side}-iris", f"{side}-limbus"}
        if sizes:
            x, y = places[f"{side}-iris"]
            places[f"{side}-limbus"] = (x + sign * (iris.radius if iris else sizes[0]), y)
    return found


def check_points(points: Points) -> None:
    """Raise `LandmarkError` where a point is missing or not within the view, or the eyes are not apart."""
    for point, name in POINTS.items():
        x, y = points.get(point, (math.nan, math.nan))
        if not (0 <= x <= VIEW.width and 0 <= y <= VIEW.height):
            raise LandmarkError(f"{name} ({point[0]}) must lie within the photo: move it there")
    if math.dist(points["R-iris"], points["L-iris"]) < VIEW.distance / 4:
        raise LandmarkError("the irises are too close to each other: move each to its eye")


def scale_of_irises(points: Points) -> float:
    """Millimetres per pixel, from the mean of both irises.

    Raises `LandmarkError` where an iris has no size.
    """
    radii = [math.dist(points[f"{side}-iris"], points[f"{side}-limbus"]) for side in ("R", "L")]
    if min(radii) < 1:
        raise LandmarkError("the edge of an iris lies in its middle: move it to the outer edge")
    return IRIS_MM / sum(radii)


def measure(points: Points, scale: float | None, affected: Side | None = None) -> tuple[Measure, ...]:
    """Both sides' measures; ``scale`` is in millimetres per pixel, ``affected`` the side with the palsy."""
    level = {point: _level(points, place) for point, place in points.items()}

    def height(upper: str, lower: str) -> tuple[float, float]:
        right, left = (level[f"{side}-{lower}"][1] - level[f"{side}-{upper}"][1] for side in ("R", "L"))
        return right, left

    corners = {side: level[f"{side}-corner"] for side in ("R", "L")}
    lip = level[LIP]
    angles = [
        90 + math.degrees(math.atan2(lip[1] - corners[side][1], abs(corners[side][0] - lip[0])))
        for side in ("R", "L")
    ]
    lengths = (
        ("brow", "Brow height over the iris", height("brow", "iris")),
        ("mrd1", "Upper lid over the middle of the iris (MRD1)", height("upper", "iris")),
        ("mrd2", "Lower lid under the middle of the iris (MRD2)", height("iris", "lower")),
        ("fissure", "Palpebral fissure height", height("upper", "lower")),
        (
            "commissure",
            "Commissure excursion: lip on the midline to the corner of the mouth",
            (math.dist(lip, corners["R"]), math.dist(lip, corners["L"])),
        ),
    )
    return (
        *(
            Measure(id_, name, "mm", *_scaled(both, scale), _percent(both, affected))
            for id_, name, both in lengths
        ),
        Measure(
            "angle", "Smile angle", "°", angles[0], angles[1], _percent((angles[0], angles[1]), affected)
        ),
    )


def _level(points: Points, place: Place) -> Place:
    """A place in the frame whose horizontal is the line through the irises."""
    right, left = points["R-iris"], points["L-iris"]
    distance = math.dist(right, left)
    across = (left[0] - right[0]) / distance, (left[1] - right[1]) / distance
    x, y = place[0] - right[0], place[1] - right[1]
    return x * across[0] + y * across[1], y * across[0] - x * across[1]


def _scaled(both: tuple[float, float], scale: float | None) -> tuple[float | None, float | None]:
    return (None, None) if scale is None else (both[0] * scale, both[1] * scale)


def _percent(both: tuple[float, float], affected: Side | None) -> float | None:
    right, left = both
    whole = {"R": left, "L": right}[affected] if affected else (right + left) / 2
    return 100 * abs(right - left) / whole if whole > 0 else None
