"""How far the eye finder is off: against drawn faces of known eyes, and against itself on real photos.

`python -m benchmarks.eyes [--phantoms N] [--cohort FOLDER] [--limit N] [--boxes N]`. On phantoms the true
centres follow from the camera. On a cohort nobody marked the eyes, so what is measured is how far the finder
disagrees with what it finds in the mirrored photo. Errors are in percent of the distance between the eyes.
The last line is one JSON object.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantom_places import HEIGHT, WIDTH, in_photo
from grading.cohort import read_cohort
from grading.errors import PermanentError
from grading.eyes import BOXES, Eyes, find_eyes
from grading.face import FaceBox, find_face
from grading.phantom import draw_photo, random_anatomy, random_palsy
from grading.photos import load_photo
from grading.protocols import JENA9

CLOSED = ("EYESOFT", "EYETIGHT")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=40, help="drawn faces, nine photos each")
    parser.add_argument("--cohort", type=Path, help="a cohort folder of real faces")
    parser.add_argument("--limit", type=int, default=40, help="recordings of the cohort")
    parser.add_argument("--boxes", type=int, default=BOXES, help="averaged over so many")
    arguments = parser.parse_args()
    figures: dict[str, object] = {"benchmark": "eyes", "boxes": arguments.boxes}
    opened, closed = phantom_errors(arguments.phantoms, arguments.boxes)
    for name, errors in (("phantoms, eyes open", opened), ("phantoms, eyes closed or half closed", closed)):
        figures[name] = _told(name, errors)
    if arguments.cohort:
        name = "real faces with simulated palsy, against the mirrored photo"
        figures[name] = _told(name, mirror_errors(arguments.cohort, arguments.limit, arguments.boxes))
    print(json.dumps(figures))


def phantom_errors(faces: int, boxes: int) -> tuple[list[float], list[float]]:
    """Percent of the eye distance by which each eye is missed, in photos with open and with closed eyes."""
    opened: list[float] = []
    closed: list[float] = []
    for number in range(faces):
        rng = np.random.default_rng([77, number])
        anatomy, palsy = random_anatomy(rng), random_palsy(rng)
        for pose in JENA9.poses:
            seed = [77, number, pose.number]
            photo = draw_photo(
                anatomy, palsy, pose.code, np.random.default_rng(seed), width=WIDTH, height=HEIGHT
            )
            right, left = in_photo(np.array([[-anatomy.eye_x, 0], [anatomy.eye_x, 0]]), anatomy, seed)
            found = find_eyes(photo, find_face(photo), boxes)
            misses = [np.hypot(*(np.array(found.right) - right)), np.hypot(*(np.array(found.left) - left))]
            errors = [100 * miss / np.hypot(*(left - right)) for miss in misses]
            (closed if pose.code in CLOSED else opened).extend(errors)
    return opened, closed


def mirror_errors(folder: Path, limit: int, boxes: int) -> list[float]:
    """Percent of the eye distance by which the finder disagrees with itself on mirrored photos."""
    errors = []
    for recording in read_cohort(folder).recordings[:limit]:
        for path in recording.photos.values():
            photo = load_photo(path)
            try:
                box = find_face(photo)
            except PermanentError:
                continue
            found, twin = find_eyes(photo, box, boxes), find_eyes(*_mirrored(photo, box), boxes)
            width = photo.shape[1] - 1
            back = Eyes((width - twin.left[0], twin.left[1]), (width - twin.right[0], twin.right[1]))
            for ours, theirs in ((found.right, back.right), (found.left, back.left)):
                errors.append(100 * float(np.hypot(*(np.array(ours) - theirs))) / found.distance)
    return errors


def _mirrored(photo: NDArray[np.uint8], box: FaceBox) -> tuple[NDArray[np.uint8], FaceBox]:
    width = photo.shape[1]
    return np.ascontiguousarray(photo[:, ::-1]), FaceBox(
        width - box.right, box.top, width - box.left, box.bottom
    )


def _told(name: str, errors: list[float]) -> dict[str, float]:
    shares = {
        "eyes": len(errors),
        "mean": round(float(np.mean(errors)), 2),
        "median": round(float(np.median(errors)), 2),
        "p95": round(float(np.percentile(errors, 95)), 2),
        "worst": round(float(max(errors)), 2),
    }
    print(f"{name}: {shares} percent of the distance between the eyes")
    return shares


if __name__ == "__main__":
    main()
