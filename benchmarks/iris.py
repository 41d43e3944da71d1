"""How far the iris finder is off: on drawn faces of known irises, and against itself on real photos.

`python -m benchmarks.iris [--phantoms N] [--cohort FOLDER] [--limit N]`. On phantoms the true circles follow
from the drawing. On a cohort nobody measured the irises, so what is told is how far a person's two eyes, and
the photos at rest and of shown teeth, differ; of the simulated cohort these two are photos of their own, the
others are drawn from the one at rest. How often it finds both irises is told for open eyes, for closed ones
(healthy people, who close both) and for photos at rest that were blurred. The last line is one JSON object.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.phantom_places import HEIGHT, WIDTH, in_photo, in_view
from grading.cohort import LabelledRecording, read_cohort
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import view
from grading.irises import Irises, find_irises
from grading.phantom import draw_photo, random_anatomy, random_palsy
from grading.phantom.eyes import IRIS_RADIUS
from grading.photos import load_photo
from grading.protocols import JENA9

CLOSED = ("EYESOFT", "EYETIGHT")
BLUR = 2.5
"""Standard deviation in pixels of the view, 1.2 mm of the face."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=40, help="drawn faces, two photos each")
    parser.add_argument("--cohort", type=Path, help="a cohort folder of real faces")
    parser.add_argument("--limit", type=int, default=110, help="recordings of the cohort")
    arguments = parser.parse_args()
    figures: dict[str, object] = {"benchmark": "iris", "phantoms": _on_phantoms(arguments.phantoms)}
    if arguments.cohort:
        figures["cohort"] = _on_cohort(read_cohort(arguments.cohort).recordings[: arguments.limit])
    for group, found in figures.items():
        print(f"{group}: {found}")
    print(json.dumps(figures))


def _on_phantoms(faces: int) -> dict[str, float]:
    centres: list[float] = []
    radii: list[float] = []
    asked, closed, closed_found = 0, 0, 0
    for number in range(faces):
        rng = np.random.default_rng([77, number])
        anatomy, palsy = random_anatomy(rng), random_palsy(rng)
        for pose in ("REST", "EYETIGHT"):
            seed = [77, number, JENA9.by_code[pose].number]
            photo = draw_photo(anatomy, palsy, pose, np.random.default_rng(seed), width=WIDTH, height=HEIGHT)
            eyes = find_eyes(photo, find_face(photo))
            irises = find_irises(view(photo, eyes))
            if pose == "EYETIGHT":
                closed += 1
                closed_found += (irises.left if palsy.side == "R" else irises.right) is not None
                continue
            x = anatomy.eye_x
            true = in_view(in_photo(np.array([[-x, 0], [x, 0], [x + IRIS_RADIUS, 0]]), anatomy, seed), eyes)
            radius = float(np.hypot(*(true[2] - true[1])))
            for iris, centre in zip((irises.right, irises.left), true, strict=False):
                asked += 1
                if iris:
                    centres.append(float(np.hypot(*(np.array([iris.x, iris.y]) - centre))) / radius)
                    radii.append(iris.radius / radius - 1)
    return {
        "eyes at rest": asked,
        "found": _percent(len(radii) / asked),
        "radius, mean error": _percent(np.mean(radii)),
        "radius, median |error|": _percent(np.median(np.abs(radii))),
        "radius, 95 % within": _percent(np.quantile(np.abs(radii), 0.95)),
        "centre, median error in % of the radius": _percent(np.median(centres)),
        "healthy eyes closed tightly": closed,
        "found in them": _percent(closed_found / closed),
    }


def _on_cohort(recordings: tuple[LabelledRecording, ...]) -> dict[str, float]:
    sides: list[float] = []
    again: list[float] = []
    opened, opened_found, closed, closed_found, blurred, blurred_found = 0, 0, 0, 0, 0, 0
    blurred_off: list[float] = []
    for recording in recordings:
        rest: float | None = None
        for pose, level in _views(recording):
            irises = find_irises(level)
            size = _size(irises)
            if pose in CLOSED:
                closed += recording.healthy
                closed_found += recording.healthy and size is not None
                continue
            opened += 1
            opened_found += size is not None
            if size is None:
                continue
            if pose == "REST" and irises.right and irises.left:
                rest = size
                sides.append(irises.right.radius / irises.left.radius - 1)
                smooth = gaussian_filter(level.astype(float), (BLUR, BLUR, 0)).astype(np.uint8)
                soft = _size(find_irises(smooth))
                blurred += 1
                if soft is not None:
                    blurred_found += 1
                    blurred_off.append(soft / size - 1)
            if pose == "TEETH" and rest is not None:
                again.append(size / rest - 1)
    return {
        "photos with open eyes": opened,
        "both irises found": _percent(opened_found / opened),
        "right against left at rest, median |difference|": _percent(np.median(np.abs(sides))),
        "right against left at rest, 95 % within": _percent(np.quantile(np.abs(sides), 0.95)),
        "pairs of rest and shown teeth": len(again),
        "scale again in the other photo, median |difference|": _percent(np.median(np.abs(again))),
        "scale again in the other photo, 95 % within": _percent(np.quantile(np.abs(again), 0.95)),
        "photos of healthy people with closed eyes": closed,
        "irises found in them": _percent(closed_found / closed) if closed else 0.0,
        "blurred photos at rest": blurred,
        "found in blurred ones": _percent(blurred_found / blurred) if blurred else 0.0,
        "blurred, median |difference| of the size": _percent(np.median(np.abs(blurred_off)))
        if blurred_off
        else 0.0,
    }


def _views(recording: LabelledRecording) -> Iterator[tuple[str, Photo]]:
    """The level views of a recording, in its order, without photos that show no clear face."""
    for pose, path in recording.photos.items():
        try:
            photo = load_photo(path)
            eyes = find_eyes(photo, find_face(photo))
        except PermanentError:
            continue
        yield pose, view(photo, eyes)


def _size(irises: Irises) -> float | None:
    """The mean radius in pixels of the view, None where one iris was not found."""
    if irises.right is None or irises.left is None:
        return None
    return (irises.right.radius + irises.left.radius) / 2


def _percent(share: float | np.floating) -> float:
    return round(100 * float(share), 2)


if __name__ == "__main__":
    main()
