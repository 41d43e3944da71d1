"""How far the finder of the corners of the mouth is off: on phantoms of known lips, and against a model.

`python -m benchmarks.mouth [--phantoms N] [--cohort FOLDER] [--limit N]`. In a cohort nobody marked mouths:
dlib's model of 68 points stands in as a reference there, which errs itself (on phantoms it is measured too).
Its licence allows research only, which this is; nothing of it goes into Facialis. Errors are in percent of
the distance between the eyes. The last line is one JSON object.
"""

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.phantom_places import HEIGHT, WIDTH, in_photo, in_view
from grading.cohort import read_cohort
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import VIEW, view
from grading.landmark_models import BUILT_IN, dlib_68, find_with
from grading.landmarks import Place, Points
from grading.phantom import draw_photo, random_anatomy, random_palsy
from grading.phantom.expression import halves
from grading.photos import load_photo
from grading.protocols import JENA9

POSES = ("REST", "SMILE", "TEETH", "PUCKER", "CORNERS")
CORNERS = ("R-corner", "L-corner")
Errors = dict[str, list[float]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=20, help="drawn faces, five photos each")
    parser.add_argument("--cohort", type=Path, help="a cohort folder of real faces")
    parser.add_argument("--limit", type=int, default=110, help="recordings of the cohort")
    arguments = parser.parse_args()
    own, model = _on_phantoms(arguments.phantoms)
    figures = {"phantoms": own, "phantoms, model of 68 points": model}
    if arguments.cohort:
        figures["cohort against the model"] = _on_cohort(arguments.cohort, arguments.limit)
    told = {
        name: {pose: _told(misses) for pose, misses in errors.items()} for name, errors in figures.items()
    }
    for name, poses in told.items():
        print(f"{name}: {poses}")
    print(json.dumps({"benchmark": "mouth"} | told))


def _on_phantoms(faces: int) -> tuple[Errors, Errors]:
    own: Errors = defaultdict(list)
    model: Errors = defaultdict(list)
    for number in range(faces):
        rng = np.random.default_rng([78, number])
        anatomy, palsy = random_anatomy(rng), random_palsy(rng)
        for pose in POSES:
            seed = [78, number, JENA9.by_code[pose].number]
            photo = draw_photo(anatomy, palsy, pose, np.random.default_rng(seed), width=WIDTH, height=HEIGHT)
            eyes = find_eyes(photo, find_face(photo))
            level = view(photo, eyes)
            right, left = halves(anatomy, palsy, pose)
            # as `grading.phantom.mouth.lips` draws them
            shift = 0.30 * (left.corner_out - right.corner_out)
            reach, height = anatomy.mouth_width / 2, anatomy.mouth_y - 0.8
            true = np.array(
                [
                    [shift - (reach + right.corner_out + shift), height - right.corner_lift],
                    [shift + (reach + left.corner_out - shift), height - left.corner_lift],
                ]
            )
            places = [(float(x), float(y)) for x, y in in_view(in_photo(true, anatomy, seed), eyes)]
            _add(own[pose], *find_with(BUILT_IN, level), places)
            _add(model[pose], *find_with(dlib_68(), level), places)
    return own, model


def _on_cohort(folder: Path, limit: int) -> Errors:
    errors: Errors = defaultdict(list)
    for recording in read_cohort(folder).recordings[:limit]:
        for pose in POSES:
            try:
                level = _level(recording.photos[pose])
            except PermanentError:
                continue
            reference, _ = find_with(dlib_68(), level)
            _add(errors[pose], *find_with(BUILT_IN, level), [reference[corner] for corner in CORNERS])
    return errors


def _level(path: Path) -> Photo:
    photo = load_photo(path)
    return view(photo, find_eyes(photo, find_face(photo)))


def _add(errors: list[float], places: Points, found: frozenset[str], true: list[Place]) -> None:
    """The misses of both corners, NaN where they were not found."""
    for corner, place in zip(CORNERS, true, strict=True):
        miss = 100 * math.dist(places[corner], place) / VIEW.distance
        errors.append(miss if corner in found else math.nan)


def _told(misses: list[float]) -> dict[str, float]:
    known = [miss for miss in misses if not math.isnan(miss)]
    return {
        "corners": len(misses),
        "found": round(100 * len(known) / len(misses), 1),
        "median": round(float(np.median(known)), 2),
        "p90": round(float(np.quantile(known, 0.9)), 2),
    }


if __name__ == "__main__":
    main()
