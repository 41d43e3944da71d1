"""Distances between points of a face, right against left, in millimetres and per cent.

The definitions are those of Emotrics and Auto-eFACE (measurements.py): heights are taken square to the line
through the irises. Points are in pixels of the level view, which every photo of a series has with the eyes
equally far apart. So a scale that was found in one photo, by its irises, holds in the others as far as the
distance between the corners of the eyes stays the same; how far that is true, docs/annotating.md says.
"""

import math
from dataclasses import dataclass

from grading.landmarks import LIP, SIDES, LandmarkError, Place, Points, Side

IRIS_MM = 11.77
"""Mean diameter of an adult's iris (Emotrics); people differ by about 5 %, and so does every length."""

_HEIGHTS = (
    ("brow", "Brow height over the iris", "brow", "iris"),
    ("mrd1", "Upper lid over the middle of the iris (MRD1)", "upper", "iris"),
    ("mrd2", "Lower lid under the middle of the iris (MRD2)", "iris", "lower"),
    ("fissure", "Palpebral fissure height", "upper", "lower"),
    ("corner", "Corner of the mouth under the irises", "iris", "corner"),
    ("lip-top", "Upper lip’s edge under the irises, half-way to the corner", "iris", "lip-top"),
    ("lip-bottom", "Lower lip’s edge under the irises, half-way to the corner", "iris", "lip-bottom"),
    ("teeth", "Dental show, half-way to the corner", "teeth-top", "teeth-bottom"),
)
"""Id, name, and from which point down to which other."""


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


def scale_of_irises(points: Points) -> float:
    """Millimetres per pixel, from the mean of both irises.

    Raises `LandmarkError` where an iris has no size.
    """
    radii = [math.dist(points[f"{side}-iris"], points[f"{side}-limbus"]) for side, _ in SIDES]
    if min(radii) < 1:
        raise LandmarkError("the edge of an iris lies in its middle: move it to the outer edge")
    return IRIS_MM / sum(radii)


def measure(points: Points, scale: float | None, affected: Side | None = None) -> tuple[Measure, ...]:
    """Both sides' measures; ``scale`` is in millimetres per pixel, ``affected`` the side with the palsy.

    What needs points that are not there (photos marked before there were so many) is left out.
    """
    level = {point: _level(points, place) for point, place in points.items()}
    lengths = [
        (id_, name, _heights(level, upper, lower))
        for id_, name, upper, lower in _HEIGHTS
        if all(f"{side}-{point}" in level for side, _ in SIDES for point in (upper, lower))
    ]
    corners = [level[f"{side}-corner"] for side, _ in SIDES]
    lip = level[LIP]
    excursion = math.dist(lip, corners[0]), math.dist(lip, corners[1])
    lengths.append(
        ("commissure", "Commissure excursion: lip on the midline to the corner of the mouth", excursion)
    )
    right, left = (
        90 + math.degrees(math.atan2(lip[1] - corner[1], abs(corner[0] - lip[0]))) for corner in corners
    )
    return (
        *(
            Measure(id_, name, "mm", *_scaled(both, scale), _percent(both, affected))
            for id_, name, both in lengths
        ),
        Measure("angle", "Smile angle", "°", right, left, _percent((right, left), affected)),
    )


def _heights(level: Points, upper: str, lower: str) -> tuple[float, float]:
    """Pixels from one point down to another on either side; lips that overlap show no teeth."""
    right, left = (level[f"{side}-{lower}"][1] - level[f"{side}-{upper}"][1] for side, _ in SIDES)
    return (max(right, 0.0), max(left, 0.0)) if upper == "teeth-top" else (right, left)


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
