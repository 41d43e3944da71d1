"""How far scores move when photos change in ways that tell nothing of the face.

    python -m benchmarks.steadiness --cohort FOLDER [--bundle FOLDER ...] [--series N] [--draws N]

Recordings spread over the cohort are graded as they are, and again with each of their photos disturbed on its
own: noise of one grey level, compressed once more as JPEG of quality 92, shifted by half a pixel, enlarged or
reduced by 1 %, turned by 1 degree. The affected side is given. All bundles grade the same disturbed photos.
What is told is the distance of each item's score from that of the undisturbed photos, in points, beside the
smallest change that the bundle can detect (MDC), and how far the eyes move, in percent of their distance. The
last line is one JSON object.
"""

import argparse
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grading.bundle import COMMISSIONING_BUNDLE, load_bundle
from grading.cohort import read_cohort
from grading.eyes import Eyes
from grading.face import Photo
from grading.grader import Grader
from grading.photos import load_photo
from grading.preparing import PreparedPhoto, prepare_series
from grading.uncertainty import by_score

NOISE = 1.0
QUALITY = 92
SHIFT = 0.5
SCALE = 0.01
TURN = math.radians(1)

Floats = NDArray[np.float64]
Disturbed = tuple[Photo, Floats]
"""A photo, and the (2, 3) matrix that leads from its places, (x, y, 1), to those of the photo as it was."""

STILL = np.eye(3)[:2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True, help="a cohort folder")
    parser.add_argument("--bundle", type=Path, action="append", help="bundles to compare, by default ours")
    parser.add_argument("--series", type=int, default=20, help="recordings, spread over the cohort")
    parser.add_argument("--draws", type=int, default=1, help="draws of each disturbance")
    arguments = parser.parse_args()
    folders = arguments.bundle or [COMMISSIONING_BUNDLE]
    graders = [Grader(load_bundle(folder)) for folder in folders]
    recordings = read_cohort(arguments.cohort).recordings
    chosen = np.linspace(0, len(recordings) - 1, min(arguments.series, len(recordings))).round().astype(int)
    moved: list[dict[str, list[Floats]]] = [{name: [] for name in DISTURBANCES} for _ in graders]
    eyes: list[dict[str, list[float]]] = [{name: [] for name in DISTURBANCES} for _ in graders]
    for number in chosen:
        recording = recordings[number]
        photos = {pose: load_photo(path) for pose, path in recording.photos.items()}
        before = [_grade(grader, photos, recording.side) for grader in graders]
        for name, disturb in DISTURBANCES.items():
            for draw in range(arguments.draws):
                rng = np.random.default_rng([int(number), draw])
                disturbed = {pose: disturb(photo, rng) for pose, photo in photos.items()}
                changed = {pose: photo for pose, (photo, _) in disturbed.items()}
                for place, grader in enumerate(graders):
                    scores, prepared = _grade(grader, changed, recording.side)
                    moved[place][name].append(np.abs(scores - before[place][0]))
                    eyes[place][name] += [
                        _eye_move(before[place][1][pose].eyes, one.eyes, disturbed[pose][1])
                        for pose, one in prepared.items()
                    ]
    figures: dict[str, object] = {"benchmark": "steadiness", "series": len(chosen), "draws": arguments.draws}
    for folder, grader, scores_moved, eyes_moved in zip(folders, graders, moved, eyes, strict=True):
        bundle = grader.bundle
        print(f"\n{folder}: {bundle.name} {bundle.version}, {bundle.hash[:12]}")
        figures[str(folder)] = {
            "by disturbance": _tell_disturbances(scores_moved, eyes_moved),
            "by item": _tell_items(grader, scores_moved),
        }
    print(json.dumps(figures))


def noisy(photo: Photo, rng: np.random.Generator) -> Disturbed:
    """Normal noise of one grey level in every pixel and colour."""
    noise = rng.normal(0, NOISE, photo.shape)
    return np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8), STILL


def compressed(photo: Photo, rng: np.random.Generator) -> Disturbed:
    """Compressed once more, and decoded."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file)), STILL


def shifted(photo: Photo, rng: np.random.Generator) -> Disturbed:
    """By half a pixel to any side."""
    way = rng.uniform(0, 2 * math.pi)
    return _drawn(photo, np.array([[1, 0, SHIFT * math.cos(way)], [0, 1, SHIFT * math.sin(way)]]))


def scaled(photo: Photo, rng: np.random.Generator) -> Disturbed:
    """Enlarged or reduced about its middle."""
    return _drawn(photo, _about_middle(photo, np.eye(2) * (1 + SCALE * rng.choice([-1, 1]))))


def turned(photo: Photo, rng: np.random.Generator) -> Disturbed:
    """To the left or the right about its middle."""
    angle = TURN * rng.choice([-1, 1])
    cosine, sine = math.cos(angle), math.sin(angle)
    return _drawn(photo, _about_middle(photo, np.array([[cosine, -sine], [sine, cosine]])))


DISTURBANCES: Mapping[str, Callable[[Photo, np.random.Generator], Disturbed]] = {
    "noise of one grey level": noisy,
    "JPEG of quality 92": compressed,
    "shift by half a pixel": shifted,
    "size changed by 1 %": scaled,
    "turn by 1 degree": turned,
}


def _about_middle(photo: Photo, turn: Floats) -> Floats:
    middle = np.array([photo.shape[1], photo.shape[0]]) / 2
    return np.column_stack([turn, middle - turn @ middle])


def _drawn(photo: Photo, back: Floats) -> Disturbed:
    image = Image.fromarray(photo)
    coefficients = back.ravel().tolist()
    drawn = image.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return np.asarray(drawn), back


def _grade(
    grader: Grader, photos: Mapping[str, Photo], side: str | None
) -> tuple[Floats, dict[str, PreparedPhoto]]:
    """Scores in the order of the bundle's items, not clipped to them where they end, and the photos."""
    prepared, refused = prepare_series(photos, grader.bundle.preprocessing)
    for error in refused.values():
        raise error
    grading = grader.grade({pose: one.crop for pose, one in prepared.items()}, side)
    return np.array([grading.scores[head.item] for head in grader.bundle.heads]), prepared


def _eye_move(before: Eyes, after: Eyes, back: Floats) -> float:
    """How far the eyes lie from where they were, root mean square of both in percent of their distance."""
    places = np.array([[*after.right, 1.0], [*after.left, 1.0]]) @ back.T
    squares = ((places - np.array([before.right, before.left])) ** 2).sum(axis=1)
    return 100 * math.sqrt(float(squares.mean())) / before.distance


def _tell_disturbances(
    moved: Mapping[str, list[Floats]], eyes: Mapping[str, list[float]]
) -> dict[str, dict[str, float]]:
    told = {}
    print(f"{'':24} {'scores, points':>24} {'worst item':>12} {'eyes, %':>14}")
    for name, changes in moved.items():
        all_items = np.stack(changes)
        told[name] = found = _spread(all_items.ravel()) | {
            "worst item": round(float(all_items.max(axis=1).mean()), 2),
            **{f"eyes {key}": value for key, value in _spread(eyes[name]).items()},
        }
        print(
            f"{name:24} mean {found['mean']:5.2f} p95 {found['p95']:6.2f} {found['worst item']:12.2f} "
            f"{found['eyes mean']:6.2f} p95 {found['eyes p95']:.2f}"
        )
    return told


def _tell_items(grader: Grader, moved: Mapping[str, list[Floats]]) -> dict[str, dict[str, float]]:
    known = by_score(grader.bundle.uncertainties)
    changes = np.concatenate([np.stack(one) for one in moved.values()])
    told = {}
    for column, head in enumerate(grader.bundle.heads):
        told[head.item] = found = _spread(changes[:, column])
        if head.item in known:
            found["mdc"] = known[head.item].mdc
        print(f"{head.item:4} mean {found['mean']:5.2f} p95 {found['p95']:6.2f} MDC {found.get('mdc', '-')}")
    return told


def _spread(values: Iterable[float]) -> dict[str, float]:
    numbers = np.fromiter(values, dtype=np.float64)
    return {"mean": round(float(numbers.mean()), 2), "p95": round(float(np.percentile(numbers, 95)), 2)}


if __name__ == "__main__":
    main()
